package evaluate

import (
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// ViT is the vision transformer of Dosovitskiy et al. 2021 (arXiv:2010.11929) of 16×16 patches and twelve blocks, in
// the sizes of Touvron et al. 2021 (arXiv:2012.12877), under timm's names: vit_tiny_patch16_224, vit_small_patch16_224.
type ViT struct {
	Width, Heads int // 192 and 3, 384 and 6
	Classes      int
}

const (
	vitPatch   = 16
	vitBlocks  = 12
	vitEpsilon = 1e-6
)

// classToken is the token whose output is the class's, σ = 1e-6 at the beginning, as in timm.
const classToken = "cls_token"

// Start implements [Net]: the patches' convolution is PyTorch's default; linear weights are normal with σ = 0.02 (timm
// cuts them off at ±2, which no number reaches), their biases 0.
func (ViT) Start(weight []int, bias bool) Start { return transformerStart(weight, bias) }

func transformerStart(weight []int, bias bool) Start {
	switch {
	case len(weight) == 4:
		return uniform(weight)
	case bias:
		return zeros
	}
	return normal(0.02)
}

// Forward implements [Net].
func (v ViT) Forward(p engine.Params, x *Node, _ bool) *Node {
	mustBeAtLeast(x, vitPatch)
	x = engine.Conv2D(p.In("patch_embed").In("proj"), channelsLast(x), v.Width, vitPatch, vitPatch, [2]int{})
	b, n := x.Shape().Dim(0), x.Shape().Dim(1)*x.Shape().Dim(2)
	class := BroadcastToDims(p.Get(classToken, 1, 1, v.Width), b, 1, v.Width)
	x = Concatenate([]*Node{class, Reshape(x, b, n, v.Width)}, 1)
	x = Add(x, p.Get("pos_embed", 1, n+1, v.Width))
	for i := range vitBlocks {
		block := p.At("blocks", i)
		x = Add(x, v.attention(block.In("attn"), engine.AffineLayerNorm(block.In("norm1"), x, vitEpsilon)))
		h := engine.AffineLayerNorm(block.In("norm2"), x, vitEpsilon)
		h = engine.ExactGELU(engine.Linear(block.In("mlp").In("fc1"), h, 4*v.Width))
		x = Add(x, engine.Linear(block.In("mlp").In("fc2"), h, v.Width))
	}
	x = engine.AffineLayerNorm(p.In("norm"), x, vitEpsilon)
	first := Reshape(Slice(x, AxisRange(), AxisRange(0, 1), AxisRange()), b, v.Width)
	return engine.Linear(p.In("head"), first, v.Classes)
}

// attention is of x [B, tokens, width].
func (v ViT) attention(p engine.Params, x *Node) *Node {
	b, n := x.Shape().Dim(0), x.Shape().Dim(1)
	qkv := Reshape(engine.Linear(p.In("qkv"), x, 3*v.Width), b, n, 3, v.Heads, v.Width/v.Heads)
	part := func(i int) *Node {
		one := Slice(qkv, AxisRange(), AxisRange(), AxisRange(i, i+1), AxisRange(), AxisRange())
		return Reshape(one, b, n, v.Heads, v.Width/v.Heads)
	}
	return engine.Linear(p.In("proj"), Reshape(engine.Attention(part(0), part(1), part(2)), b, n, v.Width), v.Width)
}
