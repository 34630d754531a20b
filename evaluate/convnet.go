package evaluate

import (
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// ConvNet is ConvNet-d: depth 6 and width 128 in the published tables.
type ConvNet struct {
	Depth, Width, Classes int
	Norm                  Norm
}

// Start implements [Net]: every weight and bias uniform in ±1/√n, where n is the inputs of one output.
func (ConvNet) Start(weight []int, _ bool) Start { return uniform(weight) }

// Forward implements [Net].
func (c ConvNet) Forward(p engine.Params, x *Node, training bool) *Node {
	l := layer{c.Norm, training}
	x = channelsLast(x)
	for i := range c.Depth {
		x = engine.Conv2D(p.In("layers").At("conv", i), x, c.Width, 3, 1, [2]int{1, 1})
		x = averagePool(engine.ReLU(l.normalise(p.In("layers").At("norm", i), x)), 2)
	}
	return engine.Linear(p.In("classifier"), flatten(x), c.Classes)
}
