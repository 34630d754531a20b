package compile

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"mgd3/cpu/internal/ir"
	"mgd3/cpu/internal/loop"
)

// elementwise maps operations to those of loops; each takes its inputs in order.
var elementwise = map[compute.OpType]loop.Op{
	compute.OpTypeAdd: loop.Add, compute.OpTypeSub: loop.Sub, compute.OpTypeMul: loop.Mul, compute.OpTypeDiv: loop.Div,
	compute.OpTypeMax: loop.Max, compute.OpTypeMin: loop.Min, compute.OpTypePow: loop.Pow, compute.OpTypeRem: loop.Rem,
	compute.OpTypeAtan2: loop.Atan2,
	compute.OpTypeEqual: loop.Eq, compute.OpTypeNotEqual: loop.Ne, compute.OpTypeLessThan: loop.Lt,
	compute.OpTypeLessOrEqual: loop.Le,
	compute.OpTypeGreaterThan: loop.Gt, compute.OpTypeGreaterOrEqual: loop.Ge,
	compute.OpTypeLogicalAnd: loop.And, compute.OpTypeLogicalOr: loop.Or, compute.OpTypeLogicalXor: loop.Xor,
	compute.OpTypeLogicalNot: loop.Not,
	compute.OpTypeWhere:      loop.Select,
	compute.OpTypeNeg:        loop.Neg, compute.OpTypeAbs: loop.Abs, compute.OpTypeSqrt: loop.Sqrt,
	compute.OpTypeRsqrt: loop.Rsqrt,
	compute.OpTypeExp:   loop.Exp, compute.OpTypeExpm1: loop.Expm1, compute.OpTypeLog: loop.Log,
	compute.OpTypeLog1p: loop.Log1p,
	compute.OpTypeTanh:  loop.Tanh, compute.OpTypeLogistic: loop.Logistic, compute.OpTypeErf: loop.Erf,
	compute.OpTypeSin: loop.Sin, compute.OpTypeCos: loop.Cos, compute.OpTypeSign: loop.Sign,
	compute.OpTypeFloor: loop.Floor, compute.OpTypeCeil: loop.Ceil, compute.OpTypeRound: loop.Round,
	opRoundBF16:            loop.RoundBF16,
	compute.OpTypeIsFinite: loop.IsFinite, compute.OpTypeIsNaN: loop.IsNaN,
}

// reductions maps operations to those of loops.
var reductions = map[compute.OpType]loop.Op{
	compute.OpTypeReduceSum: loop.RowSum, compute.OpTypeReduceMax: loop.RowMax, compute.OpTypeReduceMin: loop.RowMin,
	compute.OpTypeReduceProduct: loop.RowProd,
}

// costly operations are stored rather than computed twice: by polynomials, they take ten instructions and more.
var costly = map[compute.OpType]bool{
	compute.OpTypePow: true, compute.OpTypeRem: true, compute.OpTypeAtan2: true, compute.OpTypeExp: true,
	compute.OpTypeExpm1: true,
	compute.OpTypeLog:   true, compute.OpTypeLog1p: true, compute.OpTypeTanh: true, compute.OpTypeLogistic: true,
	compute.OpTypeErf: true, compute.OpTypeSin: true, compute.OpTypeCos: true, compute.OpTypeFusedGelu: true,
}

func isFloat(n *ir.Node) bool { return n.Shape.DType == dtypes.Float32 }
func isBool(n *ir.Node) bool  { return n.Shape.DType == dtypes.Bool }

// isElementwise reports whether loops can compute n from the same element of its inputs.
func isElementwise(n *ir.Node) bool {
	if !n.Shape.Ok() || !isFloat(n) && !isBool(n) {
		return false
	}
	if n.Op == compute.OpTypeConvertDType {
		return isFloat(n) && canLoad(n.In[0]) || isBool(n) && (isFloat(n.In[0]) || isBool(n.In[0]))
	}
	for _, in := range n.In {
		if !isFloat(in) && !isBool(in) {
			return false
		}
	}
	switch n.Op {
	case compute.OpTypeClamp, compute.OpTypeFusedGelu:
		return isFloat(n)
	}
	_, ok := elementwise[n.Op]
	return ok
}

// canLoad reports whether loops can read n's type as float32.
func canLoad(n *ir.Node) bool {
	switch n.Shape.DType {
	case dtypes.Float32, dtypes.Bool, dtypes.Float16, dtypes.BFloat16:
		return true
	}
	return false
}

// isReduction reports whether loops can compute n as a reduction.
func isReduction(n *ir.Node) bool {
	_, ok := reductions[n.Op]
	return ok && isFloat(n)
}

// scalarOf returns the value of a constant whose elements, if any, are all one number.
func scalarOf(n *ir.Node) (float32, bool) {
	for n.Op == compute.OpTypeBroadcastInDim || n.Op == compute.OpTypeReshape {
		n = n.In[0]
	}
	if n.Op != compute.OpTypeConstant || n.Shape.Size() != 1 {
		return 0, false
	}
	switch flat := n.Attr.(ir.Const).Flat.(type) {
	case []float32:
		return flat[0], true
	case []bool:
		if flat[0] {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}
