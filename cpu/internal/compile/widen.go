package compile

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"mgd3/cpu/internal/ir"
	"mgd3/cpu/internal/plain"
)

// widener copies a function, with float32 in place of bfloat16: each value is computed in float32 from values that are
// bfloat16's, and rounded once, as package plain does. So all kernels of float32 serve, and their sums stay float32.
// Parameters stay as they are in memory; loops and packed products read them there. What is asked for in bfloat16, an
// output or the input of an operation that widenable does not list, is converted.
type widener struct {
	out  *ir.Func
	to   map[*ir.Node]*ir.Node // the copy, of the same type
	wide map[*ir.Node]*ir.Node // the value in float32, of bfloat16 ones
}

// widen returns f without operations on bfloat16, or f if it has none.
func widen(f *ir.Func) *ir.Func {
	if !slices.ContainsFunc(f.Nodes, func(n *ir.Node) bool { return isBF16(n) || anyBF16(n.In) }) {
		return f
	}
	w := &widener{out: &ir.Func{Name: f.Name}, to: map[*ir.Node]*ir.Node{}, wide: map[*ir.Node]*ir.Node{}}
	for _, n := range f.Nodes {
		w.node(n)
	}
	w.out.Params, w.out.Captures = w.originals(f.Params), w.originals(f.Captures)
	w.out.Outputs = w.originals(f.Outputs)
	return w.out
}

func isBF16(n *ir.Node) bool { return n.Shape.DType == dtypes.BFloat16 }

func anyBF16(nodes []*ir.Node) bool { return slices.ContainsFunc(nodes, isBF16) }

func (w *widener) add(n *ir.Node) *ir.Node {
	n.ID = len(w.out.Nodes)
	w.out.Nodes = append(w.out.Nodes, n)
	return n
}

// node copies n, in float32 where that can be.
func (w *widener) node(n *ir.Node) {
	half := isBF16(n)
	if attends(n) && anyBF16(n.In) {
		c := *n
		c.In, c.Outs = w.floats(n.In), slices.Clone(n.Outs)
		for i := range c.Outs {
			c.Outs[i].DType = dtypes.Float32
		}
		w.to[n] = w.add(&c)
		return
	}
	if n.Op == ir.OpOutput && half && attends(n.In[0]) {
		y := w.add(node(n.Op, n.Attr, n.Shape.Dimensions, w.to[n.In[0]]))
		w.wide[n] = w.add(same(opRoundBF16, y))
		return
	}
	if !half && !anyBF16(n.In) || !widenable(n) {
		c := *n
		c.In = w.originals(n.In)
		w.to[n] = w.add(&c)
		return
	}
	if n.Op == compute.OpTypeConvertDType && !half && n.Shape.DType == dtypes.Float32 {
		w.to[n] = w.float(n.In[0]) // exact
		return
	}
	c := *n
	c.In = w.floats(n.In)
	if !half {
		w.to[n] = w.add(&c)
		return
	}
	c.Shape = n.Shape.Clone()
	c.Shape.DType = dtypes.Float32
	y := &c
	if n.Op == compute.OpTypeConvertDType && c.In[0].Shape.DType == dtypes.Float32 {
		y = c.In[0]
	} else {
		w.add(y)
	}
	if exact[n.Op] && anyBF16(n.In) || y.Op == opRoundBF16 {
		w.wide[n] = y
	} else {
		w.wide[n] = w.add(same(opRoundBF16, y))
	}
}

// originals are the copies of nodes in their own types.
func (w *widener) originals(nodes []*ir.Node) []*ir.Node {
	out := make([]*ir.Node, len(nodes))
	for i, n := range nodes {
		if w.to[n] == nil {
			w.to[n] = w.add(&ir.Node{Op: compute.OpTypeConvertDType, In: []*ir.Node{w.wide[n]}, Shape: n.Shape})
		}
		out[i] = w.to[n]
	}
	return out
}

// floats are the copies of nodes, in float32 where they are bfloat16.
func (w *widener) floats(nodes []*ir.Node) []*ir.Node {
	out := make([]*ir.Node, len(nodes))
	for i, n := range nodes {
		out[i] = w.float(n)
	}
	return out
}

func (w *widener) float(n *ir.Node) *ir.Node {
	if !isBF16(n) {
		return w.to[n]
	}
	if w.wide[n] == nil {
		if n.Op == compute.OpTypeConstant {
			x := ir.Tensor{Shape: n.Shape, Flat: n.Attr.(ir.Const).Flat}
			y := ir.Tensor{Shape: n.Shape.Clone(), Flat: make([]float32, n.Shape.Size())}
			y.Shape.DType = dtypes.Float32
			plain.Convert(x, y)
			w.wide[n] = w.add(&ir.Node{Op: n.Op, Shape: y.Shape, Attr: ir.Const{Flat: y.Flat}})
		} else {
			w.wide[n] = w.add(node(compute.OpTypeConvertDType, nil, n.Shape.Dimensions, w.to[n]))
		}
	}
	return w.wide[n]
}

// attends reports whether n is attention or its gradient, whose scores and sums are float32.
func attends(n *ir.Node) bool {
	return n.Op == compute.OpTypeFusedScaledDotProductAttention ||
		n.Op == compute.OpTypeFusedScaledDotProductAttentionVJP
}

// exact operations give one of their inputs, or what bfloat16 has too.
var exact = map[compute.OpType]bool{
	compute.OpTypeReshape: true, compute.OpTypeIdentity: true, compute.OpTypeSchedulingBarrier: true,
	compute.OpTypeOptimizationBarrier: true, compute.OpTypeBroadcastInDim: true, compute.OpTypeTranspose: true,
	compute.OpTypeSlice: true, compute.OpTypeReverse: true, compute.OpTypeConcatenate: true, compute.OpTypePad: true,
	compute.OpTypeWhere: true, compute.OpTypeMax: true, compute.OpTypeMin: true, compute.OpTypeClamp: true,
	compute.OpTypeNeg: true, compute.OpTypeAbs: true, compute.OpTypeSign: true, compute.OpTypeReduceMax: true,
	compute.OpTypeReduceMin: true, compute.OpTypeGather: true, compute.OpTypeDynamicSlice: true,
	compute.OpTypeDynamicUpdateSlice: true,
}

// widenable reports whether n computes bfloat16 as float32, rounded once.
func widenable(n *ir.Node) bool {
	if len(n.Outs) > 0 || !n.Shape.Ok() {
		return false
	}
	if n.Op == compute.OpTypeConvertDType {
		return n.In[0].Shape.DType == dtypes.Float32 || n.In[0].Shape.DType == dtypes.Bool ||
			isBF16(n.In[0]) && (n.Shape.DType == dtypes.Float32 || n.Shape.DType == dtypes.Bool)
	}
	if exact[n.Op] || elementwise[n.Op] != 0 || reductions[n.Op] != 0 {
		return true
	}
	switch n.Op {
	case compute.OpTypeDot, compute.OpTypeDotGeneral, compute.OpTypeConvGeneral, compute.OpTypeReduceWindow,
		compute.OpTypeSelectAndScatterMax, compute.OpTypeSelectAndScatterMin, compute.OpTypeFusedSoftmax,
		compute.OpTypeFusedLayerNorm, compute.OpTypeFusedGelu, compute.OpTypeFusedDense,
		compute.OpTypeBatchNormForInference:
		return true
	}
	return false
}
