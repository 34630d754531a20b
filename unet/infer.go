package unet

import (
	"fmt"
	"reflect"
	"slices"

	"mgd3/weights"
)

// Infer returns the configuration of the network whose tensors set holds. What no shape tells is as in the published
// models: 32 groups of ε 1e-5, freq(t) with cosines first, and the heads, see heads.
func Infer(set *weights.Set) (Config, error) {
	c := Config{Groups: 32, Epsilon: 1e-5}
	shape := func(format string, args ...any) []int {
		shape, _ := set.Shape(fmt.Sprintf(format, args...))
		return shape
	}
	dim := func(axis int, format string, args ...any) int {
		if s := shape(format, args...); axis < len(s) {
			return s[axis]
		}
		return 0
	}
	count := func(most int, format string, args ...any) (n int) {
		for n < most && shape(format, append(args, n)...) != nil {
			n++
		}
		return n
	}
	levels := count(maxLevels, "down_blocks.%d.resnets.0.conv1.weight")
	c.Channels = dim(1, "conv_in.weight")
	if levels == 0 || c.Channels == 0 {
		return c, fmt.Errorf(`%w: want a U-Net's, "conv_in.weight" and "down_blocks.0.resnets.0.conv1.weight" among `+
			`them`,
			weights.ErrMismatch)
	}
	c.SkipMiddle = shape("mid_block.resnets.0.conv1.weight") == nil
	const blocks = ".transformer_blocks.%d.attn2.to_k.weight"
	for level := range levels {
		prefixes := []string{fmt.Sprintf("down_blocks.%d.attentions.0", level),
			fmt.Sprintf("up_blocks.%d.attentions.0", levels-1-level)}
		if level == levels-1 {
			prefixes = append(prefixes, "mid_block.attentions.0")
		}
		depth := 0
		for _, prefix := range prefixes {
			depth = max(depth, count(maxLayers, "%s"+blocks, prefix))
			c.ContextDim = max(c.ContextDim, dim(1, "%s"+blocks, prefix, 0))
			c.Linear = c.Linear || len(shape("%s.proj_in.weight", prefix)) == 2
		}
		c.Widths = append(c.Widths, dim(0, "down_blocks.%d.resnets.0.conv1.weight", level))
		c.Layers = append(c.Layers, count(maxLayers, "down_blocks.%d.resnets.%d.conv1.weight", level))
		c.Down = append(c.Down, shape("%s.proj_in.weight", prefixes[0]) != nil)
		c.Up = append(c.Up, shape("%s.proj_in.weight", prefixes[1]) != nil)
		c.Depth = append(c.Depth, max(1, depth))
	}
	if added := dim(1, "add_embedding.linear_1.weight"); added > 0 {
		c.SizeDim = 256
		c.TextDim = added - sizeIDs*c.SizeDim
	}
	if err := c.inferHeads(); err != nil {
		return c, err
	}
	if err := c.Check(); err != nil {
		return c, fmt.Errorf("%w: %w", weights.ErrMismatch, err)
	}
	return c, nil
}

// inferHeads sets the heads to those of the published models by what they know of a prompt:
//
//	context of  768         8 heads                  Stable Diffusion 1
//	           1024, 2048   heads of 64 channels     Stable Diffusion 2, SDXL
//	            512         one head                 CompVis' class-conditional model, three channels
func (c *Config) inferHeads() error {
	for _, width := range c.Widths {
		switch {
		case c.ContextDim == 768:
			c.Heads = append(c.Heads, 8)
		case c.ContextDim == 1024 || c.ContextDim == 2048:
			c.Heads = append(c.Heads, max(1, width/64))
		case c.ContextDim == 512 && c.Channels == 3:
			c.Heads = append(c.Heads, 1)
		default:
			return fmt.Errorf("%w: no shape tells the number of heads, and no published model of %d channels has a "+
				"context of %d; give it in a config.json beside the file, as diffusers writes it",
				weights.ErrMismatch, c.Channels, c.ContextDim)
		}
	}
	return nil
}

// Same reports whether two configurations are of the same function; the size of the latents changes none, nor what is
// said of levels without attention.
func (c Config) Same(d Config) bool {
	for _, e := range []*Config{&c, &d} {
		e.SampleSize, e.Heads, e.Depth = 0, slices.Clone(e.Heads), slices.Clone(e.Depth)
		for i := range e.Widths {
			if !e.Down[i] && !e.Up[i] && (i < len(e.Widths)-1 || e.SkipMiddle) {
				e.Heads[i], e.Depth[i] = 1, 1
			}
		}
	}
	return reflect.DeepEqual(c, d)
}
