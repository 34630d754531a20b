package evaluate

import (
	"cmp"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// ResNet is ResNet-n, or ResNetAP-n.
type ResNet struct {
	Depth       int  // 10, 18, 34, 50, 101; 10 and 18 where AveragePool
	Width       int  // of the first stage, 64 as published; each further stage has twice that of the one before
	Size        int  // of the images the network is meant for, in pixels: chooses the stem
	AveragePool bool // ResNetAP
	Classes     int
	Norm        Norm

	around string // what the way around a block is called; "" is torchvision's "downsample"
}

// stages lists the blocks of each stage, by depth.
var stages = map[int][4]int{10: {1, 1, 1, 1}, 18: {2, 2, 2, 2}, 34: {3, 4, 6, 3}, 50: {3, 4, 6, 3}, 101: {3, 4, 23, 3}}

// bottleneck reports whether blocks have three convolutions.
func (r ResNet) bottleneck() bool { return r.Depth >= 50 }

// Check says what is wrong with r, if anything.
func (r ResNet) Check() error {
	switch _, ok := stages[r.Depth]; {
	case !ok:
		return fmt.Errorf("a ResNet of depth %d is not known, want 10, 18, 34, 50 or 101", r.Depth)
	case r.AveragePool && r.Depth > 18:
		return fmt.Errorf("a ResNetAP of depth %d is not known, want 10 or 18", r.Depth)
	case r.Width < 1 || r.Size < 1 || r.Classes < 1:
		return fmt.Errorf("width %d, size %d and %d classes, want at least 1 each", r.Width, r.Size,
			r.Classes)
	}
	return nil
}

// Start implements [Net]: convolutions normal by their outputs; the linear layer uniform, as that of [ConvNet].
func (ResNet) Start(weight []int, _ bool) Start {
	if len(weight) == 4 {
		return fanOut(weight)
	}
	return uniform(weight)
}

// Forward implements [Net].
func (r ResNet) Forward(p engine.Params, x *Node, training bool) *Node {
	if err := r.Check(); err != nil {
		panic(err)
	}
	l := layer{r.Norm, training}
	x = r.blocks(l, p, r.stem(l, p.In("layer0"), channelsLast(x)))
	return engine.Linear(p.In("fc"), ReduceMean(x, 1, 2), r.Classes)
}

// blocks is the four stages.
func (r ResNet) blocks(l layer, p engine.Params, x *Node) *Node {
	for i, blocks := range stages[r.Depth] {
		for j := range blocks {
			stride := 1
			if i > 0 && j == 0 {
				stride = 2
			}
			x = r.block(l, p.At(fmt.Sprintf("layer%d", i+1), j), x, r.Width<<i, stride)
		}
	}
	return x
}

// stem is the layers before the first stage: for images of up to 64 pixels they keep the size, for
// up to 128 they halve it, else they quarter it.
func (r ResNet) stem(l layer, p engine.Params, x *Node) *Node {
	first := func(k, stride int) *Node {
		return engine.ReLU(l.normalise(p.In("bn1"), conv(p.In("conv1"), x, r.Width, k, stride)))
	}
	switch {
	case r.Size <= 64:
		return first(3, 1)
	case r.Size <= 128 && r.AveragePool:
		return averagePool(first(3, 1), 2)
	case r.Size <= 128:
		return maxPool(first(3, 1))
	case r.AveragePool:
		return averagePool(first(7, 1), 4)
	default:
		return maxPool(first(7, 2))
	}
}

// maxPool takes the largest of 3×3 squares of x [B, h, w, C], every second row and column.
func maxPool(x *Node) *Node {
	return MaxPool(x).Window(3).Strides(2).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Done()
}

// block is one residual block of the given width.
func (r ResNet) block(l layer, p engine.Params, x *Node, width, stride int) *Node {
	step := func(i int, x *Node, width, k, stride int) *Node {
		return l.normalise(p.In(fmt.Sprintf("bn%d", i)), conv(p.In(fmt.Sprintf("conv%d", i)), x, width, k, stride))
	}
	var y *Node
	switch {
	case r.bottleneck():
		y = engine.ReLU(step(1, x, width, 1, 1))
		y = engine.ReLU(step(2, y, width, 3, stride))
		width *= 4
		y = step(3, y, width, 1, 1)
	case r.AveragePool && stride > 1:
		y = averagePool(engine.ReLU(step(1, x, width, 3, 1)), stride)
		y = step(2, y, width, 3, 1)
	default:
		y = engine.ReLU(step(1, x, width, 3, stride))
		y = step(2, y, width, 3, 1)
	}
	return engine.ReLU(Add(y, r.short(l, p.In(cmp.Or(r.around, "downsample")), x, width, stride)))
}

// short is the way around a block: x itself where nothing changes, else a 1×1 convolution and a norm.
// ResNetAP pools after that convolution; we pool before it, the same sum at a quarter of the cost.
func (r ResNet) short(l layer, p engine.Params, x *Node, width, stride int) *Node {
	norm := "1"
	switch {
	case stride == 1 && x.Shape().Dim(-1) == width:
		return x
	case r.AveragePool && stride > 1:
		x, stride, norm = averagePool(x, stride), 1, "2" // the pool is layer 1
	}
	return l.normalise(p.In(norm), conv(p.In("0"), x, width, 1, stride))
}
