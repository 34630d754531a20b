package unet

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"mgd3/weights"
)

// Config describes a UNet2DConditionModel. Lists have a value for each level, full resolution first.
type Config struct {
	SampleSize int     // height and width of the latents it was trained at; 0 where the file does not say
	Channels   int     // of the latent, and of the prediction
	Widths     []int   // channels of each level, multiples of Groups
	Layers     []int   // resnets of each level on the way down; on the way up there is one more
	Down, Up   []bool  // whether the level has attention, on the way down and up
	Depth      []int   // transformer blocks behind each resnet of a level with attention
	Heads      []int   // of a level's attention
	ContextDim int     // D, of a token of the prompt
	Groups     int     // of every group norm
	Epsilon    float64 // of the group norms, see the package comment
	Linear     bool    // the maps before and behind the transformer blocks are linear, not 1×1 convolutions
	SkipMiddle bool    // no middle
	SineFirst  bool    // freq(t) is [sin, cos]
	FreqShift  float64 // shift of freq(t)
	TextDim    int     // P, SDXL: of the prompt's pooled embedding
	SizeDim    int     // of freq of each of the six sizes; 0 where nothing is added
}

// sizeIDs is how many numbers SDXL is told of sizes and crops.
const sizeIDs = 6

// AddedLen is the length of a row of Forward's added: P + 6, or 0 where nothing is added.
func (c Config) AddedLen() int {
	if c.SizeDim == 0 {
		return 0
	}
	return c.TextDim + sizeIDs
}

// Downsampling returns how many cells of the latent are one in the middle. Latents of other multiples are rounded up.
func (c Config) Downsampling() int { return 1 << (len(c.Widths) - 1) }

func (c Config) embWidth() int { return 4 * c.Widths[0] }

// Bounds of a configuration, far above any published model: a file that claims more is wrong, and would have us build
// its graph before its weights are looked at.
const (
	maxLevels = 16
	maxLayers = 1 << 6 // of a level, and transformer blocks behind a resnet
	maxSize   = 1 << 16
)

// Check says what is wrong with c, if anything.
func (c Config) Check() error {
	levels := len(c.Widths)
	if levels < 1 || levels > maxLevels {
		return fmt.Errorf("block_out_channels has %d levels, want 1 to %d", levels, maxLevels)
	}
	for _, list := range []struct {
		name string
		len  int
	}{
		{"layers_per_block", len(c.Layers)}, {"down_block_types", len(c.Down)}, {"up_block_types", len(c.Up)},
		{"transformer_layers_per_block", len(c.Depth)}, {"attention_head_dim", len(c.Heads)},
	} {
		if list.len != levels {
			return fmt.Errorf("%s has %d levels, want %d as block_out_channels", list.name, list.len, levels)
		}
	}
	for _, f := range []struct {
		name            string
		value, min, max int
	}{
		{"sample_size", c.SampleSize, 0, maxSize}, {"in_channels", c.Channels, 1, maxSize},
		{"norm_num_groups", c.Groups, 1, maxSize}, {"cross_attention_dim", c.ContextDim, 1, maxSize},
		{"addition_time_embed_dim", c.SizeDim, 0, maxSize}, {"layers_per_block", slices.Min(c.Layers), 1, maxLayers},
		{"layers_per_block", slices.Max(c.Layers), 1, maxLayers},
	} {
		if f.value < f.min || f.value > f.max {
			return fmt.Errorf("%s is %d, want %d to %d", f.name, f.value, f.min, f.max)
		}
	}
	for level := range c.Widths {
		if err := c.checkLevel(level); err != nil {
			return err
		}
	}
	switch {
	case c.Widths[0]%2 != 0:
		return fmt.Errorf("block_out_channels begins with %d, want an even number, as sines and cosines need",
			c.Widths[0])
	case !(c.Epsilon > 0 && c.Epsilon < 1):
		return fmt.Errorf("norm_eps is %g, want above 0 and below 1", c.Epsilon)
	case !(c.FreqShift >= 0 && c.FreqShift < float64(c.Widths[0]/2)):
		return fmt.Errorf("freq_shift is %g, want 0 to below half of the first width %d", c.FreqShift, c.Widths[0])
	case !slices.Contains(c.Down, true) && !slices.Contains(c.Up, true) && c.SkipMiddle:
		return errors.New("no block has cross-attention: a prompt would change nothing")
	case c.SizeDim > 0 && (c.TextDim < 1 || c.TextDim > maxSize):
		return fmt.Errorf("projection_class_embeddings_input_dim is %d, want more than %d times "+
			"addition_time_embed_dim %d",
			c.TextDim+sizeIDs*c.SizeDim, sizeIDs, c.SizeDim)
	case c.SizeDim%2 != 0 || c.SizeDim > 0 && c.FreqShift >= float64(c.SizeDim/2):
		return fmt.Errorf("addition_time_embed_dim is %d, want an even number, half of it above freq_shift", c.SizeDim)
	}
	return nil
}

func (c Config) checkLevel(level int) error {
	width := c.Widths[level]
	if width < 1 || width > maxSize || width%c.Groups != 0 {
		return fmt.Errorf("block_out_channels has %d, want a multiple of norm_num_groups %d, at most %d", width,
			c.Groups,
			maxSize)
	}
	middle := level == len(c.Widths)-1 && !c.SkipMiddle
	if !c.Down[level] && !c.Up[level] && !middle {
		return nil
	}
	switch heads, depth := c.Heads[level], c.Depth[level]; {
	case heads < 1 || heads > width || width%heads != 0:
		return fmt.Errorf("attention_head_dim, the number of heads, is %d where the width is %d, want a divisor of it",
			heads, width)
	case depth < 1 || depth > maxLayers:
		return fmt.Errorf("transformer_layers_per_block is %d, want 1 to %d", depth, maxLayers)
	}
	return nil
}

// readConfig returns what the config.json says that lies in the folder at a path or beside the file there, nil if there
// is none, and the notes of [ParseConfig].
func readConfig(fsys fs.FS, at string) (c *Config, notes []string, err error) {
	text, name, err := weights.ReadConfig(fsys, at)
	if text == nil || err != nil {
		return nil, nil, err
	}
	parsed, notes, err := ParseConfig(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return &parsed, notes, nil
}
