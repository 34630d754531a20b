package evaluate

import (
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// MLP is DC's: three linear layers, 128 wide, of the pixels.
type MLP struct{ Classes int }

// Start implements [Net]: PyTorch's default.
func (MLP) Start(weight []int, _ bool) Start { return uniform(weight) }

// Forward implements [Net].
func (m MLP) Forward(p engine.Params, x *Node, _ bool) *Node {
	x = Reshape(x, x.Shape().Dim(0), -1)
	x = engine.ReLU(engine.Linear(p.In("fc_1"), x, 128))
	x = engine.ReLU(engine.Linear(p.In("fc_2"), x, 128))
	return engine.Linear(p.In("fc_3"), x, m.Classes)
}

// LeNet is LeNet-5 (LeCun et al. 1998) as DC has it: ReLUs and maximum pools, no padding of three channels.
type LeNet struct{ Classes int }

// smallestLeNet is the size of images, in pixels, of which its last pool leaves one.
const smallestLeNet = 16

// Start implements [Net]: PyTorch's default.
func (LeNet) Start(weight []int, _ bool) Start { return uniform(weight) }

// Forward implements [Net].
func (l LeNet) Forward(p engine.Params, x *Node, _ bool) *Node {
	mustBeAtLeast(x, smallestLeNet)
	x = channelsLast(x)
	for i, width := range []int{6, 16} {
		x = engine.ReLU(engine.Conv2D(p.At("features", 3*i), x, width, 5, 1, [2]int{}))
		x = MaxPool(x).Window(2).Strides(2).Done()
	}
	x = engine.ReLU(engine.Linear(p.In("fc_1"), flatten(x), 120))
	x = engine.ReLU(engine.Linear(p.In("fc_2"), x, 84))
	return engine.Linear(p.In("fc_3"), x, l.Classes)
}
