package cpu

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"
)

// unary adds an operation on each element of x.
func (f *Function) unary(op compute.OpType, x compute.Value) (compute.Value, error) {
	in, err := f.nodes(op, x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.UnaryOp(op, in[0].Shape)
	return f.one(op, shape, err, nil, in...)
}

// test adds a question about each element of x, a float.
func (f *Function) test(op compute.OpType, x compute.Value) (compute.Value, error) {
	in, err := f.nodes(op, x)
	if err != nil {
		return nil, err
	}
	if !in[0].Shape.DType.IsFloat() {
		err = errors.Errorf("want floats, got %s", in[0].Shape)
	}
	shape := in[0].Shape.Clone()
	shape.DType = dtypes.Bool
	return f.one(op, shape, err, nil, in...)
}

// binary adds an operation on pairs of elements; scalars and axes of 1 are spread.
func (f *Function) binary(op compute.OpType, x, y compute.Value) (compute.Value, error) {
	in, err := f.nodes(op, x, y)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.BinaryOp(op, in[0].Shape, in[1].Shape)
	if err == nil && (op == compute.OpTypeAtan2 && !shape.DType.IsFloat() || shape.DType == dtypes.Bool &&
		!boolean(op)) {
		err = errors.Errorf("not an operation on %s", shape.DType)
	}
	return f.one(op, shape, err, nil, in...)
}

// boolean says whether op, which has no such rule in shape inference, works on bools.
func boolean(op compute.OpType) bool {
	return shapeinference.BooleanOperations.Has(op) || op == compute.OpTypeMax || op == compute.OpTypeMin
}

// compare adds a comparison of pairs of elements.
func (f *Function) compare(op compute.OpType, x, y compute.Value) (compute.Value, error) {
	in, err := f.nodes(op, x, y)
	if err != nil {
		return nil, err
	}
	rule := op
	if op == compute.OpTypeNotEqualTotalOrder { // shape inference has forgotten it
		rule = compute.OpTypeEqualTotalOrder
	}
	shape, err := shapeinference.ComparisonOp(rule, in[0].Shape, in[1].Shape)
	return f.one(op, shape, err, nil, in...)
}

// Abs implements [compute.StandardOps].
func (f *Function) Abs(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeAbs, x)
}

// BitCount implements [compute.StandardOps].
func (f *Function) BitCount(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeBitCount, x)
}

// BitwiseNot implements [compute.StandardOps].
func (f *Function) BitwiseNot(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeBitwiseNot, x)
}

// Ceil implements [compute.StandardOps].
func (f *Function) Ceil(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeCeil, x)
}

// Clz implements [compute.StandardOps].
func (f *Function) Clz(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeClz, x)
}

// Cos implements [compute.StandardOps].
func (f *Function) Cos(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeCos, x)
}

// Erf implements [compute.StandardOps].
func (f *Function) Erf(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeErf, x)
}

// Exp implements [compute.StandardOps].
func (f *Function) Exp(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeExp, x)
}

// Expm1 implements [compute.StandardOps].
func (f *Function) Expm1(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeExpm1, x)
}

// Floor implements [compute.StandardOps].
func (f *Function) Floor(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeFloor, x)
}

// Log implements [compute.StandardOps].
func (f *Function) Log(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLog, x)
}

// Log1p implements [compute.StandardOps].
func (f *Function) Log1p(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLog1p, x)
}

// LogicalNot implements [compute.StandardOps].
func (f *Function) LogicalNot(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLogicalNot, x)
}

// Logistic implements [compute.StandardOps].
func (f *Function) Logistic(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeLogistic, x)
}

// Neg implements [compute.StandardOps].
func (f *Function) Neg(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeNeg, x)
}

// Round implements [compute.StandardOps].
func (f *Function) Round(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeRound, x)
}

// Rsqrt implements [compute.StandardOps].
func (f *Function) Rsqrt(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeRsqrt, x)
}

// Sign implements [compute.StandardOps].
func (f *Function) Sign(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSign, x)
}

// Sin implements [compute.StandardOps].
func (f *Function) Sin(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSin, x)
}

// Sqrt implements [compute.StandardOps].
func (f *Function) Sqrt(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeSqrt, x)
}

// Tanh implements [compute.StandardOps].
func (f *Function) Tanh(x compute.Value) (compute.Value, error) {
	return f.unary(compute.OpTypeTanh, x)
}

// IsFinite implements [compute.StandardOps].
func (f *Function) IsFinite(x compute.Value) (compute.Value, error) {
	return f.test(compute.OpTypeIsFinite, x)
}

// IsNaN implements [compute.StandardOps].
func (f *Function) IsNaN(x compute.Value) (compute.Value, error) {
	return f.test(compute.OpTypeIsNaN, x)
}

// Add implements [compute.StandardOps].
func (f *Function) Add(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeAdd, x, y)
}

// Atan2 implements [compute.StandardOps].
func (f *Function) Atan2(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeAtan2, x, y)
}

// BitwiseAnd implements [compute.StandardOps].
func (f *Function) BitwiseAnd(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeBitwiseAnd, x, y)
}

// BitwiseOr implements [compute.StandardOps].
func (f *Function) BitwiseOr(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeBitwiseOr, x, y)
}

// BitwiseXor implements [compute.StandardOps].
func (f *Function) BitwiseXor(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeBitwiseXor, x, y)
}

// Div implements [compute.StandardOps].
func (f *Function) Div(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeDiv, x, y)
}

// LogicalAnd implements [compute.StandardOps].
func (f *Function) LogicalAnd(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalAnd, x, y)
}

// LogicalOr implements [compute.StandardOps].
func (f *Function) LogicalOr(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalOr, x, y)
}

// LogicalXor implements [compute.StandardOps].
func (f *Function) LogicalXor(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeLogicalXor, x, y)
}

// Max implements [compute.StandardOps].
func (f *Function) Max(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMax, x, y)
}

// Min implements [compute.StandardOps].
func (f *Function) Min(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMin, x, y)
}

// Mul implements [compute.StandardOps].
func (f *Function) Mul(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeMul, x, y)
}

// Pow implements [compute.StandardOps].
func (f *Function) Pow(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypePow, x, y)
}

// Rem implements [compute.StandardOps].
func (f *Function) Rem(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeRem, x, y)
}

// ShiftLeft implements [compute.StandardOps].
func (f *Function) ShiftLeft(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeShiftLeft, x, y)
}

// ShiftRightArithmetic implements [compute.StandardOps].
func (f *Function) ShiftRightArithmetic(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeShiftRightArithmetic, x, y)
}

// ShiftRightLogical implements [compute.StandardOps].
func (f *Function) ShiftRightLogical(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeShiftRightLogical, x, y)
}

// Sub implements [compute.StandardOps].
func (f *Function) Sub(x, y compute.Value) (compute.Value, error) {
	return f.binary(compute.OpTypeSub, x, y)
}

// Equal implements [compute.StandardOps].
func (f *Function) Equal(x, y compute.Value) (compute.Value, error) {
	return f.compare(compute.OpTypeEqual, x, y)
}

// EqualTotalOrder implements [compute.StandardOps].
func (f *Function) EqualTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.compare(compute.OpTypeEqualTotalOrder, x, y)
}

// GreaterOrEqual implements [compute.StandardOps].
func (f *Function) GreaterOrEqual(x, y compute.Value) (compute.Value, error) {
	return f.compare(compute.OpTypeGreaterOrEqual, x, y)
}

// GreaterOrEqualTotalOrder implements [compute.StandardOps].
func (f *Function) GreaterOrEqualTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.compare(compute.OpTypeGreaterOrEqualTotalOrder, x, y)
}

// GreaterThan implements [compute.StandardOps].
func (f *Function) GreaterThan(x, y compute.Value) (compute.Value, error) {
	return f.compare(compute.OpTypeGreaterThan, x, y)
}

// GreaterThanTotalOrder implements [compute.StandardOps].
func (f *Function) GreaterThanTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.compare(compute.OpTypeGreaterThanTotalOrder, x, y)
}

// LessOrEqual implements [compute.StandardOps].
func (f *Function) LessOrEqual(x, y compute.Value) (compute.Value, error) {
	return f.compare(compute.OpTypeLessOrEqual, x, y)
}

// LessOrEqualTotalOrder implements [compute.StandardOps].
func (f *Function) LessOrEqualTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.compare(compute.OpTypeLessOrEqualTotalOrder, x, y)
}

// LessThan implements [compute.StandardOps].
func (f *Function) LessThan(x, y compute.Value) (compute.Value, error) {
	return f.compare(compute.OpTypeLessThan, x, y)
}

// LessThanTotalOrder implements [compute.StandardOps].
func (f *Function) LessThanTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.compare(compute.OpTypeLessThanTotalOrder, x, y)
}

// NotEqual implements [compute.StandardOps].
func (f *Function) NotEqual(x, y compute.Value) (compute.Value, error) {
	return f.compare(compute.OpTypeNotEqual, x, y)
}

// NotEqualTotalOrder implements [compute.StandardOps].
func (f *Function) NotEqualTotalOrder(x, y compute.Value) (compute.Value, error) {
	return f.compare(compute.OpTypeNotEqualTotalOrder, x, y)
}

// Clamp implements [compute.StandardOps]: min(max(low, x), high).
func (f *Function) Clamp(low, x, high compute.Value) (compute.Value, error) {
	op := compute.OpTypeClamp
	in, err := f.nodes(op, low, x, high)
	if err != nil {
		return nil, err
	}
	shape := in[1].Shape
	for _, end := range []shapes.Shape{in[0].Shape, in[2].Shape} {
		if end.DType != shape.DType || !end.IsScalar() && !end.EqualDimensions(shape) {
			err = errors.Errorf("cannot clamp %s with ends of %s", shape, end)
		}
	}
	return f.one(op, shape, err, nil, in...)
}

// Where implements [compute.StandardOps].
func (f *Function) Where(condition, onTrue, onFalse compute.Value) (compute.Value, error) {
	op := compute.OpTypeWhere
	in, err := f.nodes(op, condition, onTrue, onFalse)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Where(in[0].Shape, in[1].Shape, in[2].Shape)
	return f.one(op, shape, err, nil, in...)
}

// ConvertDType implements [compute.StandardOps].
func (f *Function) ConvertDType(x compute.Value, dtype dtypes.DType) (compute.Value, error) {
	op := compute.OpTypeConvertDType
	in, err := f.nodes(op, x)
	if err != nil {
		return nil, err
	}
	shape := in[0].Shape.Clone()
	shape.DType = dtype
	return f.one(op, shape, checkShape(op, shape), nil, in...)
}
