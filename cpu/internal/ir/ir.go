// Package ir is the graph between the builder and the compiler of the backend: operations with
// their attributes, shapes already inferred and checked.
package ir

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// Operations that the interface does not name.
const (
	OpOutput  = compute.OpTypeLast + 1 + iota // one output of an operation that has several; Attr is Index
	OpMoments                                 // mean and biased variance over axes; Attr is Axes; two outputs
)

// Node is one operation. An operation with one output has its Shape; one with several has Outs, an invalid
// Shape, and is read through OpOutput nodes.
type Node struct {
	ID    int // position in its function, in an order in which inputs come first
	Op    compute.OpType
	In    []*Node
	Shape shapes.Shape
	Outs  []shapes.Shape
	Attr  any // one of the types below, or nil
}

// Func is a function: the main one, a named one or a closure. A closure reads values of its parent through
// OpTypeCapturedValue nodes: Captured[i] is the parent's node, and the i-th extra argument at run time.
type Func struct {
	Name     string
	Params   []*Node // OpTypeParameter, Attr Param
	Captures []*Node // OpTypeCapturedValue, Attr Index
	Captured []*Node // nodes of the parent
	Nodes    []*Node // all, inputs first
	Outputs  []*Node
}

// Attributes, by operation.
type (
	// Param is the name and position of a parameter.
	Param struct {
		Name  string
		Index int
	}
	// Index numbers an output or a capture.
	Index int
	// Const is the flat data of a constant, a Go slice of its dtype.
	Const struct{ Flat any }
	// Axes of a reduction, a reversal, or moments; sorted.
	Axes []int
	// Axis of a softmax, an iota or a concatenation.
	Axis int
	// Broadcast maps operand axes to output axes.
	Broadcast struct{ Axes []int }
	// Permutation of a transpose: output axis i is operand axis [i].
	Permutation []int
	// Slice takes [start, limit) with a stride, per axis.
	Slice struct{ Starts, Limits, Strides []int }
	// Pad has one entry per axis. The inputs are x and the scalar to fill with.
	Pad []compute.PadAxis
	// ArgMinMax over an axis.
	ArgMinMax struct {
		Axis int
		Min  bool
	}
	// CumSum along an axis.
	CumSum struct {
		Axis    int
		Options compute.CumSumOptions
	}
	// Dot is a general matrix product.
	Dot struct {
		LHSContract, LHSBatch, RHSContract, RHSBatch []int
		Accumulator                                  dtypes.DType // of the sums; never a half type, never invalid
	}
	// Conv is a general convolution; strides, dilations and paddings are never nil, counts at least 1.
	Conv struct {
		Axes                               compute.ConvolveAxesConfig
		Strides                            []int
		Paddings                           [][2]int
		InputDilations, KernelDilations    []int
		ChannelGroupCount, BatchGroupCount int
	}
	// Window of ReduceWindow and SelectAndScatter; one entry per axis, never nil.
	Window struct {
		Reduce                                         compute.ReduceOpType
		Dims, Strides, InputDilations, WindowDilations []int
		Paddings                                       [][2]int
	}
	// Gather as in the interface. The offset axes are sorted.
	Gather struct {
		IndexVectorAxis                                                 int
		OffsetOutputAxes, CollapsedSliceAxes, StartIndexMap, SliceSizes []int
		Sorted                                                          bool
	}
	// Scatter as in the interface.
	Scatter struct {
		IndexVectorAxis                                                int
		UpdateWindowAxes, InsertedWindowAxes, ScatterAxesToOperandAxes []int
		Sorted, Unique                                                 bool
	}
	// BatchNorm parameters.
	BatchNorm struct {
		Epsilon     float32
		FeatureAxis int
	}
	// LayerNorm over axes, sorted; gamma and beta, if there, follow x and run over the axes, which then are the
	// last ones.
	LayerNorm struct {
		Axes              []int
		Epsilon           float64
		HasGamma, HasBeta bool
	}
	// Gelu exact (erf) or by tanh.
	Gelu struct{ Exact bool }
	// Dense is x·W plus an optional bias (third input) and an activation.
	Dense struct{ Config compute.DenseConfig }
	// Attention and its gradient. The inputs are query, key, value, then as present the mask, the two
	// lengths, the bias, and for the gradient the output, the logarithms of the sums, the output's gradient.
	Attention struct {
		Layout                       compute.AttentionAxesLayout
		Scale                        float64 // never 0
		Causal                       bool
		HasMask, HasLengths, HasBias bool
	}
	// QKV is the fused projection; Has says which of the biases q, k, v follow.
	QKV struct {
		QueryDim, KeyValueDim int
		Has                   [3]bool
	}
	// Quantized dense or lookup: inputs x, weights, then scale, zero point, bias as present.
	Quantized struct {
		Scheme                compute.QuantizationScheme
		GGMLType              compute.GGMLQuantType
		BlockSize             int
		HasZeroPoint, HasBias bool
		Activation            compute.ActivationType
	}
	// Branches of If (then, else), of While (cond, body), of Sort (comparator) or Call (callee). The
	// captured values of all branches follow the operation's own inputs, branch by branch.
	Branches struct {
		Funcs    []*Func
		SortAxis int
	}
)

// Tensor is a shape with its flat data, a Go slice of the shape's dtype.
type Tensor struct {
	Shape shapes.Shape
	Flat  any
}

// Dims returns the dimensions.
func (t Tensor) Dims() []int { return t.Shape.Dimensions }
