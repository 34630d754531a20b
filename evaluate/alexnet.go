package evaluate

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// AlexNet is the network of Krizhevsky 2014, arXiv:1404.5997, as torchvision has it. It has no norms.
type AlexNet struct {
	Width   int // of the first layer, 64 as published; the others are 3, 6, 4, 4 and the linear ones 64 times as wide
	Classes int
}

// smallestAlexNet is the size of images, in pixels, of which its last pool leaves one.
const smallestAlexNet = 63

// Start implements [Net]: every weight and bias uniform in ±1/√n, where n is the inputs of one output.
func (AlexNet) Start(weight []int, _ bool) Start { return uniform(weight) }

// Forward implements [Net].
func (a AlexNet) Forward(p engine.Params, x *Node, training bool) *Node {
	mustBeAtLeast(x, smallestAlexNet)
	layer := func(i, width, k, stride, pad int) {
		x = engine.ReLU(engine.Conv2D(p.At("features", i), x, width*a.Width, k, stride, [2]int{pad, pad}))
	}
	pool := func() { x = MaxPool(x).Window(3).Strides(2).Done() }
	x = channelsLast(x)
	layer(0, 1, 11, 4, 2)
	pool()
	layer(3, 3, 5, 1, 2)
	pool()
	layer(6, 6, 3, 1, 1)
	layer(8, 4, 3, 1, 1)
	layer(10, 4, 3, 1, 1)
	pool()
	x = flatten(adaptivePool(x, 6))
	drop := newDropout(p, training)
	x = engine.ReLU(engine.Linear(p.At("classifier", 1), drop.half(x), 64*a.Width))
	x = engine.ReLU(engine.Linear(p.At("classifier", 4), drop.half(x), 64*a.Width))
	return engine.Linear(p.At("classifier", 6), x, a.Classes)
}

// mustBeAtLeast panics where images x [B, 3, S, S] are too small for a network.
func mustBeAtLeast(x *Node, size int) {
	if got := min(x.Shape().Dim(2), x.Shape().Dim(3)); got < size {
		panic(fmt.Errorf("evaluate: images of %d pixels are too small for the network, want at least %d", got, size))
	}
}
