// Package text makes of prompts what a text-to-image denoiser is conditioned on: CLIP's byte-pair tokens, and the
// hidden states of its text transformer (Radford et al. 2021, arXiv:2103.00020, section 2.4).
//
//	h       = tokens[ids] + positions
//	h       ← h + attention( LN(h) )          causal: a token sees itself and those before it
//	h       ← h + fc2( act( fc1( LN(h) ) ) )  in every layer; act is x·σ(1.702·x) in OpenAI's models, x·Φ(x) in
//	                                          OpenCLIP's
//	hidden  = LN(h)                           or h before the last layer, see Layer
//	pooled  = LN(h)[first last token]·P
//
//	name    shape          meaning
//	ids     [n, L]         token ids, int32; L = 77 in all published models
//	h       [n, L, D]      D = 768 for ViT-L/14, 1024 for ViT-H, 1280 for ViT-bigG
//	hidden  [n, L, D]      what the denoiser attends to
//	pooled  [n, P]         P = 1280 for bigG; D where the encoder has no projection
//
// The norm's ε is 1e-5. Everything is float32, whatever the precision of the engine: a prompt is encoded once. Padding
// is not masked, as in all pipelines of diffusers. TestGolden pins the encoder, TestTokens of internal/clients the
// tokens.
package text

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// Layer says which hidden states the denoiser attends to.
type Layer int

// The layers, and who takes them.
const (
	// after the last layer and the final norm: Stable Diffusion 1, and 2 as diffusers has it
	Last              Layer = iota
	Penultimate             // before the last layer, without the norm: SDXL
	PenultimateNormed       // before the last layer, with the norm: Stable Diffusion 2 with all of its layers
)

// Forward returns hidden [n, L, D] and pooled [n, P] of ids [n, L]; see the package comment. Like all graph functions
// it panics on wrong shapes.
func (c Config) Forward(p engine.Params, ids *Node, layer Layer) (hidden, pooled *Node) {
	n, length := ids.Shape().Dim(0), ids.Shape().Dim(1)
	if length > c.Positions {
		ids.AssertDims(n, c.Positions)
	}
	embeddings := p.In("embeddings")
	tokens := embeddings.In("token_embedding").Get("weight", c.Vocabulary, c.Width)
	positions := embeddings.In("position_embedding").Get("weight", c.Positions, c.Width)
	h := Add(Gather(tokens, ExpandAxes(ids, -1)), ExpandAxes(SliceAxis(positions, 0, AxisRange(0, length)), 0))
	previous := h
	for i := range c.Layers {
		previous = h
		h = c.layer(p.In("encoder").At("layers", i), h)
	}
	norm := p.In("final_layer_norm")
	final := engine.AffineLayerNorm(norm, h, c.Epsilon)
	switch layer {
	case Penultimate:
		hidden = previous
	case PenultimateNormed:
		hidden = engine.AffineLayerNorm(norm, previous, c.Epsilon)
	default:
		hidden = final
	}
	pooled = Einsum("nld,nl->nd", final, c.ends(ids))
	if c.Projection > 0 {
		pooled = engine.Product(p.In("text_projection"), pooled, c.Projection)
	}
	return hidden, pooled
}

// ends is 1 where a row of ids [n, L] has its last token for the first time, else 0: float32 [n, L].
func (c Config) ends(ids *Node) *Node {
	n, length := ids.Shape().Dim(0), ids.Shape().Dim(1)
	var at *Node
	if c.Pool == highest {
		at = ArgMax(ids, -1, dtypes.Int32)
	} else {
		is := ConvertDType(Equal(ids, Scalar(ids.Graph(), ids.DType(), c.Pool)), dtypes.Float32)
		at = ArgMax(is, -1, dtypes.Int32)
	}
	place := Iota(ids.Graph(), shapes.Make(dtypes.Int32, n, length), 1)
	return ConvertDType(Equal(place, BroadcastToDims(ExpandAxes(at, -1), n, length)), dtypes.Float32)
}

func (c Config) layer(p engine.Params, h *Node) *Node {
	h = Add(h, c.attention(p.In("self_attn"), engine.AffineLayerNorm(p.In("layer_norm1"), h, c.Epsilon)))
	mlp := p.In("mlp")
	z := engine.Linear(mlp.In("fc1"), engine.AffineLayerNorm(p.In("layer_norm2"), h, c.Epsilon), c.Inner)
	return Add(h, engine.Linear(mlp.In("fc2"), c.activation(z), c.Width))
}

func (c Config) activation(x *Node) *Node {
	if c.Activation == quickGELU {
		return Mul(x, Sigmoid(MulScalar(x, 1.702)))
	}
	return engine.ExactGELU(x)
}

// attention is causal. It holds all of its few scores at once.
func (c Config) attention(p engine.Params, h *Node) *Node {
	n, length, d := h.Shape().Dim(0), h.Shape().Dim(1), c.Width/c.Heads
	qkv := Reshape(engine.Linear(p.In("qkv_proj"), h, 3*c.Width), n, length, 3, c.Heads, d)
	part := func(i int) *Node { return Reshape(SliceAxis(qkv, 2, AxisElem(i)), n, length, c.Heads, d) }
	scores := MulScalar(Einsum("bqhd,bkhd->bhqk", part(0), part(1)), 1/math.Sqrt(float64(d)))
	share := MaskedSoftmax(scores, before(scores), -1)
	mixed := Reshape(Einsum("bhqk,bkhd->bqhd", share, part(2)), n, length, c.Width)
	return engine.Linear(p.In("out_proj"), mixed, c.Width)
}

// before is true where the key, the last axis of scores, is the query, the axis before it, or comes before it.
func before(scores *Node) *Node {
	shape := shapes.Make(dtypes.Int32, scores.Shape().Dimensions...)
	return GreaterOrEqual(Iota(scores.Graph(), shape, -2), Iota(scores.Graph(), shape, -1))
}
