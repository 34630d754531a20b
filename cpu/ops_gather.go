package cpu

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"mgd3/cpu/internal/ir"
)

// Gather implements [compute.StandardOps].
func (f *Function) Gather(x, indices compute.Value, indexVectorAxis int, offsetOutputAxes, collapsedSliceAxes,
	startIndexMap,
	sliceSizes []int, sorted bool) (compute.Value, error) {
	op := compute.OpTypeGather
	in, err := f.nodes(op, x, indices)
	if err != nil {
		return nil, err
	}
	if !in[1].Shape.DType.IsInt() {
		return nil, errors.Errorf("%s: indices must be integers, got %s", op, in[1].Shape)
	}
	a := ir.Gather{IndexVectorAxis: indexVectorAxis, OffsetOutputAxes: slices.Sorted(slices.Values(offsetOutputAxes)),
		CollapsedSliceAxes: slices.Clone(collapsedSliceAxes), StartIndexMap: slices.Clone(startIndexMap),
		SliceSizes: slices.Clone(sliceSizes), Sorted: sorted}
	shape, err := infer(func() (shapes.Shape, error) {
		return shapeinference.Gather(in[0].Shape, vectorsShape(in[1].Shape, indexVectorAxis), indexVectorAxis,
			a.OffsetOutputAxes,
			collapsedSliceAxes, startIndexMap, sliceSizes, sorted)
	})
	if err == nil {
		err = checkShape(op, shape)
	}
	return f.one(op, shape, err, a, in...)
}

// vectorsShape is the shape of indices with the axis of the index vectors, which may be left out if it is 1 and last.
func vectorsShape(indices shapes.Shape, axis int) shapes.Shape {
	if axis == indices.Rank() {
		indices = shapes.Make(indices.DType, append(slices.Clone(indices.Dimensions), 1)...)
	}
	return indices
}

// ScatterSum implements [compute.StandardOps]. An update whose window does not fit is left out.
func (f *Function) ScatterSum(x, indices, updates compute.Value, indexVectorAxis int, updateWindowAxes,
	insertedWindowAxes,
	scatterAxesToOperandAxes []int, sorted, unique bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterSum, compute.OpTypeAdd, x, indices, updates,
		ir.Scatter{IndexVectorAxis: indexVectorAxis,
			UpdateWindowAxes: updateWindowAxes, InsertedWindowAxes: insertedWindowAxes,
			ScatterAxesToOperandAxes: scatterAxesToOperandAxes, Sorted: sorted, Unique: unique})
}

// ScatterMax implements [compute.StandardOps].
func (f *Function) ScatterMax(x, indices, updates compute.Value, indexVectorAxis int, updateWindowAxes,
	insertedWindowAxes,
	scatterAxesToOperandAxes []int, sorted, unique bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterMax, compute.OpTypeMax, x, indices, updates,
		ir.Scatter{IndexVectorAxis: indexVectorAxis,
			UpdateWindowAxes: updateWindowAxes, InsertedWindowAxes: insertedWindowAxes,
			ScatterAxesToOperandAxes: scatterAxesToOperandAxes, Sorted: sorted, Unique: unique})
}

// ScatterMin implements [compute.StandardOps].
func (f *Function) ScatterMin(x, indices, updates compute.Value, indexVectorAxis int, updateWindowAxes,
	insertedWindowAxes,
	scatterAxesToOperandAxes []int, sorted, unique bool) (compute.Value, error) {
	return f.scatter(compute.OpTypeScatterMin, compute.OpTypeMin, x, indices, updates,
		ir.Scatter{IndexVectorAxis: indexVectorAxis,
			UpdateWindowAxes: updateWindowAxes, InsertedWindowAxes: insertedWindowAxes,
			ScatterAxesToOperandAxes: scatterAxesToOperandAxes, Sorted: sorted, Unique: unique})
}

func (f *Function) scatter(op, like compute.OpType, x, indices, updates compute.Value,
	a ir.Scatter) (compute.Value, error) {
	in, err := f.nodes(op, x, indices, updates)
	if err != nil {
		return nil, err
	}
	if err := checkReducible(like, in[0].Shape.DType); err != nil {
		return nil, errors.WithMessage(err, op.String())
	}
	a.UpdateWindowAxes, a.InsertedWindowAxes = slices.Clone(a.UpdateWindowAxes), slices.Clone(a.InsertedWindowAxes)
	a.ScatterAxesToOperandAxes = slices.Clone(a.ScatterAxesToOperandAxes)
	shape, err := infer(func() (shapes.Shape, error) {
		return shapeinference.Scatter(in[0].Shape, in[1].Shape, in[2].Shape, a.IndexVectorAxis, a.UpdateWindowAxes,
			a.InsertedWindowAxes, a.ScatterAxesToOperandAxes)
	})
	if err == nil {
		err = checkUpdates(a, in[1].Shape, in[2].Shape)
	}
	return f.one(op, shape, err, a, in...)
}

// checkUpdates checks what shape inference leaves out: that there is one update for each index vector.
func checkUpdates(a ir.Scatter, indices, updates shapes.Shape) error {
	var vectors, given []int
	for axis, dim := range indices.Dimensions {
		if axis != a.IndexVectorAxis {
			vectors = append(vectors, dim)
		}
	}
	for axis, dim := range updates.Dimensions {
		if !slices.Contains(a.UpdateWindowAxes, axis) {
			given = append(given, dim)
		}
	}
	if !slices.Equal(vectors, given) || !slices.IsSorted(a.UpdateWindowAxes) {
		return errors.Errorf("updates %s with window axes %v do not fit indices %s", updates, a.UpdateWindowAxes,
			indices)
	}
	return nil
}
