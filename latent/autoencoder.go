// Package latent turns pixels into latents and back, and keeps the latents of a data set on disk. The
// autoencoder is AutoencoderKL, that of latent diffusion (Rombach et al. 2022, arXiv:2112.10752,
// section 3.1), the one with a codebook from there, which vq.go describes, or one of the small networks that
// imitate it, see taesd.go.
//
//	(mean, logvar) = quant( encoder(image) )            logvar clamped to [-30, 20]
//	latent         = scaling · mean                      what the MGD3 program clusters (method: posterior mean)
//	latent         = scaling · (mean + exp(logvar/2)·z)  the posterior sample, on request
//	image          = decoder( post_quant( latent/scaling ) )
//
//	resnet:     x + conv( SiLU( GN( conv( SiLU( GN(x) ) ) ) ) ), 1×1 convolution of x where the width changes
//	attention:  x + out( softmax(q·kᵀ/√C)·v ), one head over all channels, q, k, v from GN(x)
//	down:       zero row and column at bottom and right, 3×3 convolution of stride 2
//	up:         every pixel four times, 3×3 convolution
//
// Every group norm has ε = 1e-6. The layout of levels, layers and groups comes from diffusers'
// config.json; tensor names are diffusers' new ones.
//
//	name     shape             meaning
//	image    [B, 3, S, S]      RGB in [-1, 1]
//	mean     [B, c, S/f, S/f]  f = 2^(levels-1); c latent channels
//	latent   [B, c, S/f, S/f]  scaled units, about unit variance
package latent

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

const epsilon = 1e-6 // of every group norm

// Moments returns the posterior's mean and clamped log variance [B, c, h, w], unscaled, of images
// [B, 3, H, W] in [-1, 1].
func (c Config) Moments(p engine.Params, image *Node) (mean, logvar *Node) {
	return c.moments(p, image, func(string, *Node) {})
}

// moments is Moments; see is told of intermediate values, channels last, by the goldens' names.
func (c Config) moments(p engine.Params, image *Node, see func(string, *Node)) (mean, logvar *Node) {
	h := c.encoder(p.In("encoder"), channelsLast(image), 2*c.LatentChannels, see)
	if !c.SkipQuant {
		h = engine.Conv2D(p.In("quant_conv"), h, 2*c.LatentChannels, 1, 1, [2]int{})
	}
	see("moments", h)
	parts := Split(h, -1, 2)
	// Clamp has no gradient.
	return channelsFirst(parts[0]), MaxScalar(MinScalar(channelsFirst(parts[1]), 20), -30)
}

// Encode returns the scaled posterior mean [B, c, h, w] of images [B, 3, H, W] in [-1, 1].
func (c Config) Encode(p engine.Params, image *Node) *Node {
	mean, _ := c.Moments(p, image)
	return MulScalar(mean, c.ScalingFactor)
}

// Sample returns scaled samples of the posterior for standard normal noise z [B, c, h, w].
func (c Config) Sample(p engine.Params, image, z *Node) *Node {
	mean, logvar := c.Moments(p, image)
	return MulScalar(Add(mean, Mul(Exp(MulScalar(logvar, 0.5)), z)), c.ScalingFactor)
}

// Decode returns images [B, 3, H, W], about [-1, 1], of scaled latents [B, c, h, w].
func (c Config) Decode(p engine.Params, latent *Node) *Node {
	return c.decoder(p, DivScalar(latent, c.ScalingFactor), func(string, *Node) {})
}

// Reconstruct is an [engine.Func] of images: what comes back from encoding and decoding them. It asks
// for every tensor of the model.
func (c Config) Reconstruct(p engine.Params, in []*Node) []*Node {
	return []*Node{c.Decode(p, c.Encode(p, in[0]))}
}

func (c Config) layout() Layout { return Layout{c.LatentChannels, c.Downsampling()} }

func (c Config) encode(p engine.Params, image *Node) *Node  { return c.Encode(p, image) }
func (c Config) decode(p engine.Params, latent *Node) *Node { return c.Decode(p, latent) }

// encoder maps images [B, H, W, 3] to [B, h, w, out].
func (c Config) encoder(p engine.Params, x *Node, out int, see func(string, *Node)) *Node {
	widths := c.BlockOutChannels
	x = conv3(p.In("conv_in"), x, widths[0])
	see("enc_conv_in", x)
	x = p.Cast(x)
	for i, width := range widths {
		level := p.At("down_blocks", i)
		for j := range c.LayersPerBlock {
			x = c.resnet(level.At("resnets", j), x, width)
		}
		if i < len(widths)-1 {
			x = engine.Conv2D(level.At("downsamplers", 0).In("conv"), x, width, 3, 2, [2]int{0, 1})
		}
		see(fmt.Sprintf("enc_down%d", i), x)
	}
	x = engine.Wide(c.mid(p.In("mid_block"), x))
	see("enc_mid", x)
	return conv3(p.In("conv_out"), c.activated(p.In("conv_norm_out"), x), out)
}

// decoder maps unscaled latents to images.
func (c Config) decoder(p engine.Params, z *Node, see func(string, *Node)) *Node {
	x := channelsLast(z)
	if !c.SkipPostQuant {
		x = engine.Conv2D(p.In("post_quant_conv"), x, c.LatentChannels, 1, 1, [2]int{})
	}
	return c.image(p.In("decoder"), x, see)
}

// image is the decoder behind the 1×1 convolution, of [B, h, w, c].
func (c Config) image(p engine.Params, x *Node, see func(string, *Node)) *Node {
	widths := c.BlockOutChannels
	last := len(widths) - 1
	x = conv3(p.In("conv_in"), x, widths[last])
	see("dec_conv_in", x)
	x = p.Cast(x)
	x = c.mid(p.In("mid_block"), x)
	see("dec_mid", x)
	for i := range widths {
		level, width := p.At("up_blocks", i), widths[last-i]
		for j := range c.LayersPerBlock + 1 {
			x = c.resnet(level.At("resnets", j), x, width)
		}
		if i < last {
			x = conv3(level.At("upsamplers", 0).In("conv"), upsample(x), width)
		}
		see(fmt.Sprintf("dec_up%d", i), x)
	}
	return channelsFirst(conv3(p.In("conv_out"), c.activated(p.In("conv_norm_out"), engine.Wide(x)), imageChannels))
}

func (c Config) mid(p engine.Params, x *Node) *Node {
	width := x.Shape().Dim(-1)
	x = c.resnet(p.At("resnets", 0), x, width)
	if !c.SkipAttention {
		x = c.attention(p.At("attentions", 0), x)
	}
	return c.resnet(p.At("resnets", 1), x, width)
}

func (c Config) resnet(p engine.Params, x *Node, width int) *Node {
	h := conv3(p.In("conv1"), c.activated(p.In("norm1"), x), width)
	h = conv3(p.In("conv2"), c.activated(p.In("norm2"), h), width)
	if x.Shape().Dim(-1) != width {
		x = engine.Conv2D(p.In("conv_shortcut"), x, width, 1, 1, [2]int{})
	}
	return Add(x, h)
}

func (c Config) attention(p engine.Params, x *Node) *Node {
	b, h, w, width := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	y := Reshape(engine.GroupNorm(p.In("group_norm"), x, c.Groups, epsilon), b, h*w, width)
	head := func(name string) *Node {
		return Reshape(engine.Linear(p.In(name), y, width), b, h*w, 1, width)
	}
	y = Reshape(engine.Attention(head("to_q"), head("to_k"), head("to_v")), b, h*w, width)
	return Add(x, Reshape(engine.Linear(p.At("to_out", 0), y, width), b, h, w, width))
}

// activated is SiLU(GN(x)).
func (c Config) activated(p engine.Params, x *Node) *Node {
	return engine.SiLU(engine.GroupNorm(p, x, c.Groups, epsilon))
}

func conv3(p engine.Params, x *Node, out int) *Node {
	return engine.Conv2D(p, x, out, 3, 1, [2]int{1, 1})
}

// upsample repeats every pixel of x [B, H, W, C] in both directions.
func upsample(x *Node) *Node {
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	x = BroadcastToDims(Reshape(x, b, h, 1, w, 1, c), b, h, 2, w, 2, c)
	return Reshape(x, b, 2*h, 2*w, c)
}

func channelsLast(x *Node) *Node  { return TransposeAllDims(x, 0, 2, 3, 1) }
func channelsFirst(x *Node) *Node { return TransposeAllDims(x, 0, 3, 1, 2) }

const imageChannels = 3

// DType of images and latents.
const DType = dtypes.Float32
