package cpu_test

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/nn"
)

var epsilons = []float64{1e-5, 1e-3, 0.1}

func (b *builder) layerNorm() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	axes := b.axes(x.Rank())
	var gamma, beta *Node
	bound := 1.
	for _, a := range axes {
		bound *= float64(x.Shape().Dimensions[a])
	}
	if bound < 3 {
		return nil // a variance of nothing but roundings
	}
	bound = math.Sqrt(bound)
	if len(axes) == 1 || axes[0] == x.Rank()-len(axes) {
		axes = axes[len(axes)-1:]
		axes[0] = x.Rank() - 1
	}
	if b.IntN(2) == 0 && axes[0] == x.Rank()-1 {
		gamma, beta = b.weight(x.Shape().Dimensions[axes[0]]).Node, b.weight(x.Shape().Dimensions[axes[0]]).Node
		bound = 2*bound + 2
	}
	n := 1
	for _, a := range axes {
		n *= x.Shape().Dimensions[a]
	}
	if n < 3 {
		return nil
	}
	b.guardVariance(x, axes)
	return &val{Node: nn.LayerNorm(x.Node, axes, epsilons[b.IntN(3)], gamma, beta, nil), bound: bound,
		text: fmt.Sprint("LayerNorm ", axes, gamma != nil)}
}

// guardVariance guards against a variance of nothing but roundings.
func (b *builder) guardVariance(x *val, axes []int) {
	if b.float == dtypes.Float64 {
		b.guards = append(b.guards, ReduceAllMin(StopGradient(ReduceVariance(x.Node, axes...))))
	}
}

// image returns a value of rank 4, [batch, height, width, channels].
func (b *builder) image() *val {
	if x := b.pick(func(v *val) bool { return v.DType() == b.float && v.Rank() == 4 }); x != nil && b.IntN(4) > 0 {
		return x
	}
	side := 9
	if b.limit > 10_000 {
		side = 20
	}
	x := b.fresh([]int{1 + b.IntN(3), 1 + b.IntN(side), 1 + b.IntN(side), 1 + b.IntN(8)}, b.IntN(4) == 0)
	b.addInput(x)
	return x
}

func (b *builder) groupNorm() *val {
	x := b.image()
	d := x.Shape().Dimensions
	groups := 1 + b.IntN(d[3])
	for d[3]%groups != 0 {
		groups--
	}
	n := d[1] * d[2] * d[3] / groups
	if n < 3 {
		return nil
	}
	g := nn.LayerNorm(Reshape(x.Node, d[0], d[1], d[2], groups, d[3]/groups), []int{1, 2, 4}, epsilons[b.IntN(3)], nil,
		nil, nil)
	y := Reshape(g, d...)
	y = Add(Mul(y, Reshape(b.weight(d[3]).Node, 1, 1, 1, d[3])), Reshape(b.weight(d[3]).Node, 1, 1, 1, d[3]))
	if b.IntN(2) == 0 {
		y = Mul(y, Sigmoid(y))
	}
	return &val{Node: y, bound: 2*math.Sqrt(float64(n)) + 2, text: fmt.Sprint("GroupNorm of ", groups)}
}

// batchNorm is by moments over the batch too, or over the image only.
func (b *builder) batchNorm() *val {
	x := b.image()
	d := x.Shape().Dimensions
	axes, text := []int{0, 1, 2}, "BatchNorm"
	if b.IntN(2) == 0 {
		axes, text = axes[1:], "InstanceNorm"
	}
	n := 1
	for _, a := range axes {
		n *= d[a]
	}
	if n < 3 {
		return nil
	}
	b.guardVariance(x, axes)
	mean := ReduceAndKeep(x.Node, ReduceMean, axes...)
	centred := Sub(x.Node, mean)
	variance := ReduceAndKeep(Square(centred), ReduceMean, axes...)
	y := Div(centred, Sqrt(AddScalar(variance, epsilons[b.IntN(3)])))
	if b.IntN(4) == 0 { // the graph library has no gradient of it
		y = Mul(centred, Rsqrt(AddScalar(variance, 1e-3)))
	}
	y = Add(Mul(y, Reshape(b.weight(d[3]).Node, 1, 1, 1, d[3])), Reshape(b.weight(d[3]).Node, 1, 1, 1, d[3]))
	return &val{Node: y, bound: 2*math.Sqrt(float64(n)) + 2, text: text}
}

func (b *builder) rmsNorm() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	y := Div(x.Node, Sqrt(AddScalar(ReduceAndKeep(Square(x.Node), ReduceMean, -1), 0.1)))
	return &val{Node: y, bound: math.Sqrt(float64(x.Shape().Dim(-1)))}
}

func (b *builder) softmax() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	if b.IntN(3) == 0 && x.bound < 100 {
		return &val{Node: LogSoftmax(x.Node), bound: 2*x.bound + 10, text: "LogSoftmax"}
	}
	axes := []int{b.IntN(x.Rank())}
	if b.IntN(3) == 0 {
		axes = b.axes(x.Rank())
	}
	return &val{Node: Softmax(x.Node, axes...), bound: 1, text: fmt.Sprint("Softmax ", axes)}
}

// modulate scales and shifts x by what a vector gives.
func (b *builder) modulate() *val {
	x := b.pickFloat(2)
	if x == nil {
		return nil
	}
	d := x.Shape().Dimensions
	rank := x.Rank()
	cond := Sigmoid(b.weight(d[0], 2*d[rank-1]).Node)
	dims := slices.Repeat([]int{1}, rank)
	dims[0], dims[rank-1] = d[0], d[rank-1]
	part := func(i int) *Node {
		return Reshape(Slice(cond, AxisRange(), AxisRange(i*d[rank-1], (i+1)*d[rank-1])), dims...)
	}
	return &val{Node: Add(Mul(x.Node, OnePlus(part(0))), part(1)), bound: 2*x.bound + 1}
}
