package cpu

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"mgd3/cpu/internal/ir"
)

// reduce adds a reduction over axes, over all if there are none.
func (f *Function) reduce(op compute.OpType, like compute.OpType, x compute.Value, axes []int) (compute.Value, error) {
	in, err := f.nodes(op, x)
	if err != nil {
		return nil, err
	}
	if err := checkReducible(like, in[0].Shape.DType); err != nil {
		return nil, errors.WithMessage(err, op.String())
	}
	axes = slices.Sorted(slices.Values(axes))
	if len(axes) == 0 {
		axes = allAxes(in[0].Shape.Rank())
	}
	if len(slices.Compact(slices.Clone(axes))) < len(axes) {
		return nil, errors.Errorf("%s: repeated axes %v", op, axes)
	}
	shape, err := infer(func() (shapes.Shape, error) { return shapeinference.Reduce(in[0].Shape, axes) })
	return f.one(op, shape, err, ir.Axes(axes), in...)
}

// checkReducible checks that the binary operation can combine elements of dtype.
func checkReducible(op compute.OpType, dtype dtypes.DType) error {
	if dtype == dtypes.Bool && boolean(op) {
		return nil
	}
	_, err := shapeinference.BinaryOp(op, shapes.Make(dtype), shapes.Make(dtype))
	if dtype == dtypes.Bool && err == nil {
		err = errors.Errorf("not an operation on %s", dtype)
	}
	return err
}

func allAxes(rank int) []int {
	axes := make([]int, rank)
	for axis := range axes {
		axes[axis] = axis
	}
	return axes
}

// ReduceSum implements [compute.StandardOps].
func (f *Function) ReduceSum(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceSum, compute.OpTypeAdd, x, axes)
}

// ReduceProduct implements [compute.StandardOps].
func (f *Function) ReduceProduct(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceProduct, compute.OpTypeMul, x, axes)
}

// ReduceMax implements [compute.StandardOps].
func (f *Function) ReduceMax(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceMax, compute.OpTypeMax, x, axes)
}

// ReduceMin implements [compute.StandardOps].
func (f *Function) ReduceMin(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceMin, compute.OpTypeMin, x, axes)
}

// ReduceBitwiseAnd implements [compute.StandardOps].
func (f *Function) ReduceBitwiseAnd(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceBitwiseAnd, compute.OpTypeBitwiseAnd, x, axes)
}

// ReduceBitwiseOr implements [compute.StandardOps].
func (f *Function) ReduceBitwiseOr(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceBitwiseOr, compute.OpTypeBitwiseOr, x, axes)
}

// ReduceBitwiseXor implements [compute.StandardOps].
func (f *Function) ReduceBitwiseXor(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceBitwiseXor, compute.OpTypeBitwiseXor, x, axes)
}

// ReduceLogicalAnd implements [compute.StandardOps].
func (f *Function) ReduceLogicalAnd(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceLogicalAnd, compute.OpTypeLogicalAnd, x, axes)
}

// ReduceLogicalOr implements [compute.StandardOps].
func (f *Function) ReduceLogicalOr(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceLogicalOr, compute.OpTypeLogicalOr, x, axes)
}

// ReduceLogicalXor implements [compute.StandardOps].
func (f *Function) ReduceLogicalXor(x compute.Value, axes ...int) (compute.Value, error) {
	return f.reduce(compute.OpTypeReduceLogicalXor, compute.OpTypeLogicalXor, x, axes)
}

// ArgMinMax implements [compute.StandardOps]: the first of equal elements, or the first NaN.
func (f *Function) ArgMinMax(x compute.Value, axis int, dtype dtypes.DType, isMin bool) (compute.Value, error) {
	op := compute.OpTypeArgMinMax
	in, err := f.nodes(op, x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.ArgMinMax(in[0].Shape, axis, dtype)
	if err == nil && in[0].Shape.Dimensions[axis] == 0 {
		err = errors.Errorf("axis %d of %s is empty", axis, in[0].Shape)
	}
	if err == nil {
		err = checkShape(op, shape)
	}
	return f.one(op, shape, err, ir.ArgMinMax{Axis: axis, Min: isMin}, in...)
}

// CumSum implements [compute.StandardOps].
func (f *Function) CumSum(x compute.Value, axis int, options compute.CumSumOptions) (compute.Value, error) {
	op := compute.OpTypeCumSum
	in, err := f.nodes(op, x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.CumSum(in[0].Shape, axis)
	return f.one(op, shape, err, ir.CumSum{Axis: axis, Options: options}, in...)
}

// ReduceWindow implements [compute.StandardOps].
func (f *Function) ReduceWindow(x compute.Value, reduction compute.ReduceOpType, window, strides, inputDilations,
	windowDilations []int, paddings [][2]int) (compute.Value, error) {
	op := compute.OpTypeReduceWindow
	in, err := f.nodes(op, x)
	if err != nil {
		return nil, err
	}
	like := map[compute.ReduceOpType]compute.OpType{compute.ReduceOpSum: compute.OpTypeAdd,
		compute.ReduceOpProduct: compute.OpTypeMul,
		compute.ReduceOpMax:     compute.OpTypeMax, compute.ReduceOpMin: compute.OpTypeMin}[reduction]
	if err := checkReducible(like, in[0].Shape.DType); err != nil {
		return nil, errors.WithMessagef(err, "%s by %s", op, reduction)
	}
	shape, err := infer(func() (shapes.Shape, error) {
		return shapeinference.ReduceWindow(in[0].Shape, window, strides, inputDilations, windowDilations, paddings)
	})
	if err != nil {
		return nil, errors.WithMessage(err, op.String())
	}
	return f.one(op, shape, nil, newWindow(shape.Rank(), reduction, window, strides, inputDilations, windowDilations,
		paddings), in...)
}

// newWindow fills in what is left out.
func newWindow(rank int, reduction compute.ReduceOpType, window, strides, inputDilations, windowDilations []int,
	paddings [][2]int) ir.Window {
	w := ir.Window{Reduce: reduction, Dims: orOnes(window, rank), InputDilations: orOnes(inputDilations, rank),
		WindowDilations: orOnes(windowDilations, rank), Paddings: slices.Clone(paddings)}
	if w.Strides = slices.Clone(strides); len(strides) == 0 {
		w.Strides = slices.Clone(w.Dims)
	}
	if len(paddings) == 0 {
		w.Paddings = make([][2]int, rank)
	}
	return w
}

// orOnes returns a copy of values, or n ones if there are none.
func orOnes(values []int, n int) []int {
	if len(values) > 0 {
		return slices.Clone(values)
	}
	return slices.Repeat([]int{1}, n)
}

// SelectAndScatterMax implements [compute.StandardOps].
func (f *Function) SelectAndScatterMax(x, source compute.Value, window, strides []int,
	paddings [][2]int) (compute.Value, error) {
	return f.selectAndScatter(compute.OpTypeSelectAndScatterMax, compute.ReduceOpMax, x, source, window, strides,
		paddings)
}

// SelectAndScatterMin implements [compute.StandardOps].
func (f *Function) SelectAndScatterMin(x, source compute.Value, window, strides []int,
	paddings [][2]int) (compute.Value, error) {
	return f.selectAndScatter(compute.OpTypeSelectAndScatterMin, compute.ReduceOpMin, x, source, window, strides,
		paddings)
}

func (f *Function) selectAndScatter(op compute.OpType, by compute.ReduceOpType, x, source compute.Value, window,
	strides []int,
	paddings [][2]int) (compute.Value, error) {
	in, err := f.nodes(op, x, source)
	if err != nil {
		return nil, err
	}
	if err := checkReducible(compute.OpTypeAdd, in[0].Shape.DType); err != nil {
		return nil, errors.WithMessage(err, op.String())
	}
	shape, err := infer(func() (shapes.Shape, error) {
		return shapeinference.SelectAndScatter(in[0].Shape, in[1].Shape, window, strides, paddings)
	})
	return f.one(op, shape, err, newWindow(in[0].Shape.Rank(), by, window, strides, nil, nil, paddings), in...)
}
