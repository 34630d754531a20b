package weights

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// write returns a file of these tensors, open until the test ends.
func write(t testing.TB, tensors ...Tensor) *File {
	t.Helper()
	return open(t, put(t, "model.safetensors", encode(t, tensors, nil)))
}

// rising returns a tensor of that shape with the elements start, start+1, …
func rising(name string, start float32, shape ...int) Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	data := make([]float32, n)
	for i := range data {
		data[i] = start + float32(i)
	}
	return F32(name, shape, data)
}

func TestDiTNames(t *testing.T) {
	const block = "transformer_blocks.11."
	embedder := func(n int) string { return fmt.Sprintf("transformer_blocks.%d.norm1.emb.", n) }
	for _, c := range []struct {
		name string
		file []Tensor
		want []string // NAME shape
	}{
		{"nothing", nil, nil},
		{"original names stay", []Tensor{rising("pos_embed", 0, 1, 4, 2), rising("blocks.0.attn.qkv.weight", 0, 6, 2),
			rising("x_embedder.proj.bias", 0, 2)},
			[]string{"blocks.0.attn.qkv.weight [6 2]", "pos_embed [1 4 2]", "x_embedder.proj.bias [2]"}},
		{"diffusers", []Tensor{
			rising("pos_embed.proj.weight", 0, 2, 4, 2, 2), rising("proj_out_1.bias", 0, 4),
			rising("proj_out_2.weight", 0, 8, 2),
			rising(block+"norm1.linear.weight", 0, 12, 2), rising(block+"attn1.to_out.0.bias", 0, 2),
			rising(block+"ff.net.0.proj.weight", 0, 8, 2), rising(block+"ff.net.2.bias", 0, 2),
		}, []string{
			"blocks.11.adaLN_modulation.1.weight [12 2]", "blocks.11.attn.proj.bias [2]",
			"blocks.11.mlp.fc1.weight [8 2]", "blocks.11.mlp.fc2.bias [2]",
			"final_layer.adaLN_modulation.1.bias [4]", "final_layer.linear.weight [8 2]",
			"x_embedder.proj.weight [2 4 2 2]",
		}},
		{"one embedder of many blocks", []Tensor{
			rising(embedder(0)+"timestep_embedder.linear_1.weight", 0, 2, 3),
			rising(embedder(10)+"timestep_embedder.linear_1.weight", 0, 2, 3),
			rising(embedder(2)+"timestep_embedder.linear_2.bias", 0, 2),
			rising(embedder(0)+"class_embedder.embedding_table.weight", 0, 11, 2),
		}, []string{"t_embedder.mlp.0.weight [2 3]", "t_embedder.mlp.2.bias [2]",
			"y_embedder.embedding_table.weight [11 2]"}},
		{"q, k and v", []Tensor{
			rising(block+"attn1.to_v.bias", 4, 2), rising(block+"attn1.to_q.bias", 0, 2),
			rising(block+"attn1.to_k.bias", 2, 2),
		}, []string{"blocks.11.attn.qkv.bias [6]"}},
		{"no k", []Tensor{rising(block+"attn1.to_q.bias", 0, 2), rising(block+"attn1.to_v.bias", 4, 2)},
			[]string{"blocks.11.attn.q.bias [2]", "blocks.11.attn.v.bias [2]"}},
		{"k of another shape", []Tensor{rising(block+"attn1.to_q.bias", 0, 2), rising(block+"attn1.to_k.bias", 0, 3),
			rising(block+"attn1.to_v.bias", 4, 2)},
			[]string{"blocks.11.attn.k.bias [3]", "blocks.11.attn.q.bias [2]", "blocks.11.attn.v.bias [2]"}},
		{"scalars", []Tensor{rising(block+"attn1.to_q.bias", 0), rising(block+"attn1.to_k.bias", 0),
			rising(block+"attn1.to_v.bias", 4)},
			[]string{"blocks.11.attn.k.bias []", "blocks.11.attn.q.bias []", "blocks.11.attn.v.bias []"}},
		{"another model", []Tensor{rising("conv1.weight", 0, 1)}, []string{"conv1.weight [1]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := DiT(write(t, c.file...))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, name := range s.Names() {
				shape, _ := s.Shape(name)
				got = append(got, fmt.Sprint(name, " ", shape))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("have %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestDiTStacksInOrder(t *testing.T) {
	s, err := DiT(write(t,
		rising("transformer_blocks.0.attn1.to_k.weight", 4, 2, 2),
		rising("transformer_blocks.0.attn1.to_v.weight", 8, 2, 2),
		rising("transformer_blocks.0.attn1.to_q.weight", 0, 2, 2)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Float32s("blocks.0.attn.qkv.weight")
	if want := []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}; err != nil || !slices.Equal(got, want) {
		t.Errorf("have %v, %v, want %v", got, err, want)
	}
}

func TestDiTEmbeddersDiffer(t *testing.T) {
	_, err := DiT(write(t,
		rising("transformer_blocks.0.norm1.emb.timestep_embedder.linear_1.bias", 0, 2),
		rising("transformer_blocks.1.norm1.emb.timestep_embedder.linear_1.bias", 1, 2)))
	wantError(t, err, ErrMismatch, "model.safetensors", "transformer_blocks.1.norm1", "differs from",
		"transformer_blocks.0.norm1", "t_embedder.mlp.0.bias")
}

func TestAutoencoderNames(t *testing.T) {
	const mid = "decoder.mid_block.attentions.0."
	want := map[string][]float32{
		mid + "to_q.weight": {0, 1, 2, 3}, mid + "to_k.bias": {4, 5}, mid + "to_v.weight": {6, 7, 8, 9}, mid +
			"to_out.0.weight": {1, 2, 3, 4},
		mid + "group_norm.weight": {0, 1}, "quant_conv.weight": {5, 6, 7, 8},
	}
	specs := []Spec{
		{Name: mid + "to_q.weight", Shape: []int{2, 2}}, {Name: mid + "to_k.bias", Shape: []int{2}},
		{Name: mid + "to_v.weight", Shape: []int{2, 2}}, {Name: mid + "to_out.0.weight", Shape: []int{2, 2}},
		{Name: mid + "group_norm.weight", Shape: []int{2}}, {Name: "quant_conv.weight", Shape: []int{2, 2, 1, 1}},
	}
	norm, quant := rising(mid+"group_norm.weight", 0, 2), rising("quant_conv.weight", 5, 2, 2, 1, 1)
	for name, file := range map[string][]Tensor{
		"new": {norm, quant, rising(mid+"to_q.weight", 0, 2, 2), rising(mid+"to_k.bias", 4, 2),
			rising(mid+"to_v.weight", 6, 2, 2), rising(mid+"to_out.0.weight", 1, 2, 2)},
		"old": {norm, quant, rising(mid+"query.weight", 0, 2, 2), rising(mid+"key.bias", 4, 2),
			rising(mid+"value.weight", 6, 2, 2), rising(mid+"proj_attn.weight", 1, 2, 2)},
		"old, convolutions": {norm, quant, rising(mid+"query.weight", 0, 2, 2, 1, 1), rising(mid+"key.bias", 4, 2),
			rising(mid+"value.weight", 6, 2, 2, 1, 1), rising(mid+"proj_attn.weight", 1, 2, 2, 1, 1)},
	} {
		s, err := Autoencoder(write(t, file...))
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Load(specs)
		if err != nil || !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%s names: have %v, %v, want %v", name, got, err, want)
		}
	}
	_, err := Autoencoder(write(t, rising(mid+"query.bias", 0, 2), rising(mid+"to_q.bias", 1, 2)))
	wantError(t, err, ErrMismatch, mid+"query.bias", mid+"to_q.bias")
}

func TestLoad(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	a, b := Spec{Name: "a", Shape: []int{2}}, Spec{Name: "b", Shape: []int{1, 3}, Optional: true}
	for _, c := range []struct {
		name string
		file []Tensor
		want []Spec
		says []string // words of the error; nil: loads
	}{
		{"all", []Tensor{rising("a", 0, 2), rising("b", 0, 1, 3)}, []Spec{a, b}, nil},
		{"without the optional", []Tensor{rising("a", 0, 2)}, []Spec{a, b}, nil},
		{"nothing of nothing", nil, nil, nil},
		{"missing", nil, []Spec{a, b}, []string{`tensor "a" is missing, want shape [2]`}},
		{"superfluous", []Tensor{rising("a", 0, 2), rising("c", 0, 5)}, []Spec{a},
			[]string{`tensor "c", shape [5], is superfluous`}},
		{"misshapen", []Tensor{rising("a", 0, 3)}, []Spec{a}, []string{`tensor "a" has shape [3], want [2]`}},
		{"misshapen, as many elements", []Tensor{rising("a", 0, 1, 2)}, []Spec{a},
			[]string{`tensor "a" has shape [1 2], want [2]`}},
		{"misshapen optional", []Tensor{rising("a", 0, 2), rising("b", 0, 3)}, []Spec{a, b},
			[]string{`tensor "b" has shape [3], want [1 3]`}},
		{"NaN", []Tensor{F32("a", []int{2}, []float32{0, nan})}, []Spec{a}, []string{`tensor "a": element 1 is NaN`}},
		{"infinite", []Tensor{F32("a", []int{2}, []float32{-inf, 0})}, []Spec{a},
			[]string{`tensor "a": element 0 is -Inf`}},
		{"float64 beyond float32", []Tensor{F64("a", []int{2}, []float64{1e300, 0})}, []Spec{a},
			[]string{`tensor "a": element 0 is +Inf`}},
		{"both not finite", []Tensor{F32("a", []int{2}, []float32{inf, 0}),
			F32("b", []int{1, 3}, []float32{0, 0, nan})}, []Spec{a, b}, []string{`"a"`, `"b"`}},
		{"whole numbers", []Tensor{I64("a", []int{2}, []int64{1, 2})}, []Spec{a}, []string{`tensor "a" has type I64`}},
		{"everything at once", []Tensor{rising("b", 0, 9), rising("c", 0, 1)}, []Spec{a, b},
			[]string{`"a" is missing`, `"b" has shape [9]`, `"c", shape [1], is superfluous`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := write(t, c.file...)
			got, err := AsIs(f).Load(c.want)
			if c.says != nil {
				wantError(t, err, nil, append(c.says, f.Paths()[0])...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range c.file {
				if want, _ := x.Float32s(); !slices.Equal(got[x.Name], want) {
					t.Errorf("%s: have %v, want %v", x.Name, got[x.Name], want)
				}
			}
		})
	}
}

// A message about another model's file stays readable, and names tensors as they are there.
func TestLoadAnotherModel(t *testing.T) {
	file := []Tensor{rising("proj_out_1.bias", 0, 7)}
	for i := range 25 {
		file = append(file, rising(fmt.Sprintf("layer%02d", i), 0, 1))
	}
	s, err := DiT(write(t, file...))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Load([]Spec{{Name: "final_layer.adaLN_modulation.1.bias", Shape: []int{4}}})
	wantError(t, err, ErrMismatch, `tensor "final_layer.adaLN_modulation.1.bias" (in the file "proj_out_1.bias") `+
		`has shape [7], want [4]`, `"layer08"`, "and 16 more")
	if strings.Contains(err.Error(), "layer09") {
		t.Errorf("more than %d named: %v", maxNamed, err)
	}
}

func TestEachStopsWhenToldTo(t *testing.T) {
	stop := errors.New("stop")
	var seen []string
	err := AsIs(write(t, rising("a", 0, 1), rising("b", 0, 1))).Each(
		[]Spec{{Name: "b", Shape: []int{1}}, {Name: "a", Shape: []int{1}}},
		func(w Spec, _ []float32) error {
			seen = append(seen, w.Name)
			return stop
		})
	if err != stop || !slices.Equal(seen, []string{"b"}) {
		t.Errorf("have %v after %q, want %v after b", err, seen, stop)
	}
}

func TestSetAfterClose(t *testing.T) {
	f := write(t, rising("a", 0, 2))
	s := AsIs(f)
	f.Close()
	_, err := s.Float32s("a")
	wantError(t, err, nil, `"a"`, "closed")
	_, err = s.Float32s("b")
	wantError(t, err, nil, `no tensor "b"`)
}

// Law: a model in shards is the model in one file.
func TestShardsLoadAsOne(t *testing.T) {
	a, b, c := rising("blocks.0.a", 0, 2), rising("blocks.1.a", 5, 2), rising("z", 9, 1, 2)
	dir := t.TempDir()
	index := `{"weight_map":{"blocks.0.a":"m-1.safetensors","blocks.1.a":"m-2.safetensors","z":"m-1.safetensors"}}`
	for name, content := range map[string][]byte{
		"m.safetensors.index.json": []byte(index), "m-1.safetensors": encode(t, []Tensor{a, c}, nil),
		"m-2.safetensors": encode(t, []Tensor{b}, nil),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want := []Spec{{Name: "blocks.0.a", Shape: []int{2}}, {Name: "blocks.1.a", Shape: []int{2}},
		{Name: "z", Shape: []int{1, 2}}}
	one, err1 := AsIs(write(t, a, b, c)).Load(want)
	many, err2 := AsIs(open(t, filepath.Join(dir, "m.safetensors.index.json"))).Load(want)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(one, many, slices.Equal) {
		t.Errorf("one file %v, shards %v", one, many)
	}
}
