package weights

import (
	"fmt"
	"slices"
	"testing"
)

// names returns the file's names of a set's tensors by ours.
func names(s *Set) map[string]string {
	all := map[string]string{}
	for _, name := range s.Names() {
		all[name] = s.parts[name][0].Name
	}
	return all
}

// TestCompVisNames: pairs of names from the Stable Diffusion 1.5 checkpoint and from diffusers' copy of its
// autoencoder.
func TestCompVisNames(t *testing.T) {
	pairs := [][2]string{
		{"encoder.conv_in.weight", "encoder.conv_in.weight"},
		{"encoder.down.0.block.0.norm1.weight", "encoder.down_blocks.0.resnets.0.norm1.weight"},
		{"encoder.down.1.block.0.nin_shortcut.bias", "encoder.down_blocks.1.resnets.0.conv_shortcut.bias"},
		{"encoder.down.2.block.1.conv2.weight", "encoder.down_blocks.2.resnets.1.conv2.weight"},
		{"encoder.down.2.downsample.conv.weight", "encoder.down_blocks.2.downsamplers.0.conv.weight"},
		{"encoder.mid.block_1.conv1.weight", "encoder.mid_block.resnets.0.conv1.weight"},
		{"encoder.mid.block_2.norm2.bias", "encoder.mid_block.resnets.1.norm2.bias"},
		{"encoder.mid.attn_1.norm.weight", "encoder.mid_block.attentions.0.group_norm.weight"},
		{"encoder.mid.attn_1.q.weight", "encoder.mid_block.attentions.0.to_q.weight"},
		{"encoder.norm_out.weight", "encoder.conv_norm_out.weight"},
		{"encoder.conv_out.bias", "encoder.conv_out.bias"},
		{"quant_conv.weight", "quant_conv.weight"},
		{"post_quant_conv.bias", "post_quant_conv.bias"},
		{"decoder.conv_in.bias", "decoder.conv_in.bias"},
		{"decoder.mid.attn_1.k.bias", "decoder.mid_block.attentions.0.to_k.bias"},
		{"decoder.mid.attn_1.v.weight", "decoder.mid_block.attentions.0.to_v.weight"},
		{"decoder.mid.attn_1.proj_out.weight", "decoder.mid_block.attentions.0.to_out.0.weight"},
		{"decoder.up.0.block.0.nin_shortcut.weight", "decoder.up_blocks.3.resnets.0.conv_shortcut.weight"},
		{"decoder.up.0.block.2.conv1.weight", "decoder.up_blocks.3.resnets.2.conv1.weight"},
		{"decoder.up.1.upsample.conv.weight", "decoder.up_blocks.2.upsamplers.0.conv.weight"},
		{"decoder.up.3.upsample.conv.bias", "decoder.up_blocks.0.upsamplers.0.conv.bias"},
		{"decoder.norm_out.bias", "decoder.conv_norm_out.bias"},
		{"decoder.conv_out.weight", "decoder.conv_out.weight"},
	}
	other := []string{"loss.logvar", "model_ema.decay"}
	for _, c := range []struct {
		name, prefix string
		other        []string
	}{
		{"an autoencoder alone", "", other},
		{"a whole model", "first_stage_model.", append(other, "model.diffusion_model.out.0.bias",
			"cond_stage_model.transformer.x", "alphas_cumprod", "decoder.x")},
	} {
		t.Run(c.name, func(t *testing.T) {
			var file []Tensor
			for _, p := range pairs {
				file = append(file, rising(c.prefix+p[0], 0, 2, 2, 1, 1))
			}
			for _, name := range c.other {
				file = append(file, rising(name, 0, 1))
			}
			file = append(file, rising(c.prefix+"loss.discriminator.main.0.weight", 0, 1))
			s, err := Autoencoder(write(t, file...))
			if err != nil {
				t.Fatal(err)
			}
			got := names(s)
			for _, p := range pairs {
				if got[p[1]] != c.prefix+p[0] {
					t.Errorf("%s is %q, want %q", p[1], got[p[1]], c.prefix+p[0])
				}
			}
			if len(got) != len(pairs) {
				t.Errorf("have %d tensors, want %d: %v", len(got), len(pairs), got)
			}
			shape, _ := s.Shape("decoder.mid_block.attentions.0.to_out.0.weight")
			if !slices.Equal(shape, []int{2, 2}) {
				t.Errorf("a 1×1 convolution of the attention has shape %v, want [2 2]", shape)
			}
		})
	}
}

// A checkpoint made to confuse has names out of place, no panic.
func TestCompVisOddNames(t *testing.T) {
	for _, name := range []string{"decoder.up.9223372036854775807.block.0.x", "decoder.up.99999999999999999999.x",
		"decoder.up.4.", "first_stage_model.decoder.up.1.", "first_stage_model."} {
		if _, err := Autoencoder(write(t, rising(name, 0, 1), rising("decoder.up.0.block.0.conv1.weight", 0,
			1))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTAESDNames(t *testing.T) {
	var file []Tensor
	pairs := [][2]string{
		{"encoder.layers.0.weight", "encoder.0.weight"}, {"encoder.layers.3.conv.2.bias", "encoder.3.conv.2.bias"},
		{"decoder.layers.0.weight", "decoder.1.weight"}, {"decoder.layers.18.bias", "decoder.19.bias"},
		{"encoder.14.weight", "encoder.14.weight"}, {"decoder.3.pool.1.weight", "decoder.3.pool.1.weight"},
		{"decoder.layers.x.weight", "decoder.layers.x.weight"},
	}
	for _, p := range pairs {
		file = append(file, rising(p[0], 0, 1))
	}
	s, err := TAESD(write(t, file...))
	if err != nil {
		t.Fatal(err)
	}
	got := names(s)
	for _, p := range pairs {
		if got[p[1]] != p[0] {
			t.Errorf("%s is %q, want %q", p[1], got[p[1]], p[0])
		}
	}
}

// Two files open as one, under prefixes, and hash as both.
func TestOpenParts(t *testing.T) {
	a := put(t, "a.safetensors", encode(t, []Tensor{rising("x", 1, 2)}, map[string]string{"by": "a"}))
	b := put(t, "b.safetensors", encode(t, []Tensor{rising("x", 3, 2)}, nil))
	f, err := OpenParts(Disk, Part{"one.", a}, Part{"two.", b})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := AsIs(f).Load([]Spec{{Name: "one.x", Shape: []int{2}}, {Name: "two.x", Shape: []int{2}}})
	if err != nil || fmt.Sprint(got) != "map[one.x:[1 2] two.x:[3 4]]" {
		t.Errorf("have %v, %v", got, err)
	}
	other, err := OpenParts(Disk, Part{"one.", b}, Part{"two.", a})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	sum, err1 := f.SHA256(t.Context())
	swapped, err2 := other.SHA256(t.Context())
	if err1 != nil || err2 != nil || sum == swapped {
		t.Errorf("the hashes are %s, %v and %s, %v, want two", sum, err1, swapped, err2)
	}
	_, err = AsIs(f).Load([]Spec{{Name: "one.x", Shape: []int{2}}})
	wantError(t, err, ErrMismatch, a, b, `"two.x"`)
	if _, err = OpenParts(Disk, Part{"one.", a}, Part{"two.", b + "x"}); err == nil {
		t.Error("a part that is not there was opened")
	}
}

// TestCompVisAverages: the averages of an autoencoder's training take the place of its tensors; those in the checkpoint
// of a whole model are the denoiser's.
func TestCompVisAverages(t *testing.T) {
	for _, c := range []struct {
		name  string
		file  []Tensor
		at    string
		first float32 // element of the tensor
		notes int
	}{
		{"an autoencoder", []Tensor{rising("decoder.up.0.block.0.conv1.weight", 1, 2),
			rising("encoder.conv_in.bias", 1, 2), rising("loss.logvar", 1),
			rising("model_ema.decoderup0block0conv1weight", 5, 2), rising("model_ema.encoderconv_inbias", 6, 2),
			rising("model_ema.losslogvar", 7),
			rising("model_ema.decay", 0), rising("model_ema.num_updates", 0)}, "encoder.conv_in.bias", 6, 1},
		{"a part of it", []Tensor{rising("decoder.up.0.block.0.conv1.weight", 1, 2),
			rising("encoder.conv_in.bias", 1, 2),
			rising("model_ema.decoderup0block0conv1weight", 5, 2)}, "encoder.conv_in.bias", 1, 1},
		{"of another shape", []Tensor{rising("decoder.up.0.block.0.conv1.weight", 1, 2),
			rising("encoder.conv_in.bias", 1, 2),
			rising("model_ema.encoderconv_inbias", 5, 3)}, "encoder.conv_in.bias", 1, 0},
		{"a whole model", []Tensor{rising("first_stage_model.decoder.up.0.block.0.conv1.weight", 1, 2),
			rising("first_stage_model.encoder.conv_in.bias", 1, 2),
			rising("model.diffusion_model.x", 1, 2), rising("model_ema.diffusion_modelx", 5, 2)},
			"encoder.conv_in.bias", 1, 0},
	} {
		f := write(t, c.file...)
		plain, err := f.SHA256(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s, err := Autoencoder(f)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		data, err := s.Float32s(c.at)
		if err != nil || data[0] != c.first || len(f.Notes()) != c.notes {
			t.Errorf("%s: %q is %v, %v, notes %q, want %v", c.name, c.at, data, err, f.Notes(), c.first)
		}
		sum, err := f.SHA256(t.Context())
		if err != nil || (sum == plain) != (c.notes == 0) {
			t.Errorf("%s: hash %s, before %s, %v", c.name, sum, plain, err)
		}
	}
}

// TestCompVisParts: both parts are listed and can be chosen, in every kind of file; the average is taken where none is.
func TestCompVisParts(t *testing.T) {
	for _, prefix := range []string{"", "model.", "module."} {
		path := put(t, "vae.safetensors", encode(t, []Tensor{
			rising(prefix+"decoder.up.0.block.0.conv1.weight", 1, 2), rising(prefix+"encoder.conv_in.bias", 2, 2),
			rising("model_ema.decoderup0block0conv1weight", 5, 2), rising("model_ema.encoderconv_inbias", 6, 2),
			rising("model_ema.decay", 0),
		}, nil))
		sums := map[string]string{}
		for _, c := range []struct {
			part         string
			first        float32
			average, raw bool // is taken
			tensors      int
		}{
			{"", 6, true, false, 5},
			{"#model_ema", 6, true, false, 2},
			{"#raw", 2, false, true, 2},
		} {
			f := open(t, path+c.part)
			if have := f.Sections(); len(have) != 2 || have[0].Name != "model_ema" || have[0].Taken != c.average ||
				!have[0].Average ||
				have[1].Name != "raw" || have[1].Taken != c.raw || have[1].Average || have[0].Tensors != 2 ||
				have[1].Tensors != 2 {
				t.Errorf("%q%s: parts %+v", prefix, c.part, have)
			}
			if len(f.Names()) != c.tensors {
				t.Errorf("%q%s: tensors %q, want %d", prefix, c.part, f.Names(), c.tensors)
			}
			s, err := Autoencoder(f)
			if err != nil {
				t.Fatal(err)
			}
			if data, err := s.Float32s("encoder.conv_in.bias"); err != nil || data[0] != c.first {
				t.Errorf("%q%s: have %v, %v, want %v, by %q", prefix, c.part, data, err, c.first, f.Notes())
			}
			if sums[c.part], err = f.SHA256(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if sums[""] != sums["#model_ema"] || sums[""] == sums["#raw"] {
			t.Errorf("%q: hashes %v, want one of the average and another of the raw tensors", prefix, sums)
		}
		_, err := Open(path + "#other")
		wantError(t, err, ErrChoice, `"model_ema", "raw"`)
	}
}
