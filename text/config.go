package text

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"mgd3/weights"
)

// Config describes a text encoder.
type Config struct {
	Vocabulary int // tokens
	Positions  int // the longest prompt in tokens
	Width      int // D, a multiple of Heads
	Inner      int // width between fc1 and fc2
	Layers     int // at least 2, so that there is one before the last
	Heads      int
	Activation string  // quick_gelu or gelu
	Epsilon    float64 // of the norms
	Projection int     // P, 0 where there is none
	Pool       int     // the id of the token whose row is pooled, or highest
}

// highest as [Config.Pool] takes the first of the tokens with the highest id: OpenAI's way, and transformers' where
// eos_token_id is 2, as in configurations from before June 2023.
const highest = -1

// The activations.
const (
	quickGELU = "quick_gelu"
	exactGELU = "gelu"
)

// clip is transformers' config.json of a CLIPTextModel or a CLIPTextModelWithProjection.
type clip struct {
	Type          string   `json:"model_type"`
	Architectures []string `json:"architectures"`
	Vocabulary    int      `json:"vocab_size"`
	Positions     int      `json:"max_position_embeddings"`
	Width         int      `json:"hidden_size"`
	Inner         int      `json:"intermediate_size"`
	Layers        int      `json:"num_hidden_layers"`
	Heads         int      `json:"num_attention_heads"`
	Activation    string   `json:"hidden_act"`
	Epsilon       float64  `json:"layer_norm_eps"`
	Projection    int      `json:"projection_dim"`
	Eos           int      `json:"eos_token_id"`
	Masked        bool     `json:"use_attention_mask"`
}

// withProjection is the class whose pooled row is multiplied by a matrix.
const withProjection = "CLIPTextModelWithProjection"

// ParseConfig reads a config.json of transformers. What it leaves out has the default there; eos_token_id that of the
// versions which left it out.
func ParseConfig(data []byte) (Config, error) {
	t := clip{Vocabulary: 49408, Positions: 77, Width: 512, Inner: 2048, Layers: 12, Heads: 8, Activation: quickGELU,
		Epsilon: 1e-5, Projection: 512, Eos: 2}
	if err := weights.UnmarshalJSON(data, &t); err != nil {
		return Config{}, err
	}
	c := Config{Vocabulary: t.Vocabulary, Positions: t.Positions, Width: t.Width, Inner: t.Inner, Layers: t.Layers,
		Heads: t.Heads, Activation: t.Activation, Epsilon: t.Epsilon, Pool: t.Eos}
	if slices.Contains(t.Architectures, withProjection) {
		c.Projection = t.Projection
	}
	if c.Pool == 2 {
		c.Pool = highest
	}
	switch {
	case t.Type != "" && t.Type != "clip_text_model":
		return c, fmt.Errorf("model_type is %q, want clip_text_model: not a text encoder of CLIP's", t.Type)
	case t.Masked:
		return c, errors.New("use_attention_mask is true: a text encoder that does not see its padding is not followed")
	}
	return c, c.Check()
}

const maxSize = 1 << 20 // far above any published model

// Check says what is wrong with c, if anything.
func (c Config) Check() error {
	for _, f := range []struct {
		name  string
		value int
		most  int
	}{
		{"vocab_size", c.Vocabulary, maxVocabulary}, {"max_position_embeddings", c.Positions, 1 << 12},
		{"hidden_size", c.Width, maxSize}, {"intermediate_size", c.Inner, maxSize},
		{"num_hidden_layers", c.Layers, 1 << 10},
		{"num_attention_heads", c.Heads, maxSize},
	} {
		if f.value < 1 || f.value > f.most {
			return fmt.Errorf("%s is %d, want 1 to %d", f.name, f.value, f.most)
		}
	}
	switch {
	case c.Width%c.Heads != 0:
		return fmt.Errorf("hidden_size %d is not a multiple of num_attention_heads %d", c.Width, c.Heads)
	case c.Activation != quickGELU && c.Activation != exactGELU:
		return fmt.Errorf("hidden_act is %q, want %s or %s", c.Activation, quickGELU, exactGELU)
	case !(c.Epsilon > 0 && c.Epsilon < 1):
		return fmt.Errorf("layer_norm_eps is %g, want a small number above 0", c.Epsilon)
	case c.Projection < 0 || c.Projection > maxSize:
		return fmt.Errorf("projection_dim is %d, want 1 to %d", c.Projection, maxSize)
	case c.Pool != highest && (c.Pool < 0 || c.Pool >= maxVocabulary):
		return fmt.Errorf("eos_token_id is %d, want a token", c.Pool)
	}
	return nil
}

// headWidth is that of all published text encoders of CLIP's.
const headWidth = 64

// IsOpenCLIP reports whether the encoder is one of OpenCLIP's, which tell by their activation.
func (c Config) IsOpenCLIP() bool { return c.Activation == exactGELU }

// LacksLast reports whether this is OpenCLIP's ViT-H without its last layer, as diffusers has it, and checkpoints that
// were made from diffusers' folders.
func (c Config) LacksLast() bool { return c.Width == 1024 && c.Layers == 23 }

// Same reports whether two configurations are of the same function: the token that is pooled may be given by its id or
// as the highest.
func (c Config) Same(d Config) bool {
	for _, e := range []*Config{&c, &d} {
		if e.Pool == e.Vocabulary-1 {
			e.Pool = highest
		}
	}
	return c == d
}

// Infer returns the configuration of the encoder whose tensors set holds, from a checkpoint without a config.json. No
// shape tells the number of heads, each of 64 in all published models, and the activation, which is OpenAI's quick GELU
// but for OpenCLIP's models.
func Infer(set *weights.Set, kind weights.TextKind) (Config, error) {
	dim := func(name string, axis int) int {
		if shape, _ := set.Shape(name); len(shape) > axis {
			return shape[axis]
		}
		return 0
	}
	const tokens, positions = "embeddings.token_embedding.weight", "embeddings.position_embedding.weight"
	c := Config{
		Vocabulary: dim(tokens, 0), Width: dim(tokens, 1), Positions: dim(positions, 0),
		Inner:      dim("encoder.layers.0.mlp.fc1.weight", 0),
		Projection: dim("text_projection.weight", 0),
		Activation: quickGELU, Epsilon: 1e-5, Pool: highest,
	}
	if kind.OpenCLIP && kind.Checkpoint {
		c.Activation = exactGELU
	}
	for dim(fmt.Sprintf("encoder.layers.%d.mlp.fc1.weight", c.Layers), 0) > 0 && c.Layers < 1<<10 {
		c.Layers++
	}
	c.Heads = max(1, c.Width/headWidth)
	if err := c.Check(); err != nil {
		return c, fmt.Errorf("%w: not a text encoder of CLIP's: %w", weights.ErrMismatch, err)
	}
	return c, nil
}

// ConfigFS returns the configuration in the folder of an encoder, nil where it has none.
func ConfigFS(fsys fs.FS, at string) (*Config, error) {
	return weights.ParseConfig(fsys, at, ParseConfig)
}
