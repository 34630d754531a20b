package latent

import (
	"encoding/json"
	"fmt"
	"slices"

	"mgd3/weights"
)

// Config describes an AutoencoderKL.
type Config struct {
	BlockOutChannels []int   // width of each level, full resolution first
	LayersPerBlock   int     // residual blocks of a level of the encoder; the decoder has one more
	LatentChannels   int     // c
	Groups           int     // of every group norm
	ScalingFactor    float64 // latent = ScalingFactor · mean
	SampleSize       int     // pixels the model was trained at; 0 where the file does not say
	SkipAttention    bool    // no attention in the middle
	SkipQuant        bool    // no 1×1 convolution after the encoder
	SkipPostQuant    bool    // no 1×1 convolution before the decoder
}

// Downsampling returns f: an image of S pixels has a latent of S/f.
func (c Config) Downsampling() int { return 1 << (len(c.BlockOutChannels) - 1) }

// LatentShape is [Layout.LatentShape].
func (c Config) LatentShape(size int) ([]int, error) { return c.layout().LatentShape(size) }

// defaultScaling is diffusers' scaling_factor where the file does not give one: that of the Stable Diffusion
// autoencoders.
const defaultScaling = 0.18215

// diffusers is the config.json of a diffusers AutoencoderKL folder.
type diffusers struct {
	Class      string   `json:"_class_name"`
	Activation string   `json:"act_fn"`
	In         int      `json:"in_channels"`
	Out        int      `json:"out_channels"`
	Down       []string `json:"down_block_types"`
	Up         []string `json:"up_block_types"`
	Widths     []int    `json:"block_out_channels"`
	Layers     int      `json:"layers_per_block"`
	Latent     int      `json:"latent_channels"`
	Groups     int      `json:"norm_num_groups"`
	Sample     int      `json:"sample_size"`
	Scaling    float64  `json:"scaling_factor"`
	Shift      *float64 `json:"shift_factor,omitempty"`
	Attention  *bool    `json:"mid_block_add_attention"` // nil is true, as are the next two
	Quant      *bool    `json:"use_quant_conv"`
	PostQuant  *bool    `json:"use_post_quant_conv"`
}

const (
	activation = "silu"
	className  = "AutoencoderKL"
	downBlock  = "DownEncoderBlock2D"
	upBlock    = "UpDecoderBlock2D"
)

// JSON returns the config.json that [ParseConfig] reads c from.
func (c Config) JSON() ([]byte, error) {
	on := func(skip bool) *bool { skip = !skip; return &skip }
	levels := len(c.BlockOutChannels)
	return json.MarshalIndent(diffusers{
		Class: className, Activation: activation, In: imageChannels, Out: imageChannels,
		Down: slices.Repeat([]string{downBlock}, levels), Up: slices.Repeat([]string{upBlock}, levels),
		Widths: c.BlockOutChannels, Layers: c.LayersPerBlock, Latent: c.LatentChannels, Groups: c.Groups,
		Sample: c.SampleSize, Scaling: c.ScalingFactor,
		Attention: on(c.SkipAttention), Quant: on(c.SkipQuant), PostQuant: on(c.SkipPostQuant),
	}, "", "  ")
}

// ParseConfig reads the config.json of a diffusers AutoencoderKL folder.
func ParseConfig(data []byte) (Config, error) { return parseConfig(data, className, 4) }

// parseConfig reads the config.json of a folder of that class, whose latents have so many channels where it does not
// say.
func parseConfig(data []byte, class string, channels int) (Config, error) {
	file := diffusers{
		Activation: activation, In: imageChannels, Out: imageChannels, Layers: 1, Latent: channels, Groups: 32,
		Scaling: defaultScaling,
	}
	if err := weights.UnmarshalJSON(data, &file); err != nil {
		return Config{}, err
	}
	no := func(b *bool) bool { return b != nil && !*b }
	c := Config{
		BlockOutChannels: file.Widths, LayersPerBlock: file.Layers, LatentChannels: file.Latent, Groups: file.Groups,
		ScalingFactor: file.Scaling, SampleSize: file.Sample,
		SkipAttention: no(file.Attention), SkipQuant: no(file.Quant), SkipPostQuant: no(file.PostQuant),
	}
	switch {
	case file.Class != "" && file.Class != class:
		return c, fmt.Errorf("_class_name is %q, want %s", file.Class, class)
	case file.Activation != activation:
		return c, fmt.Errorf("act_fn is %q, want %s", file.Activation, activation)
	case file.In != imageChannels || file.Out != imageChannels:
		return c, fmt.Errorf("in_channels is %d and out_channels is %d, want %d", file.In, file.Out, imageChannels)
	case file.Shift != nil && *file.Shift != 0:
		return c, fmt.Errorf("shift_factor is %g, want none", *file.Shift)
	}
	for _, kind := range file.Down {
		if kind != downBlock {
			return c, fmt.Errorf("down_block_types has %q, want %s", kind, downBlock)
		}
	}
	for _, kind := range file.Up {
		if kind != upBlock {
			return c, fmt.Errorf("up_block_types has %q, want %s", kind, upBlock)
		}
	}
	return c, c.Check()
}

// Bounds of a configuration, far above any published model.
const (
	maxLevels = 16 // 2^15 pixels to a latent cell
	maxLayers = 1 << 8
	maxSize   = 1 << 16 // of widths and groups
)

// Check says what is wrong with c, if anything.
func (c Config) Check() error {
	if n := len(c.BlockOutChannels); n < 1 || n > maxLevels {
		return fmt.Errorf("block_out_channels has %d levels, want 1 to %d", n, maxLevels)
	}
	for _, f := range []struct {
		name       string
		value, max int
	}{
		{"layers_per_block", c.LayersPerBlock, maxLayers}, {"latent_channels", c.LatentChannels, maxSize},
		{"norm_num_groups", c.Groups, maxSize},
	} {
		if f.value < 1 || f.value > f.max {
			return fmt.Errorf("%s is %d, want 1 to %d", f.name, f.value, f.max)
		}
	}
	for _, width := range c.BlockOutChannels {
		if width < 1 || width > maxSize || width%c.Groups != 0 {
			return fmt.Errorf("block_out_channels has %d, want a multiple of norm_num_groups %d", width, c.Groups)
		}
	}
	if !(c.ScalingFactor > 0) {
		return fmt.Errorf("scaling_factor is %g, want above 0", c.ScalingFactor)
	}
	return nil
}
