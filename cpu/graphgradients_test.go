package cpu_test

import (
	"fmt"
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// gradients returns those of a weighted sum of one or two values by some of the others.
func (b *builder) gradients() (outs []*val) {
	var loss *Node
	var from []*val
	for range 1 + b.IntN(2) {
		v := b.vals[len(b.vals)-1-b.IntN(min(3, len(b.vals)))]
		if v.DType() != b.float {
			continue
		}
		term := v.Node
		if b.IntN(3) > 0 {
			term = Mul(term, b.fresh(v.Shape().Dimensions, false).Node)
		}
		term = ReduceAllSum(term)
		if loss != nil {
			term = Add(loss, term)
		}
		loss, from = term, append(from, v)
	}
	if loss == nil {
		return nil
	}
	var by []*val
	for range 1 + b.IntN(4) {
		v := b.vals[min(b.IntN(len(b.vals)), b.IntN(len(b.vals)))]
		if v.DType() == b.float && !slices.Contains(by, v) {
			by = append(by, v)
		}
	}
	if len(by) == 0 {
		return nil
	}
	var nodes, grads []*Node
	for _, v := range by {
		nodes = append(nodes, v.Node)
	}
	if err := exceptions.TryCatch[error](func() { grads = Gradient(loss, nodes...) }); err != nil {
		return nil // not differentiable, which the graph library decides alike for all backends
	}
	for i, g := range grads {
		outs = append(outs, &val{Node: g, name: fmt.Sprintf("g%d", i), bound: math.Inf(1),
			from: slices.Concat(from, by[i:i+1]),
			text: "gradient by " + by[i].name})
	}
	return outs
}
