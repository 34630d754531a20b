package dit

import (
	"fmt"

	"mgd3/weights"
)

// Config describes a DiT.
type Config struct {
	InputSize  int     `json:"input_size"`  // height and width of the latent
	Patch      int     `json:"patch_size"`  // height and width of a patch
	Channels   int     `json:"in_channels"` // of the latent
	Hidden     int     `json:"hidden_size"` // D, a multiple of 4 and of Heads
	Depth      int     `json:"depth"`       // number of blocks
	Heads      int     `json:"num_heads"`
	MLPRatio   float64 `json:"mlp_ratio"` // 0 means 4
	Classes    int     `json:"num_classes"`
	LearnSigma bool    `json:"learn_sigma"` // the output has variance logits
}

// OutChannels is the number of channels of the output.
func (c Config) OutChannels() int {
	if c.LearnSigma {
		return 2 * c.Channels
	}
	return c.Channels
}

// Null is the label that stands for "no class".
func (c Config) Null() int32 { return int32(c.Classes) }

func (c Config) side() int { return max(1, c.InputSize/c.Patch) }

func (c Config) mlpWidth() int {
	if c.MLPRatio == 0 {
		return 4 * c.Hidden
	}
	return int(float64(c.Hidden) * c.MLPRatio)
}

// Bounds of a configuration, far above any published model: a file that claims more is wrong, and would
// have us fill the memory before its weights are looked at.
const (
	maxSize  = 1 << 20
	maxDepth = 1 << 10
	maxTable = 1 << 28 // numbers in the table of positions
)

// Check says what is wrong with c, if anything.
func (c Config) Check() error {
	for _, f := range []struct {
		name  string
		value int
	}{
		{"input_size", c.InputSize}, {"patch_size", c.Patch}, {"in_channels", c.Channels}, {"hidden_size", c.Hidden},
		{"depth", c.Depth}, {"num_heads", c.Heads}, {"num_classes", c.Classes},
	} {
		if f.value < 1 || f.value > maxSize {
			return fmt.Errorf("%s is %d, want 1 to %d", f.name, f.value, maxSize)
		}
	}
	switch {
	case c.Depth > maxDepth:
		return fmt.Errorf("depth is %d, want 1 to %d", c.Depth, maxDepth)
	case c.side() > maxTable/c.Hidden/c.side():
		return fmt.Errorf("input_size %d and patch_size %d give %d × %d tokens of %d, want at most %d numbers",
			c.InputSize, c.Patch, c.side(), c.side(), c.Hidden, maxTable)
	case c.InputSize%c.Patch != 0:
		return fmt.Errorf("input_size %d is not a multiple of patch_size %d", c.InputSize, c.Patch)
	case c.Hidden%c.Heads != 0:
		return fmt.Errorf("hidden_size %d is not a multiple of num_heads %d", c.Hidden, c.Heads)
	case c.Hidden%4 != 0:
		return fmt.Errorf("hidden_size %d is not a multiple of 4, as the position table needs", c.Hidden)
	case c.MLPRatio < 0 || c.MLPRatio > 64:
		return fmt.Errorf("mlp_ratio is %g, want 0 to 64", c.MLPRatio)
	}
	return nil
}

// diffusers is the config.json of a diffusers transformer folder (DiTTransformer2DModel, or
// Transformer2DModel in older files).
type diffusers struct {
	Class      string `json:"_class_name"`
	HeadDim    int    `json:"attention_head_dim"`
	Heads      int    `json:"num_attention_heads"`
	Layers     int    `json:"num_layers"`
	In         int    `json:"in_channels"`
	Out        int    `json:"out_channels"`
	Sample     int    `json:"sample_size"`
	Patch      int    `json:"patch_size"`
	Classes    int    `json:"num_embeds_ada_norm"`
	Norm       string `json:"norm_type"`
	Activation string `json:"activation_fn"`
}

func (d diffusers) config() (Config, error) {
	c := Config{
		InputSize: d.Sample, Patch: d.Patch, Channels: d.In, Hidden: d.HeadDim * d.Heads, Depth: d.Layers,
		Heads: d.Heads, Classes: d.Classes, LearnSigma: d.Out == 2*d.In,
	}
	switch {
	case d.Class != "DiTTransformer2DModel" && d.Class != "Transformer2DModel":
		return c, fmt.Errorf("_class_name is %q, want DiTTransformer2DModel or Transformer2DModel: not a DiT", d.Class)
	case d.HeadDim < 1 || d.HeadDim > maxSize || d.Heads < 1 || d.Heads > maxSize:
		return c, fmt.Errorf("num_attention_heads is %d and attention_head_dim is %d, want 1 to %d", d.Heads, d.HeadDim,
			maxSize)
	case d.Norm != "" && d.Norm != "ada_norm_zero":
		return c, fmt.Errorf("norm_type is %q, want ada_norm_zero: not a DiT", d.Norm)
	case d.Activation != "" && d.Activation != "gelu-approximate":
		return c, fmt.Errorf("activation_fn is %q, want gelu-approximate: not a DiT", d.Activation)
	case d.Out != 0 && d.Out != d.In && d.Out != 2*d.In:
		return c, fmt.Errorf("out_channels is %d, want %d or %d", d.Out, d.In, 2*d.In)
	}
	return c, nil
}

// ParseConfig reads a config.json: our own fields, or those of a diffusers transformer folder.
func ParseConfig(data []byte) (Config, error) {
	var d diffusers
	if err := weights.UnmarshalJSON(data, &d); err != nil {
		return Config{}, err
	}
	var c Config
	var err error
	if d.Class != "" {
		c, err = d.config()
	} else {
		err = weights.UnmarshalJSON(data, &c)
	}
	if err != nil {
		return Config{}, err
	}
	return c, c.Check()
}
