package latent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
	"mgd3/internal/fixtures/golden"
	"mgd3/internal/fixtures/pytorch"
	"mgd3/rng"
	"mgd3/weights"
)

// random returns random tensors for all that n asks for, under our names.
func random(t *testing.T, e *engine.Engine, n network) []weights.Tensor {
	t.Helper()
	side := n.layout().Downsampling()
	specs, err := e.Declare(func(p engine.Params, in []*Node) []*Node {
		return []*Node{n.decode(p, n.encode(p, in[0]))}
	}, shapes.Make(DType, 1, imageChannels, side, side))
	if err != nil {
		t.Fatal(err)
	}
	return pytorch.Random(specs, 1, 0.1)
}

// save writes a file of these tensors.
func save(t *testing.T, path string, list []weights.Tensor) string {
	t.Helper()
	if err := pytorch.Write(path, list); err != nil {
		t.Fatal(err)
	}
	return path
}

// saveTorch writes a file of these tensors as PyTorch does, under a key of a checkpoint if there is one.
func saveTorch(t *testing.T, path, key string, list []weights.Tensor) string {
	t.Helper()
	archive := pytorch.Torch(list, func(state any) any {
		if key == "" {
			return state
		}
		return pytorch.Dict{{Key: "epoch", Value: 1}, {Key: key, Value: state}}
	})
	saveText(t, path, string(archive.Zip()))
	return path
}

func saveText(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
		t.Fatal(err)
	}
}

// there returns the latent of a picture and what comes back of it.
func there(t *testing.T, a *Autoencoder, size int) []float32 {
	t.Helper()
	shape, err := a.LatentShape(size)
	if err != nil {
		t.Fatal(err)
	}
	image, latents := make([]float32, 3*size*size), make([]float32, shape[0]*shape[1]*shape[2])
	rng.Normals(rng.Stream(2, "image"), image)
	back := make([]float32, len(image))
	if err := errors.Join(a.EncodeMean(latents, image, size), a.DecodeTo(back, latents, size)); err != nil {
		t.Fatal(err)
	}
	return append(latents, back...)
}

// wantSame opens every path and wants the same numbers of all.
func wantSame(t *testing.T, e *engine.Engine, size int, paths map[string]string) {
	t.Helper()
	var want []float32
	for name, at := range paths {
		a, err := Open(t.Context(), e, at)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := there(t, a, size)
		if want == nil {
			want = got
		} else if !slices.Equal(got, want) {
			t.Errorf("%s: other numbers than another layout gives", name)
		}
	}
}

// layouts writes an AutoencoderKL in every layout and returns the paths to open. What shapes do not tell must be as
// in infer.
func layouts(t *testing.T, c Config, list []weights.Tensor) map[string]string {
	t.Helper()
	dir := t.TempDir()
	config, err := c.JSON()
	if err != nil {
		t.Fatal(err)
	}
	saveText(t, filepath.Join(dir, "diffusers", "config.json"), string(config))
	compVis := pytorch.CompVis(list, len(c.BlockOutChannels))
	training := append(slices.Clone(compVis), weights.F32("loss.logvar", nil, []float32{0}),
		weights.F32("model_ema.decay", nil, []float32{1}))
	whole := append(pytorch.Prefixed("first_stage_model.", training),
		weights.F32("model.diffusion_model.out.2.bias", []int{4}, make([]float32, 4)),
		weights.I64("cond_stage_model.ids", []int{1}, []int64{7}))
	inFolder := save(t, filepath.Join(dir, "diffusers", "diffusion_pytorch_model.safetensors"), list)
	save(t, filepath.Join(dir, "plain", "vae.safetensors"), compVis)
	return map[string]string{
		"diffusers' folder":             filepath.Dir(inFolder),
		"diffusers' file in its folder": inFolder,
		"diffusers' file alone":         save(t, filepath.Join(dir, "alone.safetensors"), list),
		"CompVis' file":                 save(t, filepath.Join(dir, "compvis.safetensors"), compVis),
		"CompVis' file with the loss":   save(t, filepath.Join(dir, "training.safetensors"), training),
		"CompVis' file in a folder":     filepath.Join(dir, "plain"),
		"Stable Diffusion's checkpoint": save(t, filepath.Join(dir, "sd.safetensors"), whole),
		"CompVis' file of PyTorch":      saveTorch(t, filepath.Join(dir, "compvis.ckpt"), "state_dict", training),
		"the whole of PyTorch":          saveTorch(t, filepath.Join(dir, "sd.ckpt"), "state_dict", whole),
		"diffusers' file of PyTorch":    saveTorch(t, filepath.Join(dir, "diffusers.bin"), "", list),
	}
}

func TestOpenLayouts(t *testing.T) {
	e := openEngine(t)
	for name, c := range map[string]Config{
		"usual": {BlockOutChannels: []int{32, 64, 32}, LayersPerBlock: 1, LatentChannels: 4, Groups: 32,
			ScalingFactor: defaultScaling},
		"two layers": {BlockOutChannels: []int{32, 64}, LayersPerBlock: 2, LatentChannels: 4, Groups: 32,
			ScalingFactor: defaultScaling},
		"without options": {BlockOutChannels: []int{32}, LayersPerBlock: 1, LatentChannels: 4, Groups: 32,
			ScalingFactor: defaultScaling, SkipAttention: true, SkipQuant: true, SkipPostQuant: true},
	} {
		t.Run(name, func(t *testing.T) {
			wantSame(t, e, 8, layouts(t, c, random(t, e, c)))
		})
	}
}

// TestGoldenLayouts opens a golden case's weights in every layout.
func TestGoldenLayouts(t *testing.T) {
	e := openEngine(t)
	for _, c := range golden.Cases(t, "vae") {
		config, err := readKL(c.Path("config.json"))
		if err != nil {
			t.Fatal(err)
		}
		if config.Groups != 32 {
			continue // no shape tells
		}
		t.Run(c.Name, func(t *testing.T) {
			list, err := pytorch.Read(c.Open(t, "weights.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			paths := layouts(t, config, list)
			paths["the case itself"] = c.Path("weights.safetensors")
			wantSame(t, e, 32, paths)
		})
	}
}

const tinyConfig = `{"_class_name": "AutoencoderTiny", "_diffusers_version": "0.20.0.dev0", "act_fn": "relu",
	"in_channels": 3, "out_channels": 3,
	"encoder_block_out_channels": [8, 8, 8, 8], "decoder_block_out_channels": [8, 8, 8, 8],
	"num_encoder_blocks": [1, 3, 3, 3],
	"num_decoder_blocks": [3, 3, 3, 1], "latent_channels": 4, "latent_magnitude": 3, "latent_shift": 0.5,
	"scaling_factor": 1.0,
	"upsampling_scaling_factor": 2, "force_upcast": false}`

func TestOpenTAESD(t *testing.T) {
	e := openEngine(t)
	for name, c := range map[string]taesd{
		"taesd": {channels: 4, width: 8},
		"taef1": {channels: 16, width: 8},
		"taef2": {channels: 32, width: 8, gated: true},
	} {
		t.Run(name, func(t *testing.T) {
			list := random(t, e, c)
			encoder, decoder := pytorch.Part("encoder.", list), pytorch.Part("decoder.", list)
			dir := t.TempDir()
			at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
			save(t, at("pair/x_encoder.safetensors"), encoder)
			save(t, at("pair/x_decoder.safetensors"), decoder)
			saveTorch(t, at("torch/x_encoder.pth"), "", encoder)
			saveTorch(t, at("torch/x_decoder.pth"), "", decoder)
			save(t, at("many/x_encoder.safetensors"), encoder)
			save(t, at("many/x_decoder.safetensors"), decoder)
			other := random(t, e, taesd{channels: 4, width: 4})
			save(t, at("many/y_encoder.safetensors"), pytorch.Part("encoder.", other))
			save(t, at("many/y_decoder.safetensors"), pytorch.Part("decoder.", other))
			save(t, at("diffusers/diffusion_pytorch_model.safetensors"), pytorch.AutoencoderTiny(list))
			saveText(t, at("diffusers/config.json"), tinyConfig)
			wantSame(t, e, 16, map[string]string{
				"folder of a pair":  at("pair"),
				"pair of PyTorch":   at("torch"),
				"prefix":            at("many/x"),
				"encoder's file":    at("many/x_encoder.safetensors"),
				"decoder's file":    at("many/x_decoder.safetensors"),
				"diffusers' folder": at("diffusers"),
				"diffusers' file":   save(t, at("diffusers.safetensors"), pytorch.AutoencoderTiny(list)),
				"one file":          save(t, at("one.safetensors"), list),
			})
			if _, err := Open(t.Context(), e, at("many")); err == nil || !strings.Contains(err.Error(), "[x y]") {
				t.Errorf("a folder of two pairs: got %v, want an error that names both", err)
			}
		})
	}
}

func TestOpenErrors(t *testing.T) {
	e := openEngine(t)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	kl := Config{BlockOutChannels: []int{32}, LayersPerBlock: 1, LatentChannels: 4, Groups: 32, ScalingFactor: 1}
	wide := kl
	wide.LatentChannels = 16
	narrow := kl
	narrow.BlockOutChannels, narrow.Groups = []int{8}, 8
	list := random(t, e, kl)
	pair := random(t, e, taesd{channels: 4, width: 4})
	for _, name := range []string{"tiny", "shifted", "broken"} {
		save(t, at(name+"/model.safetensors"), pytorch.AutoencoderTiny(pair))
	}
	saveText(t, at("tiny/config.json"), strings.Replace(tinyConfig, "[1, 3, 3, 3]", "[1, 2, 3, 3]", 1))
	saveText(t, at("shifted/config.json"), strings.Replace(tinyConfig, `"scaling_factor": 1.0`, `"scaling_factor": 0.5`,
		1))
	saveText(t, at("broken/config.json"), `{"_class_name": 7}`)
	save(t, at("half/z_encoder.safetensors"), pytorch.Part("encoder.", pair))
	save(t, at("mixed/z_encoder.safetensors"), pytorch.Part("encoder.", pair))
	save(t, at("mixed/z_decoder.safetensors"), pytorch.Part("decoder.", random(t, e, taesd{channels: 4, width: 8})))
	for _, c := range []struct {
		name, path string
		is         error
		says       []string
	}{
		{"nothing there", at("none"), fs.ErrNotExist, []string{"none", "none_encoder"}},
		{"16 channels without a scaling factor", save(t, at("wide.safetensors"), random(t, e, wide)),
			weights.ErrMismatch, []string{"16 latent channels", "config.json"}},
		{"groups that are not 32", save(t, at("narrow.safetensors"), random(t, e, narrow)), weights.ErrMismatch,
			[]string{"has 8"}},
		{"another model", save(t, at("other.safetensors"), pytorch.Prefixed("x_", list)), weights.ErrMismatch,
			[]string{"other.safetensors", "encoder.down_blocks.0"}},
		{"a tensor too few", save(t, at("few.safetensors"), list[:len(list)-1]), weights.ErrMismatch,
			[]string{list[len(list)-1].Name, "missing"}},
		{"another number of blocks", at("tiny"), nil, []string{"tiny: config.json", "num_encoder_blocks is [1 2 3 3]"}},
		{"another scale", at("shifted"), nil, []string{"scaling_factor is 0.5"}},
		{"a broken configuration", at("broken"), nil, []string{"broken: config.json"}},
		{"an encoder alone", at("half"), weights.ErrMismatch, []string{"half"}},
		{"an encoder and a decoder of two models", at("mixed"), weights.ErrMismatch,
			[]string{`"decoder.1.weight" has shape [8 4 3 3], want [4 4 3 3]`}},
	} {
		_, err := Open(t.Context(), e, c.path)
		if err == nil || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: got %v, want an error that is %v", c.name, err, c.is)
			continue
		}
		for _, word := range c.says {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: got %v, want it to say %q", c.name, err, word)
			}
		}
	}
}
