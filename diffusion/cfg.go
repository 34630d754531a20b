package diffusion

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
)

// Denoiser is the network as a graph, over any number R of rows that do not know of each
// other. It predicts the noise in x, and may predict its variance:
//
//	x       [R, C, h, w]   float32, the noisy latents
//	t       [R]            float32, the timestep in the full process, 0..T-1
//	y       [R]            int32 labels; or [R, D], the rows that stand for them, see labels.go
//	result  [R, 2C, h, w]  ε, then variance logits v; or [R, C, h, w], ε alone
type Denoiser func(x, t, y *Node) *Node

// predict returns ε and v [B, C, h, w] for labels y [B] under classifier-free guidance
// (Ho and Salimans 2022, arXiv:2207.12598, eq. 6; here scale 1 is without):
//
//	ε = ε(x, ∅) + scale·(ε(x, y) − ε(x, ∅))   on the first channels
//	ε = ε(x, y),  v = v(x, y)                  on the others
//
// v is nil where the denoiser gives none. The row without label is evaluated in the same call,
// and only where scale is not 1. It has no state of its own: the denoiser sees x twice.
func predict(den Denoiser, x, t, y *Node, null int32, scale float64, channels int) (eps, v *Node) {
	b, c := x.Shape().Dim(0), x.Shape().Dim(1)
	y, none := told(y, null)
	if scale == 1 {
		return split(evaluate(den, x, t, y), c)
	}
	if channels == 0 {
		channels = c
	}
	if channels > c {
		panic(fmt.Errorf("diffusion: cfg channels are %d, want at most %d, those of x", channels, c))
	}
	out := evaluate(den, Concatenate([]*Node{x, x}, 0), t, Concatenate([]*Node{y, none}, 0))
	eps, v = split(Slice(out, AxisRange(0, b)), c)
	cond := Slice(eps, AxisRange(), AxisRange(0, channels))
	free := Slice(out, AxisRange(b, 2*b), AxisRange(0, channels))
	guided := Add(free, MulScalar(Sub(cond, free), scale))
	if channels < c {
		guided = Concatenate([]*Node{guided, Slice(eps, AxisRange(), AxisRange(channels, c))}, 1)
	}
	return guided, v
}

// evaluate calls the denoiser for all rows of x at the same time t.
func evaluate(den Denoiser, x, t, y *Node) *Node {
	rows := x.Shape().Dim(0)
	return den(x, BroadcastToDims(t, rows), y)
}

// split parts the denoiser's result into ε and v, each with c channels; v may be nil.
func split(out *Node, c int) (eps, v *Node) {
	if out.Shape().Dim(1) == c {
		return out, nil
	}
	want := out.Shape().Clone().Dimensions
	want[1] = 2 * c
	wantDims("the denoiser's result", out, want...)
	return Slice(out, AxisRange(), AxisRange(0, c)), Slice(out, AxisRange(), AxisRange(c, 2*c))
}
