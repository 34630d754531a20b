// Package unet is the denoiser of latent diffusion: a U-Net over the latent, conditioned on time by a shift in every
// residual block, and on a prompt by cross-attention (Rombach et al. 2022, arXiv:2112.10752, section 3.3 and appendix
// E.2.1; for SDXL Podell et al. 2023, arXiv:2307.01952, section 2.2).
//
//	e       = W₂·SiLU( W₁·freq(t) )  [ + W₂'·SiLU( W₁'·(text ‖ freq(sizes)) ) ]            [ ] in SDXL alone
//	resnet  : x + conv( SiLU( GN( conv( SiLU( GN(x) ) ) + W·SiLU(e) ) ) ), 1×1 convolution of x where the width
//	        changes
//	block   : h ← h + attention( LN(h), LN(h) )             the tokens of the latent among themselves
//	          h ← h + attention( LN(h), context )           and with those of the prompt
//	          h ← h + W₂·( a·GELU(b) ),  a ‖ b = W₁·LN(h)   Shazeer 2020, arXiv:2002.05202: GEGLU, the exact GELU
//	tokens  : x + W₂·blocks( W₁·GN(x) )
//	down    : per level resnets, each with tokens behind it where the level has attention; 3×3 convolution of stride 2
//	middle  : resnet, tokens, resnet
//	up      : per level resnets as down and one more, each of x ‖ what the way down had there; every pixel four times,
//	          3×3 convolution
//	out     = conv( SiLU( GN(x) ) )
//
//	freq(t) = [cos(t·ω), sin(t·ω)],  ω_i = 10000^(-i/(n − shift)),  i < n
//
// We follow diffusers' UNet2DConditionModel in all, its config.json and names of tensors among it: ε is norm_eps in the
// resnets and at the end, 1e-6 in the group norm before tokens, 1e-5 in their layer norms; and its attention_head_dim
// is the number of heads. TestGolden pins it for Stable Diffusion 1 and 2, SDXL and the class-conditional model of
// CompVis, whose context is one token, the row of the class in a table.
//
//	name     shape             meaning
//	x        [B, C, h, w]      noisy latent, scaled units; h, w any size
//	t        [B]               timestep of the unrespaced process, float32, 0 … 999
//	context  [B, T, D]         the prompt's T tokens, 77 of CLIP, or 1
//	added    [B, P + 6]        SDXL: the prompt's pooled embedding, then height, width, top, left, height, width in
//	                           pixels: of the original, of its crop, of the result
//	e        [B, 4·widths[0]]  embedding of time and sizes
//	out      [B, C, h, w]      prediction: noise, or v, as the model was trained
package unet

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

const (
	tokensEpsilon = 1e-6 // of the group norm before tokens
	blockEpsilon  = 1e-5 // of a block's layer norms
)

// DType of all inputs of Forward.
const DType = dtypes.Float32

// Forward returns the prediction for x [B, C, h, w], t [B], context [B, T, D] and, where [Config.AddedLen] is not 0,
// added [B, AddedLen]; else it is nil. See the package comment. Like all graph functions it panics on wrong shapes.
func (c Config) Forward(p engine.Params, x, t, context, added *Node) *Node {
	return c.forward(p, x, t, context, added, func(string, *Node) {})
}

// pass is one pass through the network: what all its blocks share.
type pass struct {
	Config
	emb     *Node // SiLU(e), [B, E], in the precision of the network
	context *Node // likewise
	skips   []*Node
	see     func(string, *Node)
}

// forward is Forward; see is told of intermediate values, images channels last, by the goldens' names.
func (c Config) forward(p engine.Params, x, t, context, added *Node, see func(string, *Node)) *Node {
	b := t.Shape().Dim(0)
	x.AssertDims(b, c.Channels, x.Shape().Dim(2), x.Shape().Dim(3))
	emb := c.embedding(p, t, added, see)
	f := &pass{Config: c, emb: p.Cast(engine.SiLU(emb)), context: p.Cast(context), see: see}

	h := conv3(p.In("conv_in"), TransposeAllDims(x, 0, 2, 3, 1), c.Widths[0], 1)
	see("conv_in", h)
	h = f.push(p.Cast(h))
	for i := range c.Widths {
		h = f.down(p.At("down_blocks", i), h, i)
		see(fmt.Sprintf("down%d", i), h)
	}
	if !c.SkipMiddle {
		h = f.middle(p.In("mid_block"), h)
		see("mid", h)
	}
	for i := range c.Widths {
		h = f.up(p.At("up_blocks", i), h, len(c.Widths)-1-i)
		see(fmt.Sprintf("up%d", i), h)
	}
	h = engine.SiLU(engine.GroupNorm(p.In("conv_norm_out"), engine.Wide(h), c.Groups, c.Epsilon))
	return TransposeAllDims(conv3(p.In("conv_out"), h, c.Channels, 1), 0, 3, 1, 2)
}

// embedding returns e [B, E].
func (c Config) embedding(p engine.Params, t, added *Node, see func(string, *Node)) *Node {
	freq := c.features(t, c.Widths[0])
	see("time_proj", freq)
	emb := c.mlp(p.In("time_embedding"), freq)
	see("time_emb", emb)
	if c.AddedLen() == 0 {
		return emb
	}
	b := t.Shape().Dim(0)
	added.AssertDims(b, c.AddedLen())
	text := Slice(added, AxisRange(), AxisRange(0, c.TextDim))
	sizes := Reshape(Slice(added, AxisRange(), AxisRange(c.TextDim)), b*sizeIDs)
	freqs := Reshape(c.features(sizes, c.SizeDim), b, sizeIDs*c.SizeDim)
	emb = Add(emb, c.mlp(p.In("add_embedding"), Concatenate([]*Node{text, freqs}, -1)))
	see("emb", emb)
	return emb
}

// features returns freq(t) [B, dim].
func (c Config) features(t *Node, dim int) *Node {
	sin, cos := engine.Waves(t, dim/2, c.FreqShift)
	if c.SineFirst {
		return Concatenate([]*Node{sin, cos}, -1)
	}
	return Concatenate([]*Node{cos, sin}, -1)
}

func (c Config) mlp(p engine.Params, x *Node) *Node {
	h := engine.SiLU(engine.Linear(p.In("linear_1"), x, c.embWidth()))
	return engine.Linear(p.In("linear_2"), h, c.embWidth())
}

func (f *pass) push(x *Node) *Node {
	f.skips = append(f.skips, x)
	return x
}

func (f *pass) pop() *Node {
	x := f.skips[len(f.skips)-1]
	f.skips = f.skips[:len(f.skips)-1]
	return x
}

func (f *pass) down(p engine.Params, x *Node, level int) *Node {
	for j := range f.Layers[level] {
		x = f.resnet(p.At("resnets", j), x, f.Widths[level])
		if f.Down[level] {
			x = f.tokens(p.At("attentions", j), x, level)
		}
		f.push(x)
	}
	if level < len(f.Widths)-1 {
		x = f.push(conv3(p.At("downsamplers", 0).In("conv"), x, f.Widths[level], 2))
	}
	return x
}

func (f *pass) middle(p engine.Params, x *Node) *Node {
	last := len(f.Widths) - 1
	x = f.resnet(p.At("resnets", 0), x, f.Widths[last])
	x = f.tokens(p.At("attentions", 0), x, last)
	return f.resnet(p.At("resnets", 1), x, f.Widths[last])
}

func (f *pass) up(p engine.Params, x *Node, level int) *Node {
	for j := range f.Layers[level] + 1 {
		x = f.resnet(p.At("resnets", j), Concatenate([]*Node{x, f.pop()}, -1), f.Widths[level])
		if f.Up[level] {
			x = f.tokens(p.At("attentions", j), x, level)
		}
	}
	if level > 0 {
		x = conv3(p.At("upsamplers", 0).In("conv"), upsample(x, f.skips[len(f.skips)-1]), f.Widths[level], 1)
	}
	return x
}

func (f *pass) resnet(p engine.Params, x *Node, width int) *Node {
	h := conv3(p.In("conv1"), f.activated(p.In("norm1"), x), width, 1)
	shift := engine.Linear(p.In("time_emb_proj"), f.emb, width)
	h = Add(h, Reshape(shift, shift.Shape().Dim(0), 1, 1, width))
	h = conv3(p.In("conv2"), f.activated(p.In("norm2"), h), width, 1)
	if x.Shape().Dim(-1) != width {
		x = engine.Conv2D(p.In("conv_shortcut"), x, width, 1, 1, [2]int{})
	}
	return Add(x, h)
}

// activated is SiLU(GN(x)).
func (f *pass) activated(p engine.Params, x *Node) *Node {
	return engine.SiLU(engine.GroupNorm(p, x, f.Groups, f.Epsilon))
}

func conv3(p engine.Params, x *Node, out, stride int) *Node {
	return engine.Conv2D(p, x, out, 3, stride, [2]int{1, 1})
}

// upsample repeats every pixel of x [B, H, W, C] in both directions, up to the height and width of like, which the way
// down has halved, rounding up.
func upsample(x, like *Node) *Node {
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	x = Reshape(BroadcastToDims(Reshape(x, b, h, 1, w, 1, c), b, h, 2, w, 2, c), b, 2*h, 2*w, c)
	height, width := like.Shape().Dim(1), like.Shape().Dim(2)
	if height == 2*h && width == 2*w {
		return x
	}
	return Slice(x, AxisRange(), AxisRange(0, height), AxisRange(0, width), AxisRange())
}
