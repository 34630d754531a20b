package dit

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/internal/fixtures/golden"
	"mgd3/internal/fixtures/pytorch"
	"mgd3/rng"
	"mgd3/weights"
)

// small is a model as wide as DiT-S, whose heads a file without a configuration is taken to have.
var small = Config{InputSize: 4, Patch: 2, Channels: 4, Hidden: 384, Depth: 1, Heads: 6, Classes: 3, LearnSigma: true}

// random returns random tensors for all that c asks for, with the table of positions.
func random(t *testing.T, e *engine.Engine, c Config) []weights.Tensor {
	t.Helper()
	specs, err := e.Declare(c.Func, c.inputs()...)
	if err != nil {
		t.Fatal(err)
	}
	return append(pytorch.Random(specs, 1, 0.05), weights.F32(positions, c.PositionsSpec().Shape,
		Positions(c.Hidden, c.side())))
}

// without returns the tensors but for one.
func without(list []weights.Tensor, name string) []weights.Tensor {
	return slices.DeleteFunc(slices.Clone(list), func(t weights.Tensor) bool { return t.Name == name })
}

func save(t *testing.T, path string, list []weights.Tensor) string {
	t.Helper()
	if err := pytorch.Write(path, list); err != nil {
		t.Fatal(err)
	}
	return path
}

func saveConfig(t *testing.T, path string, config any) {
	t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	saveBytes(t, path, text)
}

func saveBytes(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, data, 0o666)); err != nil {
		t.Fatal(err)
	}
}

// out returns the prediction of a model for one fixed input.
func out(t *testing.T, program *engine.Program, m *Model) []float32 {
	t.Helper()
	x := make([]float32, m.Channels*m.InputSize*m.InputSize)
	rng.Normals(rng.Stream(2, "x"), x)
	y := make([]float32, m.OutChannels()*m.InputSize*m.InputSize)
	err := program.Into(y, tensors.FromFlatDataAndDimensions(x, 1, m.Channels, m.InputSize, m.InputSize),
		tensors.FromValue([]float32{321}), tensors.FromValue([]int32{1}))
	if err != nil {
		t.Fatal(err)
	}
	return y
}

// wantSame opens every path and wants the same configuration and numbers of all.
func wantSame(t *testing.T, e *engine.Engine, c Config, paths map[string]string) {
	t.Helper()
	var want []float32
	var program *engine.Program // one graph, with the weights of each path in turn
	w := engine.Weights{}
	for name, at := range paths {
		m, err := Open(t.Context(), e, at)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		config, err := ConfigFS(weights.Disk, at)
		if err != nil || config != c || m.Config != c {
			t.Errorf("%s: got %+v and %+v, %v, want %+v", name, m.Config, config, err, c)
			continue
		}
		clear(w)
		maps.Copy(w, m.Weights)
		if program == nil {
			if program, err = e.Compile("dit", m.Func, w); err != nil {
				t.Fatal(err)
			}
		}
		got := out(t, program, m)
		if want == nil {
			want = got
		} else if !slices.Equal(got, want) {
			t.Errorf("%s: other numbers than another layout gives", name)
		}
	}
}

// folders writes a model with its configuration, in both layouts, and returns the paths to open.
func folders(t *testing.T, c Config, list []weights.Tensor) map[string]string {
	t.Helper()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	saveConfig(t, at("ours/config.json"), c)
	saveConfig(t, at("torch/config.json"), c)
	saveBytes(t, at("torch/model.pt"), pytorch.Torch(list, nil).Zip())
	saveConfig(t, at("diffusers/config.json"), map[string]any{
		"_class_name": "Transformer2DModel", "_diffusers_version": "0.12.0.dev0", "activation_fn": "gelu-approximate",
		"attention_bias":     true,
		"attention_head_dim": c.Hidden / c.Heads, "cross_attention_dim": nil, "dropout": 0.0, "in_channels": c.Channels,
		"norm_elementwise_affine": false, "norm_num_groups": 32, "norm_type": "ada_norm_zero",
		"num_attention_heads": c.Heads,
		"num_embeds_ada_norm": c.Classes, "num_layers": c.Depth, "num_vector_embeds": nil,
		"only_cross_attention": false,
		"out_channels":         c.OutChannels(), "patch_size": c.Patch, "sample_size": c.InputSize,
		"upcast_attention":      false,
		"use_linear_projection": false,
	})
	return map[string]string{
		"our file in its folder": save(t, at("ours/model.safetensors"), list),
		"our folder":             at("ours"),
		"diffusers' file": save(t, at("diffusers/diffusion_pytorch_model.safetensors"),
			pytorch.Transformer(list, c.Depth)),
		"diffusers' folder":     at("diffusers"),
		"our folder of PyTorch": at("torch"),
	}
}

func TestOpenLayouts(t *testing.T) {
	e := openEngine(t)
	noSigma := small
	noSigma.LearnSigma = false
	patches := small
	patches.Patch, patches.MLPRatio, patches.Depth = 4, 0.5, 2
	for name, c := range map[string]Config{"usual": small, "without sigma": noSigma} {
		t.Run(name, func(t *testing.T) {
			list := random(t, e, c)
			paths := folders(t, c, list)
			dir := t.TempDir()
			at := func(name string) string { return filepath.Join(dir, name) }
			paths["one file, nothing beside it"] = save(t, at("DiT-S-2-32x32.safetensors"), list)
			paths["one file of PyTorch"] = at("DiT-S-2-32x32.pt")
			paths["a checkpoint of the training"] = at("0400000.pt")
			saveBytes(t, at("DiT-S-2-32x32.pt"), pytorch.Torch(list, nil).Zip())
			saveBytes(t, at("0400000.pt"), pytorch.Torch(list, pytorch.DiTCheckpoint(pytorch.Dict{})).Zip())
			wantSame(t, e, c, paths)
		})
	}
	t.Run("another MLP and patch", func(t *testing.T) {
		wantSame(t, e, patches, map[string]string{"file": save(t, filepath.Join(t.TempDir(), "x.safetensors"),
			random(t, e, patches))})
	})
}

// TestGoldenLayouts opens the golden cases' weights in every layout.
func TestGoldenLayouts(t *testing.T) {
	e := openEngine(t)
	for _, c := range golden.Cases(t, "dit") {
		var hyper goldenCase
		c.Decode(t, &hyper)
		hyper.Hyper.MLPRatio = 0 // diffusers' config leaves it at 4
		t.Run(c.Name, func(t *testing.T) {
			list, err := pytorch.Read(c.Open(t, "weights_dit.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			wantSame(t, e, hyper.Hyper, folders(t, hyper.Hyper, list))
		})
	}
}

// TestHalfPositions: the table of positions passes its check in half precision, at 512 pixels as well.
func TestHalfPositions(t *testing.T) {
	for _, pixels := range []int{256, 512} {
		c, err := Named("DiT-XL/2", pixels)
		if err != nil {
			t.Fatal(err)
		}
		table := Positions(c.Hidden, c.side())
		spec := c.PositionsSpec()
		brain := make([]byte, 0, 2*len(table))
		full := weights.F32("", []int{len(table)}, table).Bytes()
		for i := 0; i < len(full); i += 4 {
			brain = append(brain, full[i+2], full[i+3]) // cut, which is off by up to twice what rounding is
		}
		for name, tensor := range map[string]weights.Tensor{
			"float32": weights.F32(positions, spec.Shape, table), "float16": weights.F16(positions, spec.Shape, table),
			"bfloat16": weights.Raw(positions, "BF16", spec.Shape, brain),
		} {
			if err := checkPositions(c, setOf(t, tensor)); err != nil {
				t.Errorf("%s at %d pixels: %v", name, pixels, err)
			}
		}
	}
}

// setOf returns a set of these tensors.
func setOf(t *testing.T, list ...weights.Tensor) *weights.Set {
	t.Helper()
	f, err := weights.Open(save(t, filepath.Join(t.TempDir(), "x.safetensors"), list))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return weights.AsIs(f)
}

func TestOpenInferErrors(t *testing.T) {
	e := openEngine(t)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	list := random(t, e, small)
	narrow := small
	narrow.Hidden, narrow.Heads = 96, 4
	deep := small
	deep.Depth = 2
	saveConfig(t, at("deep/config.json"), deep)
	save(t, at("deep/model.safetensors"), list)
	saveConfig(t, at("empty/config.json"), small)
	for _, c := range []struct {
		name, path string
		is         error
		says       []string
	}{
		{"nothing there", at("none"), fs.ErrNotExist, []string{"none"}},
		{"a folder without weights", at("empty"), nil, []string{"empty", "safetensors"}},
		{"no positions", save(t, at("p.safetensors"), without(list, positions)), weights.ErrMismatch,
			[]string{"p.safetensors", "size of the latent", "config.json"}},
		{"diffusers' without a configuration", save(t, at("d.safetensors"), pytorch.Transformer(list, 1)),
			weights.ErrMismatch, []string{"pos_embed", "config.json"}},
		{"a width of no published model", save(t, at("n.safetensors"), random(t, e, narrow)), weights.ErrMismatch,
			[]string{"hidden size of 96", "num_heads"}},
		{"no DiT", save(t, at("x.safetensors"), pytorch.Prefixed("x_", list)), weights.ErrMismatch,
			[]string{"not a DiT's", "x_embedder.proj.weight"}},
		{"a table that is not square", save(t, at("s.safetensors"), append(without(list, positions),
			weights.F32(positions, []int{1, 5, 384}, make([]float32, 5*384)))),
			weights.ErrMismatch, []string{"pos_embed"}},
		{"a configuration of another depth", at("deep"), weights.ErrMismatch, []string{"blocks.1.", "missing"}},
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

// FuzzInfer: whatever shapes a file has, what is inferred can be built.
func FuzzInfer(f *testing.F) {
	f.Add(384, 4, 2, 4, 4, 1536, 32)
	f.Add(1152, 4, 2, 1001, 256, 4608, 16)
	r := rng.Stream(1, "shapes")
	any := func(n int) int { return r.IntN(n) }
	for range 100 {
		f.Add(any(500), any(6), any(9), any(20), any(300), any(2000), any(200))
	}
	f.Fuzz(func(t *testing.T, hidden, channels, patch, rows, tokens, mlp, out int) {
		var list []weights.Tensor
		add := func(name string, shape ...int) {
			n := 1
			for i := range shape {
				shape[i] = max(0, shape[i]%5000)
				n *= max(1, shape[i])
			}
			if n > 1<<24 {
				t.Skip("too large a file to write")
			}
			for _, d := range shape {
				if d == 0 {
					n = 0
				}
			}
			list = append(list, weights.Raw(name, "I8", shape, make([]byte, n)))
		}
		add("x_embedder.proj.weight", hidden, channels, patch, patch)
		add("y_embedder.embedding_table.weight", rows, hidden)
		add("blocks.0.attn.qkv.weight", 1)
		add("blocks.0.mlp.fc1.weight", mlp, hidden)
		add("final_layer.linear.weight", out, hidden)
		add("pos_embed", 1, tokens, hidden)
		c, err := infer(setOf(t, list...))
		if err == nil && c.Check() != nil {
			t.Errorf("inferred %+v: %v", c, c.Check())
		}
		if err != nil && !errors.Is(err, weights.ErrMismatch) {
			t.Errorf("got %v, want %v", err, weights.ErrMismatch)
		}
	})
}
