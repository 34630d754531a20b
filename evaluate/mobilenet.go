package evaluate

import (
	"strconv"

	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// MobileNetV2 is the network of Sandler et al. 2018, arXiv:1801.04381, as torchvision has it (mobilenet_v2). A block is
// 1×1 to expansion times the width, norm, ReLU6; 3×3 of each channel by itself, norm, ReLU6; 1×1 to the width, norm;
// and the way around where nothing changes.
type MobileNetV2 struct {
	Classes int
	Norm    Norm    // Batch as published
	Drop    float64 // before the last layer; 0.2 as published
}

// mobileStages lists expansion, width, blocks and first stride of each stage.
var mobileStages = [][4]int{{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2},
	{6, 320, 1, 1}}

// Start implements [Net]: convolutions normal by their outputs, the linear layer normal with σ = 0.01, biases 0.
func (MobileNetV2) Start(weight []int, bias bool) Start { return VGG11{}.Start(weight, bias) }

// Forward implements [Net].
func (m MobileNetV2) Forward(p engine.Params, x *Node, training bool) *Node {
	l := layer{m.Norm, training}
	x = relu6(l.unit(p.At("features", 0), channelsLast(x), 32, 3, 2))
	i := 1
	for _, s := range mobileStages {
		stride := s[3]
		for range s[2] {
			x = m.block(l, p.At("features", i).In("conv"), x, s[0], s[1], stride)
			stride = 1
			i++
		}
	}
	x = ReduceMean(relu6(l.unit(p.At("features", i), x, 1280, 1, 1)), 1, 2)
	return engine.Linear(p.At("classifier", 1), newDropout(p, training && m.Drop > 0).drop(x, m.Drop), m.Classes)
}

func (m MobileNetV2) block(l layer, p engine.Params, x *Node, expansion, width, stride int) *Node {
	in, y, n := x.Shape().Dim(-1), x, 0
	next := func() engine.Params { n++; return p.In(strconv.Itoa(n - 1)) }
	if expansion > 1 {
		y = relu6(l.unit(next(), y, expansion*in, 1, 1))
	}
	y = relu6(l.apart(next(), y, 3, stride))
	y = conv(next(), y, width, 1, 1)
	y = l.normalise(next(), y)
	if stride == 1 && in == width {
		return Add(x, y)
	}
	return y
}

// unit is a convolution, layer 0, and its norm, layer 1.
func (l layer) unit(p engine.Params, x *Node, width, k, stride int) *Node {
	return l.normalise(p.In("1"), conv(p.In("0"), x, width, k, stride))
}

// apart is unit of each channel by itself.
func (l layer) apart(p engine.Params, x *Node, k, stride int) *Node {
	return l.normalise(p.In("1"), engine.Depthwise(p.In("0"), x, k, stride, l.training))
}

// relu6 is min(max(x, 0), 6), with PyTorch's derivative: 0 at 0 and 6.
func relu6(x *Node) *Node {
	six := Scalar(x.Graph(), x.DType(), 6)
	inside := Where(GreaterOrEqual(x, six), MulScalar(OnesLike(x), 6), x)
	return engine.ReLU(inside)
}
