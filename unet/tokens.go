package unet

import (
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// tokens makes the pixels of x [B, h, w, C] tokens, runs the level's transformer blocks, and adds what they give.
func (f *pass) tokens(p engine.Params, x *Node, level int) *Node {
	b, h, w, width := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	y := engine.GroupNorm(p.In("norm"), x, f.Groups, tokensEpsilon)
	y = f.project(p.In("proj_in"), Reshape(y, b, h*w, width), width)
	for i := range f.Depth[level] {
		y = f.block(p.At("transformer_blocks", i), y, level)
	}
	return Add(x, Reshape(f.project(p.In("proj_out"), y, width), b, h, w, width))
}

// project is a linear map, which files may have as a 1×1 convolution.
func (f *pass) project(p engine.Params, x *Node, out int) *Node {
	if f.Linear {
		return engine.Linear(p, x, out)
	}
	b, n := x.Shape().Dim(0), x.Shape().Dim(1)
	y := engine.Conv2D(p, Reshape(x, b, n, 1, x.Shape().Dim(2)), out, 1, 1, [2]int{})
	return Reshape(y, b, n, out)
}

func (f *pass) block(p engine.Params, h *Node, level int) *Node {
	width := h.Shape().Dim(-1)
	norm := engine.AffineLayerNorm(p.In("norm1"), h, blockEpsilon)
	h = Add(h, attention(p.In("attn1"), norm, norm, f.Heads[level]))
	norm = engine.AffineLayerNorm(p.In("norm2"), h, blockEpsilon)
	f.context.AssertDims(h.Shape().Dim(0), f.context.Shape().Dim(1), f.ContextDim)
	h = Add(h, attention(p.In("attn2"), norm, f.context, f.Heads[level]))
	norm = engine.AffineLayerNorm(p.In("norm3"), h, blockEpsilon)
	net := p.In("ff").In("net")
	both := Split(engine.Linear(net.In("0").In("proj"), norm, 2*4*width), -1, 2)
	return Add(h, engine.Linear(net.In("2"), Mul(both[0], engine.ExactGELU(both[1])), width))
}

// attention lets every token of x [B, N, C] look at those of y [B, M, D].
func attention(p engine.Params, x, y *Node, heads int) *Node {
	b, width := x.Shape().Dim(0), x.Shape().Dim(-1)
	project := func(name string, of *Node) *Node {
		return Reshape(engine.Product(p.In(name), of, width), b, of.Shape().Dim(1), heads, width/heads)
	}
	z := engine.Attention(project("to_q", x), project("to_k", y), project("to_v", y))
	return engine.Linear(p.At("to_out", 0), Reshape(z, b, x.Shape().Dim(1), width), width)
}
