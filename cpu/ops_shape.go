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

// Identity implements [compute.StandardOps].
func (f *Function) Identity(x compute.Value) (compute.Value, error) {
	return f.same(compute.OpTypeIdentity, x)
}

// OptimizationBarrier implements [compute.StandardOps]: nothing is optimized from one side of it to the other.
func (f *Function) OptimizationBarrier(operands ...compute.Value) ([]compute.Value, error) {
	if _, err := f.nodes(compute.OpTypeOptimizationBarrier, operands...); err != nil {
		return nil, err
	}
	values := make([]compute.Value, len(operands))
	for i, x := range operands {
		var err error
		if values[i], err = f.same(compute.OpTypeOptimizationBarrier, x); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// SchedulingBarrier implements [compute.StandardOps]: the operand, once the dependencies are computed.
func (f *Function) SchedulingBarrier(operand compute.Value, dependencies ...compute.Value) (compute.Value, error) {
	return f.same(compute.OpTypeSchedulingBarrier, append([]compute.Value{operand}, dependencies...)...)
}

// same adds a node whose output is its first input.
func (f *Function) same(op compute.OpType, operands ...compute.Value) (compute.Value, error) {
	in, err := f.nodes(op, operands...)
	if err != nil {
		return nil, err
	}
	return f.one(op, in[0].Shape, nil, nil, in...)
}

// Reshape implements [compute.StandardOps].
func (f *Function) Reshape(x compute.Value, dims ...int) (compute.Value, error) {
	op := compute.OpTypeReshape
	in, err := f.nodes(op, x)
	if err != nil {
		return nil, err
	}
	shape, err := infer(func() (shapes.Shape, error) { return shapeinference.Reshape(in[0].Shape, dims) })
	return f.one(op, shape, err, nil, in...)
}

// Bitcast implements [compute.StandardOps].
func (f *Function) Bitcast(x compute.Value, dtype dtypes.DType) (compute.Value, error) {
	op := compute.OpTypeBitcast
	in, err := f.nodes(op, x)
	if err != nil {
		return nil, err
	}
	if in[0].Shape.DType == dtypes.Bool || dtype == dtypes.Bool {
		return nil, errors.Errorf("%s: bool has no bits, got %s to %s", op, in[0].Shape, dtype)
	}
	shape, err := infer(func() (shapes.Shape, error) { return shapeinference.Bitcast(in[0].Shape, dtype) })
	if err == nil {
		err = checkShape(op, shape)
	}
	return f.one(op, shape, err, nil, in...)
}

// Transpose implements [compute.StandardOps].
func (f *Function) Transpose(x compute.Value, permutation ...int) (compute.Value, error) {
	op := compute.OpTypeTranspose
	in, err := f.nodes(op, x)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.Transpose(in[0].Shape, permutation)
	return f.one(op, shape, err, ir.Permutation(slices.Clone(permutation)), in...)
}

// BroadcastInDim implements [compute.StandardOps].
func (f *Function) BroadcastInDim(x compute.Value, shape shapes.Shape, axes []int) (compute.Value, error) {
	op := compute.OpTypeBroadcastInDim
	in, err := f.nodes(op, x)
	if err != nil {
		return nil, err
	}
	err = checkShape(op, shape)
	if err == nil {
		err = shapeinference.BroadcastInDim(in[0].Shape, shape, axes, nil)
	}
	if err == nil && (shape.DType != in[0].Shape.DType || !slices.IsSorted(axes)) {
		err = errors.Errorf("cannot broadcast %s to %s along axes %v", in[0].Shape, shape, axes)
	}
	return f.one(op, shape.Clone(), err, ir.Broadcast{Axes: slices.Clone(axes)}, in...)
}

// Iota implements [compute.StandardOps].
func (f *Function) Iota(shape shapes.Shape, axis int) (compute.Value, error) {
	op := compute.OpTypeIota
	if err := f.open(op); err != nil {
		return nil, err
	}
	err := checkShape(op, shape)
	if err == nil && (axis < 0 || axis >= shape.Rank() || shape.DType == dtypes.Bool) {
		err = errors.Errorf("cannot number axis %d of %s", axis, shape)
	}
	return f.one(op, shape.Clone(), err, ir.Axis(axis))
}

// Slice implements [compute.StandardOps].
func (f *Function) Slice(x compute.Value, starts, limits, strides []int) (compute.Value, error) {
	op := compute.OpTypeSlice
	in, err := f.nodes(op, x)
	if err != nil {
		return nil, err
	}
	a := ir.Slice{Starts: slices.Clone(starts), Limits: slices.Clone(limits),
		Strides: orOnes(strides, in[0].Shape.Rank())}
	shape, err := shapeinference.Slice(in[0].Shape, a.Starts, a.Limits, a.Strides)
	return f.one(op, shape, err, a, in...)
}

// Pad implements [compute.StandardOps].
func (f *Function) Pad(x, fill compute.Value, axes ...compute.PadAxis) (compute.Value, error) {
	op := compute.OpTypePad
	in, err := f.nodes(op, x, fill)
	if err != nil {
		return nil, err
	}
	if fill := in[1].Shape; !fill.IsScalar() || fill.DType != in[0].Shape.DType {
		return nil, errors.Errorf("%s: cannot fill %s with %s", op, in[0].Shape, fill)
	}
	shape, err := shapeinference.Pad(in[0].Shape, axes...)
	if err != nil {
		return nil, errors.WithMessage(err, op.String())
	}
	return f.one(op, shape, nil, ir.Pad(append(slices.Clone(axes), make([]compute.PadAxis, shape.Rank()-len(axes))...)),
		in...)
}

// Reverse implements [compute.StandardOps].
func (f *Function) Reverse(x compute.Value, axes ...int) (compute.Value, error) {
	op := compute.OpTypeReverse
	in, err := f.nodes(op, x)
	if err != nil {
		return nil, err
	}
	axes = slices.Compact(slices.Sorted(slices.Values(axes)))
	for _, axis := range axes {
		if axis < 0 || axis >= in[0].Shape.Rank() {
			err = errors.Errorf("%s has no axis %d", in[0].Shape, axis)
		}
	}
	return f.one(op, in[0].Shape, err, ir.Axes(axes), in...)
}

// Concatenate implements [compute.StandardOps].
func (f *Function) Concatenate(axis int, operands ...compute.Value) (compute.Value, error) {
	op := compute.OpTypeConcatenate
	in, err := f.nodes(op, operands...)
	if err != nil {
		return nil, err
	}
	if len(in) == 1 {
		return f.Identity(operands[0])
	}
	shape, err := infer(func() (shapes.Shape, error) { return shapeinference.Concatenate(shapesOf(in), axis) })
	return f.one(op, shape, err, ir.Axis(axis), in...)
}

func shapesOf(nodes []*ir.Node) []shapes.Shape {
	list := make([]shapes.Shape, len(nodes))
	for i, node := range nodes {
		list[i] = node.Shape
	}
	return list
}

// DynamicSlice implements [compute.StandardOps].
func (f *Function) DynamicSlice(x compute.Value, starts []compute.Value, dims []int) (compute.Value, error) {
	op := compute.OpTypeDynamicSlice
	in, err := f.nodes(op, append([]compute.Value{x}, starts...)...)
	if err != nil {
		return nil, err
	}
	if err := checkStarts(in[0].Shape, in[1:]); err != nil {
		return nil, errors.WithMessage(err, op.String())
	}
	shape, err := shapeinference.DynamicSlice(in[0].Shape, dims)
	if err == nil {
		err = checkShape(op, shape)
	}
	return f.one(op, shape, err, nil, in...)
}

// DynamicUpdateSlice implements [compute.StandardOps].
func (f *Function) DynamicUpdateSlice(x, update compute.Value, starts []compute.Value) (compute.Value, error) {
	op := compute.OpTypeDynamicUpdateSlice
	in, err := f.nodes(op, append([]compute.Value{x, update}, starts...)...)
	if err != nil {
		return nil, err
	}
	shape, err := shapeinference.DynamicUpdateSlice(in[0].Shape, in[1].Shape)
	if err == nil {
		err = checkStarts(shape, in[2:])
	}
	for axis, dim := range in[1].Shape.Dimensions {
		if err == nil && dim > shape.Dimensions[axis] {
			err = errors.Errorf("an update of %s does not fit into %s", in[1].Shape, shape)
		}
	}
	return f.one(op, shape, err, nil, in...)
}

// checkStarts checks the start indices of a dynamic slice.
func checkStarts(shape shapes.Shape, starts []*ir.Node) error {
	if len(starts) != shape.Rank() {
		return errors.Errorf("%s needs %d start indices, got %d", shape, shape.Rank(), len(starts))
	}
	for i, start := range starts {
		if !start.Shape.IsScalar() || !start.Shape.DType.IsInt() {
			return errors.Errorf("start index %d must be a scalar integer, got %s", i, start.Shape)
		}
	}
	return nil
}
