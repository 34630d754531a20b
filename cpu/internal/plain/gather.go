package plain

import (
	"slices"

	"github.com/gomlx/compute"

	"mgd3/cpu/internal/ir"
)

// vectors reads the index vectors of a gather or scatter: one for each place of the other axes.
func vectors(indices ir.Tensor, axis int) [][]int {
	v, values := dense(indices.Dims()), integersOf(indices)
	if axis == len(v.dims) { // an axis of 1 that is left out
		v = view{0, append(slices.Clone(v.dims), 1), append(slices.Clone(v.strides), 1)}
	}
	places := v.on(others(len(v.dims), axis)...).places()
	vectors := make([][]int, len(places))
	for i, place := range places {
		for j := range v.dims[axis] {
			vectors[i] = append(vectors[i], values[place+j*v.strides[axis]])
		}
	}
	return vectors
}

// gather takes a slice of x at each index vector, moved so that it fits.
func (of[T]) gather(a ir.Gather, x, indices, out ir.Tensor) {
	src, dst := x.Flat.([]T), out.Flat.([]T)
	from, to := dense(x.Dims()), dense(out.Dims())
	// Three lists of places: window and offsets walk over a slice, in x and in out, in the same order; batch walks over
	// the index vectors, in out.
	window := view{0, a.SliceSizes, from.strides}.on(others(len(from.dims), a.CollapsedSliceAxes...)...).places()
	offsets := to.on(a.OffsetOutputAxes...).places()
	batch := to.on(others(len(to.dims), a.OffsetOutputAxes...)...).places()
	if len(dst) == 0 {
		return
	}
	for i, vector := range vectors(indices, a.IndexVectorAxis) {
		start := 0
		for j, axis := range a.StartIndexMap {
			// a slice that would leave x is moved back into it, as in XLA
			start += min(max(0, vector[j]), from.dims[axis]-a.SliceSizes[axis]) * from.strides[axis]
		}
		for j, place := range window {
			dst[batch[i]+offsets[j]] = src[start+place]
		}
	}
}

// scatter combines a window of x with each update, in order; an update whose window does not fit is left
// out.
func (of[T]) scatter(op compute.OpType, a ir.Scatter, x, indices, updates, out ir.Tensor) {
	combine := map[compute.OpType]func(T, T) T{compute.OpTypeScatterSum: add[T], compute.OpTypeScatterMax: larger[T],
		compute.OpTypeScatterMin: smaller[T]}[op]
	dst, src := out.Flat.([]T), updates.Flat.([]T)
	copy(dst, x.Flat.([]T))
	to, from := dense(out.Dims()), dense(updates.Dims())
	windowAxes := others(len(to.dims), a.InsertedWindowAxes...)
	updateWindow := from.on(a.UpdateWindowAxes...)
	// size of the window in each axis of out: 1 in those that the updates have not
	size := axesFrom(1, 1+len(to.dims))
	for axis := range size {
		size[axis] = 1
	}
	for i, axis := range windowAxes {
		size[axis] = updateWindow.dims[i]
	}
	window := view{0, size, to.strides}.on(windowAxes...).places()
	offsets := updateWindow.places()
	batch := from.on(others(len(from.dims), a.UpdateWindowAxes...)...).places()
	for i, vector := range vectors(indices, a.IndexVectorAxis) {
		start, fits := 0, true
		for j, axis := range a.ScatterAxesToOperandAxes {
			fits = fits && vector[j] >= 0 && vector[j] <= to.dims[axis]-size[axis]
			start += vector[j] * to.strides[axis]
		}
		if !fits {
			continue
		}
		for j, place := range window {
			dst[start+place] = combine(dst[start+place], src[batch[i]+offsets[j]])
		}
	}
}
