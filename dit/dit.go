// Package dit is the denoiser: a transformer over patches of the latent, conditioned on time and
// class by adaptive layer norm (Peebles and Xie 2023, arXiv:2212.09748, section 3.2, adaLN-Zero).
//
//	c       = MLP(freq(t)) + table[y]
//	h       = patches(x)·Wᵀ + b + positions
//	h       ← h + a₁·attention( LN(h)·(1+s₁) + d₁ )          six rows d₁ s₁ a₁ d₂ s₂ a₂ = Linear(SiLU(c))
//	h       ← h + a₂·mlp( LN(h)·(1+s₂) + d₂ )                in every block
//	out     = unpatch( Linear( LN(h)·(1+s) + d ) )
//
//	freq(t) = [cos(t·ω), sin(t·ω)],  ω_i = 10000^(-i/128), i < 128
//
// We follow the original program: the exponent is divided by 128 and every norm has ε = 1e-6.
// diffusers' own model divides by 127 and uses ε = 1e-5 in the second norm of a block, which is
// another function of the same weights; TestGolden pins the choice for both kinds of files.
//
//	name   shape           meaning
//	x      [B, C, H, W]    noisy latent, scaled units (posterior mean × scaling factor)
//	t      [B]             timestep of the unrespaced process, float32, 0 … 999
//	y      [B]             class label, int32; the number of classes stands for "no class"; or its row of the table
//	h      [B, N, D]       tokens, N = H/P · W/P
//	out    [B, 2C, H, W]   predicted noise, then the logits of the variance (C channels where
//	                       sigma is not learned)
package dit

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
)

const (
	epsilon   = 1e-6 // of every layer norm
	frequency = 256  // length of freq(t)
)

// Forward returns the denoiser's output for x [B, C, H, W], t [B] float32 and y [B] int32; see the
// package comment. Like all graph functions it panics on wrong shapes.
func (c Config) Forward(p engine.Params, x, t, y *Node) *Node {
	return c.forward(p, x, t, y, func(string, *Node) {})
}

// forward is Forward; see is told of intermediate values by the goldens' names.
func (c Config) forward(p engine.Params, x, t, y *Node, see func(string, *Node)) *Node {
	x.AssertDims(x.Shape().Dim(0), c.Channels, c.InputSize, c.InputSize)

	cond := c.condition(p, t, y, see)
	h := c.tokens(p.In("x_embedder").In("proj"), x)
	see("tokens", h)
	cond = engine.SiLU(cond)
	h = p.Cast(h)
	for i := range c.Depth {
		h = c.block(p.At("blocks", i), h, p.Cast(cond))
		see(fmt.Sprintf("block%d", i), h)
	}
	h = c.final(p.In("final_layer"), engine.Wide(h), cond)
	see("final_tokens", h)
	return c.unpatch(h)
}

// condition returns c [B, D].
func (c Config) condition(p engine.Params, t, y *Node, see func(string, *Node)) *Node {
	freq := timeFeatures(t)
	see("t_freq", freq)
	mlp := p.In("t_embedder").In("mlp")
	emb := engine.Linear(mlp.In("0"), freq, c.Hidden)
	emb = engine.Linear(mlp.In("2"), engine.SiLU(emb), c.Hidden)
	see("t_emb", emb)
	cond := Add(emb, c.label(p, y))
	see("c", cond)
	return cond
}

// label returns the rows of labels y [B], or y itself if it is such rows [B, D] already.
func (c Config) label(p engine.Params, y *Node) *Node {
	if y.Rank() == 2 {
		return y
	}
	return Gather(c.labels(p), ExpandAxes(y, -1))
}

// labels is the table of the labels' rows [classes + 1, D].
func (c Config) labels(p engine.Params) *Node {
	return p.In("y_embedder").In("embedding_table").Get("weight", c.Classes+1, c.Hidden)
}

// timeFeatures returns freq(t) [B, 256].
func timeFeatures(t *Node) *Node {
	sin, cos := engine.Waves(t, frequency/2, 0)
	return Concatenate([]*Node{cos, sin}, -1)
}

// tokens cuts x [B, C, H, W] into patches and embeds them: [B, N, D].
func (c Config) tokens(p engine.Params, x *Node) *Node {
	b, n, k := x.Shape().Dim(0), c.side(), c.Patch
	x = Reshape(x, b, c.Channels, n, k, n, k)
	x = TransposeAllDims(x, 0, 2, 4, 1, 3, 5)
	x = Reshape(x, b, n*n, c.Channels*k*k)
	weight := Reshape(p.Get("weight", c.Hidden, c.Channels, k, k), c.Hidden, c.Channels*k*k)
	h := Add(Einsum("bnk,dk->bnd", x, weight), Reshape(p.Get("bias", c.Hidden), 1, 1, c.Hidden))
	positions := tensors.FromFlatDataAndDimensions(Positions(c.Hidden, n), 1, n*n, c.Hidden)
	return Add(h, ConstTensor(x.Graph(), positions))
}

// block is one transformer block; cond is SiLU(c).
func (c Config) block(p engine.Params, h, cond *Node) *Node {
	m := modulation(p, cond, 6, c.Hidden)
	attn := c.attention(p.In("attn"), modulate(h, m[0], m[1]))
	h = Add(h, Mul(m[2], attn))
	mlp := p.In("mlp")
	z := engine.Linear(mlp.In("fc1"), modulate(h, m[3], m[4]), c.mlpWidth())
	z = engine.Linear(mlp.In("fc2"), engine.GELU(z), c.Hidden)
	return Add(h, Mul(m[5], z))
}

// modulation returns n rows [B, 1, D] computed from cond.
func modulation(p engine.Params, cond *Node, n, hidden int) []*Node {
	all := engine.Linear(p.At("adaLN_modulation", 1), cond, n*hidden)
	return Split(Reshape(all, cond.Shape().Dim(0), n, hidden), 1, n)
}

// modulate returns LN(h)·(1+scale) + shift, computed in float32.
func modulate(h, shift, scale *Node) *Node {
	wide := Add(Mul(engine.LayerNorm(engine.Wide(h), epsilon), OnePlus(engine.Wide(scale))), engine.Wide(shift))
	return ConvertDType(wide, h.DType())
}

func (c Config) attention(p engine.Params, h *Node) *Node {
	b, n, d := h.Shape().Dim(0), h.Shape().Dim(1), c.Hidden/c.Heads
	qkv := Reshape(engine.Linear(p.In("qkv"), h, 3*c.Hidden), b, n, 3, c.Heads, d)
	part := func(i int) *Node {
		return Reshape(SliceAxis(qkv, 2, AxisElem(i)), b, n, c.Heads, d)
	}
	return engine.Linear(p.In("proj"), Reshape(engine.Attention(part(0), part(1), part(2)), b, n, c.Hidden), c.Hidden)
}

// final maps tokens to patches of the output: [B, N, P·P·out].
func (c Config) final(p engine.Params, h, cond *Node) *Node {
	m := modulation(p, cond, 2, c.Hidden)
	return engine.Linear(p.In("linear"), modulate(h, m[0], m[1]), c.Patch*c.Patch*c.OutChannels())
}

// unpatch is the inverse of the cut in tokens, channels last within a patch.
func (c Config) unpatch(h *Node) *Node {
	b, n, k, out := h.Shape().Dim(0), c.side(), c.Patch, c.OutChannels()
	h = Reshape(h, b, n, n, k, k, out)
	h = TransposeAllDims(h, 0, 5, 1, 3, 2, 4)
	return Reshape(h, b, out, n*k, n*k)
}

// Positions returns the fixed sine and cosine table [n·n, hidden] of an n × n grid of tokens: the
// first half of a row encodes the column, the second half the row, each as [sin, cos] of
// 10000^(-i/(hidden/4)).
func Positions(hidden, n int) []float32 {
	quarter := hidden / 4
	table := make([]float32, 0, n*n*hidden)
	for row := range n {
		for col := range n {
			for _, pos := range [2]int{col, row} {
				for _, f := range [2]func(float64) float64{math.Sin, math.Cos} {
					for i := range quarter {
						omega := math.Pow(10000, -float64(i)/float64(quarter))
						table = append(table, float32(f(float64(pos)*omega)))
					}
				}
			}
		}
	}
	return table
}

// Func is [Config.Forward] as an [engine.Func] of x, t and y.
func (c Config) Func(p engine.Params, in []*Node) []*Node {
	return []*Node{c.Forward(p, in[0], in[1], in[2])}
}

// LabelType and TimeType are what Forward expects of y and t.
const (
	LabelType = dtypes.Int32
	TimeType  = dtypes.Float32
)
