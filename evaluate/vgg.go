package evaluate

import (
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// VGG11 is network A of Simonyan and Zisserman 2015, arXiv:1409.1556, as torchvision has it.
type VGG11 struct {
	Width   int // of the first layer, 64 as published; the others are up to 8 and the linear ones 64 times as wide
	Classes int
	Norm    Norm // NoNorm as published; with Batch it is torchvision's vgg11_bn
}

// smallestVGG is the size of images, in pixels, of which its five pools leave one.
const smallestVGG = 32

// vggStages lists the widths of the convolutions before each pool, in widths of the first.
var vggStages = [][]int{{1}, {2}, {4, 4}, {8, 8}, {8, 8}}

// Start implements [Net]: convolutions normal by their outputs, linear layers normal with σ = 0.01, biases 0.
func (VGG11) Start(weight []int, bias bool) Start {
	switch {
	case bias:
		return zeros
	case len(weight) == 4:
		return fanOut(weight)
	}
	return normal(0.01)
}

// Forward implements [Net].
func (v VGG11) Forward(p engine.Params, x *Node, training bool) *Node {
	mustBeAtLeast(x, smallestVGG)
	l := layer{v.Norm, training}
	i := 0 // of the layer; ReLUs and pools count
	next := func() engine.Params { i++; return p.At("features", i-1) }
	x = channelsLast(x)
	for _, widths := range vggStages {
		for _, width := range widths {
			x = engine.Conv2D(next(), x, width*v.Width, 3, 1, [2]int{1, 1})
			if v.Norm != NoNorm {
				x = l.normalise(next(), x)
			}
			x = engine.ReLU(x)
			next()
		}
		x = MaxPool(x).Window(2).Strides(2).Done()
		next()
	}
	x = flatten(adaptivePool(x, 7))
	drop := newDropout(p, training)
	x = drop.half(engine.ReLU(engine.Linear(p.At("classifier", 0), x, 64*v.Width)))
	x = drop.half(engine.ReLU(engine.Linear(p.At("classifier", 3), x, 64*v.Width)))
	return engine.Linear(p.At("classifier", 6), x, v.Classes)
}
