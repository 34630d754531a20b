package passes

import (
	"bytes"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"mgd3/cpu/internal/ir"
	"mgd3/cpu/internal/plain"
)

// maxFolded is the largest constant, in bytes, that Fold computes.
const maxFolded = 64 << 10

// exact are the operations on floats whose result is the same bytes however it is computed: each is rounded once, or
// not at all. Others are left alone, since whether a value is small enough to be folded may depend on the batch, and
// its bytes must not.
var exact = map[compute.OpType]bool{
	compute.OpTypeAdd: true, compute.OpTypeSub: true, compute.OpTypeMul: true, compute.OpTypeDiv: true,
	compute.OpTypeSqrt: true,
	compute.OpTypeMax:  true, compute.OpTypeMin: true, compute.OpTypeNeg: true, compute.OpTypeAbs: true,
	compute.OpTypeSign:  true,
	compute.OpTypeFloor: true, compute.OpTypeCeil: true, compute.OpTypeRound: true, compute.OpTypeClamp: true,
	compute.OpTypeIsFinite: true, compute.OpTypeIsNaN: true, compute.OpTypeConvertDType: true,
	compute.OpTypeWhere: true,
	compute.OpTypeEqual: true, compute.OpTypeNotEqual: true, compute.OpTypeLessThan: true,
	compute.OpTypeLessOrEqual: true,
	compute.OpTypeGreaterThan: true, compute.OpTypeGreaterOrEqual: true,
	compute.OpTypeIdentity: true, compute.OpTypeReshape: true, compute.OpTypeBitcast: true,
	compute.OpTypeTranspose:      true,
	compute.OpTypeBroadcastInDim: true, compute.OpTypeIota: true, compute.OpTypeSlice: true, compute.OpTypePad: true,
	compute.OpTypeReverse: true, compute.OpTypeConcatenate: true, compute.OpTypeGather: true,
	compute.OpTypeDynamicSlice:       true,
	compute.OpTypeDynamicUpdateSlice: true, compute.OpTypeReduceMax: true, compute.OpTypeReduceMin: true,
	compute.OpTypeArgMinMax: true,
}

// Fold replaces nodes that depend on constants alone by their values. A value that is the same number everywhere
// becomes the broadcast of a scalar. A broadcast and an iota stay as they are, since they are cheaper to compute than
// to read, but what is computed from them is folded.
func Fold(f *ir.Func) {
	known := map[*ir.Node]ir.Tensor{} // what it is, of each node that depends on constants alone
	by := map[*ir.Node]*ir.Node{}
	var nodes []*ir.Node
	for _, n := range f.Nodes {
		value, ok := evaluate(n, known)
		if ok {
			known[n] = value
		}
		if ok && n.Op != compute.OpTypeConstant && n.Op != compute.OpTypeBroadcastInDim && n.Op != compute.OpTypeIota {
			folded := constant(value)
			nodes = append(nodes, folded...)
			by[n] = folded[len(folded)-1]
			continue
		}
		nodes = append(nodes, n)
	}
	replace(f, nodes, by)
}

// evaluate returns the value of n, if it is small and depends on known ones alone.
func evaluate(n *ir.Node, known map[*ir.Node]ir.Tensor) (value ir.Tensor, ok bool) {
	if a, constant := n.Attr.(ir.Const); constant {
		return ir.Tensor{Shape: n.Shape, Flat: a.Flat}, true
	}
	if !n.Shape.Ok() || !movable(n) || n.Op == ir.OpOutput ||
		n.Shape.DType.SizeForDimensions(n.Shape.Size()) > maxFolded {
		return value, false
	}
	if !exact[n.Op] && (n.Shape.DType.IsFloat() ||
		slices.ContainsFunc(n.In, func(in *ir.Node) bool { return in.Shape.DType.IsFloat() })) {
		return value, false
	}
	in := make([]ir.Tensor, len(n.In))
	for i, node := range n.In {
		if in[i], ok = known[node]; !ok {
			return value, false
		}
	}
	value = ir.Tensor{Shape: n.Shape, Flat: dtypes.MakeAnySlice(n.Shape.DType, n.Shape.Size())}
	err := plain.Eval(n, in, []ir.Tensor{value})
	return value, err == nil // what fails here fails when it runs
}

// constant returns nodes the last of which has the given value.
func constant(value ir.Tensor) []*ir.Node {
	flat := dtypes.UnsafeByteSliceFromAny(value.Flat)
	size := value.Shape.DType.Size()
	if value.Shape.Size() < 2 || value.Shape.DType.IsPacked() || !bytes.Equal(flat[size:], flat[:len(flat)-size]) {
		return []*ir.Node{{Op: compute.OpTypeConstant, Shape: value.Shape, Attr: ir.Const{Flat: value.Flat}}}
	}
	one := dtypes.MakeAnySlice(value.Shape.DType, 1)
	copy(dtypes.UnsafeByteSliceFromAny(one), flat)
	scalar := &ir.Node{Op: compute.OpTypeConstant, Shape: shapes.Make(value.Shape.DType), Attr: ir.Const{Flat: one}}
	return []*ir.Node{scalar, {Op: compute.OpTypeBroadcastInDim, In: []*ir.Node{scalar}, Shape: value.Shape,
		Attr: ir.Broadcast{}}}
}
