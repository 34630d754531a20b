package latent

import (
	"fmt"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
	"mgd3/weights"
)

// taesd is an autoencoder of the TAESD family (github.com/madebyollin/taesd, MIT): small convolutional networks,
// trained to do what a large autoencoder does, at a fraction of its work.
//
//	image ∈ [0, 1]  →  conv, block  →  three times: conv of stride 2, three blocks  →  conv  →  latent
//	latent  →  3·tanh(latent/3)  →  conv, ReLU  →  three times: three blocks, every pixel four times, conv
//	        →  block, conv  →  image
//
//	block:  ReLU( x + conv( ReLU( conv( ReLU( conv(x) ) ) ) ) )
//	gate:   x + W₂·ReLU( GN₄( W₁·x ) )        before each block at latent size, in taef2
//
// All convolutions are 3×3 of 64 channels; those that change the size have no bias. Latents come out in the scale
// that denoisers know: for taesd that of Stable Diffusion's after its scaling factor. There is no posterior.
type taesd struct {
	channels int  // of the latent
	width    int  // of all layers in between
	gated    bool // the blocks at latent size have a gate
}

// tinyStages are the blocks of the encoder's stages, full resolution first; the decoder has them in reverse.
var tinyStages = []int{1, 3, 3, 3}

func (c taesd) layout() Layout { return Layout{c.channels, 1 << (len(tinyStages) - 1)} }

func (c taesd) encode(p engine.Params, image *Node) *Node {
	p = p.In("encoder")
	x := MulScalar(OnePlus(channelsLast(image)), 0.5)
	layer := 0
	next := func() engine.Params { layer++; return p.In(fmt.Sprint(layer - 1)) }
	for i, blocks := range tinyStages {
		if i == 0 {
			x = p.Cast(conv3(next(), x, c.width))
		} else {
			x = engine.Conv(next(), x, c.width, 3, 2, [2]int{1, 1})
		}
		for range blocks {
			x = c.block(next(), x, c.gated && i == len(tinyStages)-1)
		}
	}
	return channelsFirst(conv3(next(), engine.Wide(x), c.channels))
}

func (c taesd) decode(p engine.Params, latent *Node) *Node {
	p = p.In("decoder")
	x := MulScalar(Tanh(DivScalar(channelsLast(latent), 3)), 3)
	layer := 1 // the clamp was one
	next := func() engine.Params { layer++; return p.In(fmt.Sprint(layer - 1)) }
	x = p.Cast(engine.ReLU(conv3(next(), x, c.width)))
	layer++
	for i, blocks := range slices.Backward(tinyStages) {
		for range blocks {
			x = c.block(next(), x, c.gated && i == len(tinyStages)-1)
		}
		if i > 0 {
			layer++ // repeating pixels is one
			x = engine.Conv(next(), upsample(x), c.width, 3, 1, [2]int{1, 1})
		}
	}
	x = conv3(next(), engine.Wide(x), imageChannels)
	return AddScalar(MulScalar(channelsFirst(x), 2), -1)
}

func (c taesd) block(p engine.Params, x *Node, gated bool) *Node {
	if gated {
		x = c.gate(p.In("pool"), x)
	}
	p = p.In("conv")
	h := engine.ReLU(conv3(p.In("0"), x, c.width))
	h = engine.ReLU(conv3(p.In("2"), h, c.width))
	return engine.ReLU(Add(x, conv3(p.In("4"), h, c.width)))
}

func (c taesd) gate(p engine.Params, x *Node) *Node {
	h := engine.Conv(p.In("0"), x, 4*c.width, 1, 1, [2]int{})
	h = engine.ReLU(engine.GroupNorm(p.In("1"), h, 4, 1e-5))
	return Add(x, engine.Conv(p.In("3"), h, c.width, 1, 1, [2]int{}))
}

// inferTAESD returns the member of the family whose tensors set holds. The shapes of all others are checked later.
func inferTAESD(set *weights.Set) (taesd, error) {
	first, _ := set.Shape("encoder.0.weight")
	last, _ := set.Shape("decoder.1.weight")
	if len(first) != 4 || len(last) != 4 {
		return taesd{}, fmt.Errorf(`%w: tensors "encoder.0.weight" and "decoder.1.weight" have shapes %v and %v, `+
			`want those of two convolutions of the TAESD family`,
			weights.ErrMismatch, first, last)
	}
	_, gated := set.Shape("decoder.3.pool.0.weight")
	c := taesd{channels: last[1], width: first[0], gated: gated}
	if c.channels < 1 || c.channels > maxSize || c.width < 1 || c.width > maxSize {
		return c, fmt.Errorf("%w: have %d latent channels and layers %d wide, want 1 to %d", weights.ErrMismatch,
			c.channels, c.width, maxSize)
	}
	return c, nil
}

const tinyClass = "AutoencoderTiny"

// checkTiny says what of a diffusers AutoencoderTiny's config.json differs from the family's usual layout, if anything.
func checkTiny(data []byte) error {
	file := struct {
		Activation string  `json:"act_fn"`
		In         int     `json:"in_channels"`
		Out        int     `json:"out_channels"`
		Encoder    []int   `json:"num_encoder_blocks"`
		Decoder    []int   `json:"num_decoder_blocks"`
		Upsampling int     `json:"upsampling_scaling_factor"`
		Scaling    float64 `json:"scaling_factor"`
		Shift      float64 `json:"shift_factor"`
	}{"relu", imageChannels, imageChannels, tinyStages, reversed(tinyStages), 2, 1, 0}
	if err := weights.UnmarshalJSON(data, &file); err != nil {
		return err
	}
	switch {
	case file.Activation != "relu":
		return fmt.Errorf("act_fn is %q, want relu", file.Activation)
	case file.In != imageChannels || file.Out != imageChannels:
		return fmt.Errorf("in_channels is %d and out_channels is %d, want %d", file.In, file.Out, imageChannels)
	case !slices.Equal(file.Encoder, tinyStages) || !slices.Equal(file.Decoder, reversed(tinyStages)):
		return fmt.Errorf("num_encoder_blocks is %v and num_decoder_blocks is %v, want %v and %v",
			file.Encoder, file.Decoder, tinyStages, reversed(tinyStages))
	case file.Upsampling != 2:
		return fmt.Errorf("upsampling_scaling_factor is %d, want 2", file.Upsampling)
	case file.Scaling != 1 || file.Shift != 0:
		return fmt.Errorf("scaling_factor is %g and shift_factor is %g, want 1 and 0", file.Scaling, file.Shift)
	}
	return nil
}

func reversed(list []int) []int {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// TAESD returns the graphs of an autoencoder of that family with latents of so many channels, for who has no file of
// one: encode takes an image, decode a latent.
func TAESD(channels int) (encode, decode engine.Func) {
	const width = 64
	c := taesd{channels: channels, width: width}
	return func(p engine.Params, in []*Node) []*Node { return []*Node{c.encode(p, in[0])} },
		func(p engine.Params, in []*Node) []*Node { return []*Node{c.decode(p, in[0])} }
}
