package plain

import (
	"slices"

	"mgd3/cpu/internal/ir"
)

// copyFrom sets out to what v sees of x. All movements are one of the next two: slices, transpositions, broadcasts and
// reversals read through a view, and concatenation, padding and updates write through one.
func (of[T]) copyFrom(out, x ir.Tensor, v view) {
	dst, src := out.Flat.([]T), x.Flat.([]T)
	starts, n, stride := v.rows()
	for row, place := range starts {
		for i := range n {
			dst[row*n+i] = src[place+i*stride]
		}
	}
}

// copyTo sets what v sees of out to x.
func (of[T]) copyTo(out ir.Tensor, v view, x ir.Tensor) {
	dst, src := out.Flat.([]T), x.Flat.([]T)
	starts, n, stride := v.rows()
	for row, place := range starts {
		for i := range n {
			dst[place+i*stride] = src[row*n+i]
		}
	}
}

// fill sets all of out to a scalar.
func (of[T]) fill(out, value ir.Tensor) {
	x := value.Flat.([]T)[0]
	dst := out.Flat.([]T)
	for i := range dst {
		dst[i] = x
	}
}

// iota numbers the elements along axis.
func (of[T]) iota(out ir.Tensor, axis int) {
	dst, v := out.Flat.([]T), dense(out.Dims())
	for i := range dst {
		// the index of element i along axis
		dst[i] = T(i / v.strides[axis] % v.dims[axis])
	}
}

// concatenate joins the inputs along axis.
func concatenate(k kind, axis int, in []ir.Tensor, out ir.Tensor) {
	start := make([]int, len(out.Dims()))
	for _, x := range in {
		k.copyTo(out, dense(out.Dims()).sliced(start, x.Dims(), nil), x)
		// a scalar has no axis to move along
		if len(start) > 0 {
			start[axis] += x.Dims()[axis]
		}
	}
}

// pad puts x, spread out by the interior padding, into a field of value; negative padding cuts off.
func pad(k kind, axes ir.Pad, x, value, out ir.Tensor) {
	k.fill(out, value)
	from, to := dense(x.Dims()), dense(out.Dims())
	for axis, p := range axes {
		// Element i goes to Start + i·step, for those i where that lies within out.
		step := p.Interior + 1
		first := max(0, (-p.Start+step-1)/step)
		end := min(x.Dims()[axis], floorDiv(out.Dims()[axis]-1-p.Start, step)+1)
		from.base += first * from.strides[axis]
		to.base += (p.Start + first*step) * to.strides[axis]
		// between two elements lie p.Interior of value
		to.strides[axis] *= step
		from.dims = replaced(from.dims, axis, max(0, end-first))
	}
	if product(from.dims) == 0 {
		return
	}
	// Two copies, since a view is on one side of each.
	part := like(x, from.dims)
	k.copyFrom(part, x, from)
	to.dims = from.dims
	k.copyTo(out, to, part)
}

// floorDiv is ⌊a/b⌋ for b > 0; Go's / rounds towards 0, which differs where padding is negative.
func floorDiv(a, b int) int {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}

func replaced(dims []int, axis, dim int) []int {
	dims = slices.Clone(dims)
	dims[axis] = dim
	return dims
}

// clampedStarts reads scalar start indices, moved so that a window of the given size fits into dims.
func clampedStarts(starts []ir.Tensor, dims, size []int) []int {
	at := make([]int, len(dims))
	for axis := range at {
		at[axis] = min(max(0, integersOf(starts[axis])[0]), dims[axis]-size[axis])
	}
	return at
}
