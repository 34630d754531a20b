package evaluate

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// Norm says how the networks normalise.
type Norm string

// Norms. Instance is what the published hard-label scores use: PyTorch's GroupNorm with one group
// per channel. The zero value is Instance. BatchTwice is Batch whose running moments take the batch in twice a step:
// RDED's program passes each mixed batch through the student twice in train mode, once for the accuracy it prints and
// once for the loss, so that they move by 1 − 0.9² = 0.19.
const (
	Instance   Norm = "instance"
	Batch      Norm = "batch"
	BatchTwice Norm = "batch-twice"
	NoNorm     Norm = "none"

	layerNorm Norm = "layer" // of one image, with a weight for each of its numbers: DC's alone
	groupNorm Norm = "group" // of four groups of channels: DC's alone
)

var norms = []Norm{Instance, Batch, BatchTwice, NoNorm}

const (
	epsilon  = 1e-5 // of every norm
	momentum = 0.1  // share of the new moments in the running ones of batch norms
)

// layer is what all layers of one network share.
type layer struct {
	norm     Norm
	training bool
}

// normalise is the layer's norm of x [B, h, w, C], with its weight and bias.
func (l layer) normalise(p engine.Params, x *Node) *Node {
	switch l.norm {
	case Instance, "":
		mean, variance := moments(x, 1, 2)
		return affine(p, x, mean, variance)
	case Batch:
		return l.batchNorm(p, x, 1)
	case BatchTwice:
		return l.batchNorm(p, x, 2)
	case NoNorm:
		return x
	case layerNorm:
		h, w, c := x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
		mean, variance := moments(x, 1, 2, 3)
		y := Div(Sub(x, mean), Sqrt(AddScalar(variance, epsilon)))
		each := func(name string) *Node { return TransposeAllDims(p.Get(name, c, h, w), 1, 2, 0) }
		return Add(Mul(y, ExpandAxes(each("weight"), 0)), ExpandAxes(each("bias"), 0))
	case groupNorm:
		return engine.GroupNorm(p, x, 4, epsilon)
	}
	panic(fmt.Errorf("evaluate: norm is %q, want one of %q", l.norm, norms))
}

// batchNorm is a batch norm whose running moments take the batch in so many times a step.
func (l layer) batchNorm(p engine.Params, x *Node, times int) *Node {
	c := x.Shape().Dim(-1)
	mean := Reshape(p.Get("running_mean", c), 1, 1, 1, c)
	variance := Reshape(p.Get("running_var", c), 1, 1, 1, c)
	if !l.training {
		return affine(p, x, mean, variance)
	}
	m, v := moments(x, 0, 1, 2)
	n := float64(x.Shape().Size() / c)
	mix := func(old, now *Node) *Node {
		for range times {
			old = Add(MulScalar(old, 1-momentum), MulScalar(now, momentum))
		}
		return Reshape(StopGradient(old), c)
	}
	p.Set("running_mean", mix(mean, m))
	p.Set("running_var", mix(variance, MulScalar(v, n/(n-1)))) // the running variance is the unbiased one
	return affine(p, x, m, v)
}

// moments returns mean and biased variance over axes, which stay as 1. The mean inside the variance
// counts as a constant, since the variance's derivative by it is zero: so that the gradient of a norm
// needs two sums over v and x, side by side, and no third.
func moments(x *Node, axes ...int) (mean, variance *Node) {
	mean = ReduceAndKeep(x, ReduceMean, axes...)
	return mean, ReduceAndKeep(Square(Sub(x, StopGradient(mean))), ReduceMean, axes...)
}

// affine is w·(x − mean)/√(variance + ε) + b as one factor and one summand per channel.
func affine(p engine.Params, x, mean, variance *Node) *Node {
	c := x.Shape().Dim(-1)
	weight, bias := Reshape(p.Get("weight", c), 1, 1, 1, c), Reshape(p.Get("bias", c), 1, 1, 1, c)
	scale := Div(weight, Sqrt(AddScalar(variance, epsilon)))
	return Add(Mul(x, scale), Sub(bias, Mul(mean, scale)))
}

// conv is a k×k convolution without bias that keeps the size, up to its stride.
func conv(p engine.Params, x *Node, out, k, stride int) *Node {
	return engine.Conv(p, x, out, k, stride, [2]int{k / 2, k / 2})
}

// averagePool is the mean of k×k squares of x [B, h, w, C]; rows and columns that fill none are left out.
func averagePool(x *Node, k int) *Node {
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1)/k, x.Shape().Dim(2)/k, x.Shape().Dim(3)
	if h*k != x.Shape().Dim(1) || w*k != x.Shape().Dim(2) {
		x = Slice(x, AxisRange(), AxisRange(0, h*k), AxisRange(0, w*k))
	}
	return ReduceMean(Reshape(x, b, h, k, w, k, c), 2, 4)
}

// adaptivePool is the mean of n×n parts of x [B, h, w, C], as PyTorch's AdaptiveAvgPool2d cuts them: part i of m
// rows is from ⌊i·m/n⌋ to ⌈(i+1)·m/n⌉, so that parts overlap where n does not divide m, and repeat
// rows where there are fewer than n.
func adaptivePool(x *Node, n int) *Node {
	for _, axis := range []int{1, 2} {
		m := x.Shape().Dim(axis)
		if m == n {
			continue
		}
		parts := make([]*Node, n)
		for i := range parts {
			ranges := []SliceAxisSpec{AxisRange(), AxisRange(), AxisRange(), AxisRange()}
			ranges[axis] = AxisRange(i*m/n, ((i+1)*m+n-1)/n)
			parts[i] = ReduceAndKeep(Slice(x, ranges...), ReduceMean, axis)
		}
		x = Concatenate(parts, axis)
	}
	return x
}

// flatten turns x [B, h, w, C] to [B, C·h·w], the order of PyTorch's images.
func flatten(x *Node) *Node {
	return Reshape(TransposeAllDims(x, 0, 3, 1, 2), x.Shape().Dim(0), -1)
}

// channelsLast turns images [B, C, H, W] to [B, H, W, C].
func channelsLast(x *Node) *Node { return TransposeAllDims(x, 0, 2, 3, 1) }
