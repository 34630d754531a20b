package features

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// LPIPS returns how different images a and b [B, 3, S, S] in [-1, 1] look, [B].
//
// In the loss of a network that is being trained the weights here stay as they are: give it a scope of its own, and
// list the parameters to step before it asks for them.
//
//	steps := p.Unset()                                        // after the forward pass, before LPIPS
//	loss = Add(loss, ReduceAllMean(features.LPIPS(p.In("lpips"), x, y)))
//
// Where all features of a position are 0 their direction has no derivative; it counts as 0.
func LPIPS(p engine.Params, a, b *Node) *Node {
	if !a.Shape().Equal(b.Shape()) {
		panic(fmt.Errorf("features: LPIPS of shapes %s and %s, want equal shapes", a.Shape(), b.Shape()))
	}
	n := a.Shape().Dim(0)
	both := maps(p, Concatenate([]*Node{a, b}, 0))
	sum := ScalarZero(a.Graph(), a.DType())
	for i, f := range both {
		f = direction(f)
		diff := Square(Sub(Slice(f, AxisRange(0, n)), Slice(f, AxisRange(n, 2*n))))
		c := f.Shape().Dim(-1)
		w := p.In(fmt.Sprintf("lin%d", i)).In("model").In("1").Get("weight", 1, c, 1, 1)
		sum = Add(sum, ReduceMean(ReduceSum(Mul(diff, Reshape(w, 1, 1, 1, c)), -1), 1, 2))
	}
	return sum
}

// direction is f/(|f| + 1e-10) over the channels of f [B, h, w, C].
func direction(f *Node) *Node {
	const epsilon = 1e-10
	square := ReduceAndKeep(Square(f), ReduceSum, -1)
	least := Scalar(f.Graph(), f.DType(), epsilon*epsilon) // keeps the root's derivative finite
	return Div(f, AddScalar(Sqrt(Max(square, least)), epsilon))
}
