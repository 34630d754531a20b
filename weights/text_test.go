package weights

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// textTensors are a text encoder's, of two layers, width 4 and 3 outputs, under transformers' names.
func textTensors() []Tensor {
	var list []Tensor
	add := func(name string, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		data := make([]float32, n)
		for i := range data {
			data[i] = float32(len(list)*100 + i)
		}
		list = append(list, F32(name, shape, data))
	}
	add("embeddings.token_embedding.weight", 7, 4)
	add("embeddings.position_embedding.weight", 5, 4)
	for i := range 2 {
		layer := fmt.Sprintf("encoder.layers.%d.", i)
		for _, part := range []string{"q", "k", "v", "out"} {
			add(layer+"self_attn."+part+"_proj.weight", 4, 4)
			add(layer+"self_attn."+part+"_proj.bias", 4)
		}
		for _, norm := range []string{"layer_norm1", "layer_norm2"} {
			add(layer+norm+".weight", 4)
			add(layer+norm+".bias", 4)
		}
		add(layer+"mlp.fc1.weight", 8, 4)
		add(layer+"mlp.fc1.bias", 8)
		add(layer+"mlp.fc2.weight", 4, 8)
		add(layer+"mlp.fc2.bias", 4)
	}
	add("final_layer_norm.weight", 4)
	add("final_layer_norm.bias", 4)
	add("text_projection.weight", 3, 4)
	return list
}

// inTransformers puts text_model. before all names but that of the projection.
func inTransformers(list []Tensor) []Tensor {
	list = slices.Clone(list)
	for i := range list {
		if !strings.HasPrefix(list[i].Name, "text_projection") {
			list[i].Name = "text_model." + list[i].Name
		}
	}
	return list
}

// openCLIP puts the tensors under OpenCLIP's names, q, k and v in one and the projection turned.
func openCLIP(list []Tensor) []Tensor {
	names := strings.NewReplacer("encoder.layers.", "transformer.resblocks.", "layer_norm", "ln_", "self_attn.out_proj",
		"attn.out_proj",
		"mlp.fc1", "mlp.c_fc", "mlp.fc2", "mlp.c_proj", "embeddings.token_embedding", "token_embedding",
		"embeddings.position_embedding.weight", "positional_embedding", "final_layer_norm", "ln_final")
	fused := map[string][]float32{}
	var out []Tensor
	for _, t := range list {
		data, _ := t.Float32s()
		layer, part, ok := strings.Cut(t.Name, "self_attn.")
		switch {
		case ok && !strings.HasPrefix(part, "out"): // in the order q, k, v
			name := names.Replace(layer) + "attn.in_proj_" + part[strings.LastIndex(part, ".")+1:]
			fused[name] = append(fused[name], data...)
		case t.Name == "text_projection.weight":
			turned := make([]float32, 0, 12)
			for j := range 4 {
				for i := range 3 {
					turned = append(turned, data[i*4+j])
				}
			}
			out = append(out, F32("text_projection", []int{4, 3}, turned))
		default:
			t.Name = names.Replace(t.Name)
			out = append(out, t)
		}
	}
	for name, data := range fused {
		shape := []int{12}
		if len(data) == 48 {
			shape = []int{12, 4}
		}
		out = append(out, F32(name, shape, data))
	}
	return out
}

func before(prefix string, list []Tensor) []Tensor {
	list = slices.Clone(list)
	for i := range list {
		list[i].Name = prefix + list[i].Name
	}
	return list
}

// TestTextEncoder: the names of all programs lead to the same tensors.
func TestTextEncoder(t *testing.T) {
	one := textTensors()
	unprojected := one[:len(one)-1]
	ids := I64("text_model.embeddings.position_ids", []int{1, 5}, []int64{0, 1, 2, 3, 4})
	scale := F32("logit_scale", nil, []float32{4})
	vae := F32("first_stage_model.quant_conv.weight", []int{1}, []float32{1})
	want, _, err := TextEncoder(fileWith(t, one), false)
	if err != nil {
		t.Fatal(err)
	}
	plain, _, err := TextEncoder(fileWith(t, unprojected), false)
	if err != nil {
		t.Fatal(err)
	}
	if shape, _ := want.Shape("encoder.layers.1.self_attn.qkv_proj.weight"); !slices.Equal(shape, []int{12, 4}) {
		t.Errorf("q, k and v have shape %v, want [12 4]", shape)
	}
	for _, c := range []struct {
		name   string
		list   []Tensor
		second bool
		kind   TextKind
		want   *Set
	}{
		{"transformers v4", append(inTransformers(one), ids), false, TextKind{}, want},
		{"a whole CLIP", append(inTransformers(one), scale, F32("visual_projection.weight", []int{1}, []float32{1}),
			F32("vision_model.post_layernorm.bias", []int{1}, []float32{1})), false, TextKind{}, want},
		{"OpenCLIP", append(openCLIP(one), scale, F32("attn_mask", []int{1}, []float32{0}),
			F32("visual.proj", []int{1}, []float32{1})),
			false, TextKind{OpenCLIP: true}, want},
		{"the checkpoint of Stable Diffusion 1",
			append(before("cond_stage_model.transformer.", append(inTransformers(unprojected), ids)), vae),
			false, TextKind{Checkpoint: true}, plain},
		{"of Stable Diffusion 2", append(before("cond_stage_model.model.", append(openCLIP(one), scale)), vae),
			false, TextKind{true, true}, want},
		{"of SDXL, the first", slices.Concat(before("conditioner.embedders.0.transformer.",
			inTransformers(unprojected)),
			before("conditioner.embedders.1.model.", openCLIP(one)), []Tensor{vae}), false, TextKind{Checkpoint: true},
			plain},
		{"of SDXL, the second", slices.Concat(before("conditioner.embedders.0.transformer.",
			inTransformers(unprojected)),
			before("conditioner.embedders.1.model.", openCLIP(one)), []Tensor{vae}), true, TextKind{true, true}, want},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, kind, err := TextEncoder(fileWith(t, c.list), c.second)
			if err != nil {
				t.Fatal(err)
			}
			if kind != c.kind {
				t.Errorf("found as %+v, want %+v", kind, c.kind)
			}
			if !slices.Equal(got.Names(), c.want.Names()) {
				t.Fatalf("has %q, want %q", got.Names(), c.want.Names())
			}
			for _, name := range got.Names() {
				a, errA := got.Float32s(name)
				b, errB := c.want.Float32s(name)
				shapeA, _ := got.Shape(name)
				shapeB, _ := c.want.Shape(name)
				if errA != nil || errB != nil || !slices.Equal(a, b) || !slices.Equal(shapeA, shapeB) {
					t.Errorf("%q differs: %v, %v", name, errA, errB)
				}
			}
		})
	}
	for name, c := range map[string]struct {
		list   []Tensor
		second bool
	}{
		"a checkpoint without": {[]Tensor{vae, F32("model.diffusion_model.out.2.bias", []int{1}, []float32{1})}, false},
		"no second":            {one, true},
		"a projection that is no matrix": {[]Tensor{F32("transformer.resblocks.0.ln_1.weight", []int{1}, []float32{1}),
			F32("text_projection", []int{1}, []float32{1})}, false},
	} {
		if _, _, err := TextEncoder(fileWith(t, c.list), c.second); !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: %v, want an ErrMismatch", name, err)
		}
	}
}
