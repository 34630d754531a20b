package evaluate

import (
	"math"
	"strconv"

	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// EfficientNetB0 is the network of Tan and Le 2019, arXiv:1905.11946, as torchvision has it (efficientnet_b0). A block
// is 1×1 to expansion times the width, norm, SiLU; k×k of each channel by itself, norm, SiLU; squeeze and excitation
// (Hu et al. 2018) to a quarter of the block's inputs; 1×1 to the width, norm; and the way around where nothing
// changes.
type EfficientNetB0 struct {
	Classes int
	Norm    Norm    // Batch as published
	Drop    float64 // before the last layer, and of the last block's rows, of earlier ones in proportion; 0.2
}

// efficientStages lists expansion, side, first stride, width and blocks of each stage.
var efficientStages = [][5]int{{1, 3, 1, 16, 1}, {6, 3, 2, 24, 2}, {6, 5, 2, 40, 2}, {6, 3, 2, 80, 3},
	{6, 5, 1, 112, 3}, {6, 5, 2, 192, 4}, {6, 3, 1, 320, 1}}

const efficientBlocks = 16 // in all stages

// Start implements [Net]: convolutions normal by their outputs, the linear layer uniform in ±1/√outputs, biases 0.
func (EfficientNetB0) Start(weight []int, bias bool) Start {
	switch {
	case bias:
		return zeros
	case len(weight) == 4:
		return fanOut(weight)
	}
	return evenly(1 / math.Sqrt(float64(weight[0])))
}

// Forward implements [Net].
func (e EfficientNetB0) Forward(p engine.Params, x *Node, training bool) *Node {
	l, drop := layer{e.Norm, training}, newDropout(p, training && e.Drop > 0)
	x = engine.SiLU(l.unit(p.At("features", 0), channelsLast(x), 32, 3, 2))
	done := 0
	for i, s := range efficientStages {
		stride := s[2]
		for j := range s[4] {
			y := e.block(l, p.At("features", i+1).In(strconv.Itoa(j)).In("block"), x, s[0], s[1], stride, s[3])
			if stride == 1 && x.Shape().Dim(-1) == s[3] {
				y = Add(x, drop.rows(y, e.Drop*float64(done)/efficientBlocks))
			}
			x, stride = y, 1
			done++
		}
	}
	x = ReduceMean(engine.SiLU(l.unit(p.At("features", len(efficientStages)+1), x, 1280, 1, 1)), 1, 2)
	return engine.Linear(p.At("classifier", 1), drop.drop(x, e.Drop), e.Classes)
}

// block is one block without the way around.
func (EfficientNetB0) block(l layer, p engine.Params, x *Node, expansion, k, stride, width int) *Node {
	in, n := x.Shape().Dim(-1), 0
	next := func() engine.Params { n++; return p.In(strconv.Itoa(n - 1)) }
	y := x
	if expansion > 1 {
		y = engine.SiLU(l.unit(next(), y, expansion*in, 1, 1))
	}
	y = engine.SiLU(l.apart(next(), y, k, stride))
	squeeze := next()
	s := ReduceAndKeep(y, ReduceMean, 1, 2)
	s = engine.SiLU(engine.Conv2D(squeeze.In("fc1"), s, in/4, 1, 1, [2]int{}))
	y = Mul(y, Sigmoid(engine.Conv2D(squeeze.In("fc2"), s, y.Shape().Dim(-1), 1, 1, [2]int{})))
	return l.unit(next(), y, width, 1, 1)
}
