package text

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/engine"
	"mgd3/internal/fixtures/testengine"
	"mgd3/rng"
	"mgd3/weights"
)

// tiny is an encoder as wide as a head, of which shapes tell all.
func tiny(layers int) Config {
	return Config{Vocabulary: 40, Positions: 9, Width: headWidth, Inner: 96, Layers: layers, Heads: 1,
		Activation: exactGELU,
		Epsilon:    1e-5, Projection: 8, Pool: highest}
}

// openCLIPNames puts a layer's name, and others, in OpenCLIP's.
var openCLIPNames = strings.NewReplacer("encoder.layers.", "transformer.resblocks.", "layer_norm", "ln_",
	"self_attn.out_proj",
	"attn.out_proj", "self_attn.qkv_proj.", "attn.in_proj_", "mlp.fc1", "mlp.c_fc", "mlp.fc2", "mlp.c_proj",
	"embeddings.token_embedding", "token_embedding", "embeddings.position_embedding.weight", "positional_embedding",
	"final_layer_norm", "ln_final")

// random returns an encoder's tensors under OpenCLIP's names, with prefix before them, and under transformers', those
// of the first layers alone.
func random(c Config, prefix string, layers int) (openCLIP, transformers []weights.Tensor) {
	add := func(name string, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		data := make([]float32, n)
		rng.Normals(rng.Stream(1, name), data)
		for i := range data {
			data[i] *= 0.3
		}
		if name == "text_projection.weight" {
			turned := make([]float32, n)
			for i := range shape[0] {
				for j := range shape[1] {
					turned[j*shape[0]+i] = data[i*shape[1]+j]
				}
			}
			openCLIP = append(openCLIP, weights.F32(prefix+"text_projection", []int{shape[1], shape[0]}, turned))
		} else {
			openCLIP = append(openCLIP, weights.F32(prefix+openCLIPNames.Replace(name), shape, data))
		}
		if strings.HasPrefix(name, fmt.Sprintf("encoder.layers.%d.", layers)) {
			return
		}
		before, after, fused := strings.Cut(name, "qkv_proj")
		if !fused {
			transformers = append(transformers, weights.F32(name, shape, data))
			return
		}
		for i, part := range []string{"q", "k", "v"} {
			third := append([]int{shape[0] / 3}, shape[1:]...)
			transformers = append(transformers, weights.F32(before+part+"_proj"+after, third, data[i*n/3:(i+1)*n/3]))
		}
	}
	both := func(name string, out int, in ...int) {
		add(name+".weight", append([]int{out}, in...)...)
		add(name+".bias", out)
	}
	add("embeddings.token_embedding.weight", c.Vocabulary, c.Width)
	add("embeddings.position_embedding.weight", c.Positions, c.Width)
	for i := range c.Layers {
		layer := fmt.Sprintf("encoder.layers.%d.", i)
		both(layer+"layer_norm1", c.Width)
		both(layer+"layer_norm2", c.Width)
		both(layer+"self_attn.qkv_proj", 3*c.Width, c.Width)
		both(layer+"self_attn.out_proj", c.Width, c.Width)
		both(layer+"mlp.fc1", c.Inner, c.Width)
		both(layer+"mlp.fc2", c.Width, c.Inner)
	}
	both("final_layer_norm", c.Width)
	add("text_projection.weight", c.Projection, c.Width)
	return openCLIP, transformers
}

func write(t *testing.T, dir, name string, list []weights.Tensor, config []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(weights.Write(f, list, nil), f.Close())
	}
	if err == nil && config != nil {
		err = os.WriteFile(filepath.Join(dir, "config.json"), config, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func outputs(t *testing.T, e *engine.Engine, at string, o Options) (hidden, pooled []float32) {
	t.Helper()
	n, err := Open(t.Context(), e, at, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(n.SHA256) != 64 {
		t.Errorf("SHA-256 %q", n.SHA256)
	}
	hidden, pooled, err = n.Encode(t.Context(), [][]int32{{0, 3, 5, 39, 1}, {0, 7, 39, 39, 39}})
	if err != nil || len(hidden) != 2*5*n.Width || len(pooled) != 2*n.PooledWidth() {
		t.Fatalf("%d and %d numbers, %v", len(hidden), len(pooled), err)
	}
	return hidden, pooled
}

// TestCheckpoints: the checkpoint of a whole diffusion model gives the same bytes as the folder that diffusers makes of
// it, in float32 and in bf16: of Stable Diffusion 2 that has one layer less and the final norm behind it.
func TestCheckpoints(t *testing.T) {
	e := testengine.Open(t)
	vae := weights.F32("first_stage_model.quant_conv.bias", []int{1}, []float32{1})
	three := tiny(3)
	checkpoint, _ := random(three, "cond_stage_model.model.", 3)
	second, whole := random(three, "conditioner.embedders.1.model.", 3)
	_, short := random(three, "", 2)
	two := tiny(2)
	sd2 := write(t, t.TempDir(), "v2.safetensors", append(checkpoint, vae), nil)
	sdxl := write(t, t.TempDir(), "xl.safetensors", append(second, vae), nil)
	folder2, folderXL := t.TempDir(), t.TempDir()
	write(t, folder2, "model.safetensors", short, two.JSON())
	write(t, folderXL, "model.safetensors", whole, three.JSON())
	for _, c := range []struct {
		name, single, folder string
		of, in               Options
		pooled               bool
	}{
		{"Stable Diffusion 2", sd2, folder2, Options{}, Options{}, false},
		{"SDXL's second", sdxl, folderXL, Options{Layer: Penultimate, Second: true}, Options{Layer: Penultimate}, true},
	} {
		hidden, pooled := outputs(t, e, c.single, c.of)
		wantHidden, wantPooled := outputs(t, e, c.folder, c.in)
		if !slices.Equal(hidden, wantHidden) {
			t.Errorf("%s: the hidden states differ", c.name)
		}
		if c.pooled && !slices.Equal(pooled, wantPooled) {
			t.Errorf("%s: the pooled rows differ", c.name)
		}
		if testengine.IsXLA() {
			continue
		}
		half := *e
		half.Precision = engine.BF16
		if again, _ := outputs(t, &half, c.folder, c.in); !slices.Equal(again, wantHidden) {
			t.Errorf("%s: the precision of the engine changes the hidden states", c.name)
		}
	}
}

func TestRowsAreApart(t *testing.T) {
	e := testengine.Open(t)
	dir := t.TempDir()
	c := tiny(2)
	_, list := random(c, "", 2)
	write(t, dir, "model.safetensors", list, c.JSON())
	n, err := Open(t.Context(), e, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	rows := [][]int32{{0, 3, 39}, {0, 8, 39}}
	together, _, err := n.Encode(t.Context(), rows)
	if err != nil {
		t.Fatal(err)
	}
	alone, _, err := n.Encode(t.Context(), rows[1:])
	if err != nil || !slices.Equal(alone, together[3*c.Width:]) {
		t.Errorf("a row alone differs: %v", err)
	}
	// Causal: what comes behind a token does not change it.
	cut, _, err := n.Encode(t.Context(), [][]int32{{0, 8}})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range cut {
		if d := v - alone[i]; d > 1e-5 || d < -1e-5 {
			t.Fatalf("number %d is %v with what follows and %v without", i, alone[i], v)
		}
	}
	for name, row := range map[string][]int32{"too long": make([]int32, 10), "empty": {}, "another vocabulary": {0, 40},
		"negative": {-1}} {
		if _, _, err := n.Encode(t.Context(), [][]int32{row}); err == nil {
			t.Errorf("%s: passes", name)
		}
	}
}

// TestNoEnd: prompts of a tokenizer that ends them with another token than the text encoder's.
func TestNoEnd(t *testing.T) {
	n := &Encoder{Config: tiny(2)}
	n.Pool = 39
	if err := n.check([]int32{0, 3, 38}); !errors.Is(err, weights.ErrMismatch) ||
		!strings.Contains(err.Error(), "no token of a prompt is 39") {
		t.Errorf("got %v, want an ErrMismatch that names the token", err)
	}
	if err := n.check([]int32{0, 3, 39, 38}); err != nil {
		t.Error(err)
	}
}

// TestWrongWeights: weights of another configuration are an error that names tensors, and so is a file that is none.
func TestWrongWeights(t *testing.T) {
	e := testengine.Open(t)
	c := tiny(2)
	_, list := random(c, "", 2)
	for name, change := range map[string]func(*Config){
		"layers": func(c *Config) { c.Layers = 3 }, "fewer layers": func(c *Config) { c.Layers = 1 },
		"width":      func(c *Config) { c.Width = 128 },
		"vocabulary": func(c *Config) { c.Vocabulary = 41 }, "inner": func(c *Config) { c.Inner = 64 },
		"projection": func(c *Config) { c.Projection = 4 },
	} {
		other := c
		change(&other)
		dir := t.TempDir()
		write(t, dir, "model.safetensors", list, other.JSON())
		if _, err := Open(t.Context(), e, dir, Options{}); !errors.Is(err, weights.ErrMismatch) ||
			!strings.Contains(err.Error(), `tensor "`) {
			t.Errorf("%s: %v, want an ErrMismatch that names a tensor", name, err)
		}
	}
	dir := t.TempDir()
	path := write(t, dir, "model.safetensors",
		[]weights.Tensor{weights.F32("blocks.0.attn.qkv.bias", []int{3}, make([]float32, 3))}, nil)
	if _, err := Open(t.Context(), e, path, Options{}); !errors.Is(err, weights.ErrMismatch) {
		t.Errorf("another network: %v, want ErrMismatch", err)
	}
}

func TestParseConfig(t *testing.T) {
	large := Config{Vocabulary: 49408, Positions: 77, Width: 768, Inner: 3072, Layers: 12, Heads: 12,
		Activation: quickGELU, Epsilon: 1e-5, Pool: highest}
	const published = `"architectures": ["CLIPTextModel"], "model_type": "clip_text_model", "hidden_size": 768, ` +
		`"intermediate_size": 3072, "num_attention_heads": 12`
	for _, c := range []struct {
		name, text string
		want       Config
		err        string
	}{
		{"Stable Diffusion 1", `{` + published + `, "eos_token_id": 2, "projection_dim": 768}`, large, ""},
		{"without eos_token_id", `{` + published + `}`, large, ""},
		{"none", `{"hidden_size": 0}`, Config{}, "hidden_size is 0"},
		{"another model", `{"model_type": "t5"}`, Config{}, `"t5", want clip_text_model`},
		{"masked", `{"use_attention_mask": true}`, Config{}, "use_attention_mask"},
		{"another activation", `{"hidden_act": "relu"}`, Config{}, `"relu", want quick_gelu or gelu`},
		{"heads", `{"hidden_size": 10, "num_attention_heads": 3}`, Config{}, "not a multiple"},
		{"epsilon", `{"layer_norm_eps": 0}`, Config{}, "layer_norm_eps"},
		{"layers", `{"num_hidden_layers": 100000}`, Config{}, "num_hidden_layers is 100000"},
		{"text for a number", `{"hidden_size": "x"}`, Config{}, `"hidden_size"`},
	} {
		got, err := ParseConfig([]byte(c.text))
		if c.err == "" && (err != nil || got != c.want) || c.err != "" &&
			(err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: got %+v, %v, want %+v, %q", c.name, got, err, c.want, c.err)
		}
	}
	for _, c := range []Config{tiny(2), large, Small(16)} {
		if got, err := ParseConfig(c.JSON()); err != nil || got != c {
			t.Errorf("written %+v, read %+v, %v", c, got, err)
		}
	}
}

// TestSmallTokenizer: the files that SmallTokenizer gives are read, and every text has tokens.
func TestSmallTokenizer(t *testing.T) {
	dir := t.TempDir()
	for name, data := range SmallTokenizer() {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tok, err := OpenTokenizer(weights.Disk, dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tok.Size(), Small(16).Vocabulary; got != want {
		t.Errorf("the tokenizer has %d tokens, its text encoder %d", got, want)
	}
	got, err := tok.Tokens("letter Ä")
	if err != nil || len(got) != len("letterä") || slices.Contains(got, tok.unknown) {
		t.Errorf("got %v, %v", got, err)
	}
}
