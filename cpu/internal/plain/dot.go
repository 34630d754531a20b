package plain

import (
	"slices"

	"mgd3/cpu/internal/ir"
)

// dot multiplies in the accumulator's type and converts the result.
func dot(a ir.Dot, x, y, out ir.Tensor) {
	x, y, sums := as(a.Accumulator, x), as(a.Accumulator, y), out
	if a.Accumulator != out.Shape.DType {
		sums = zeros(a.Accumulator, out.Dims())
	}
	kinds[a.Accumulator].dot(a, x, y, sums)
	if a.Accumulator != out.Shape.DType {
		kinds[a.Accumulator].convert(sums, out)
	}
}

// dot sets out[b, m, n] to Σ x[b, m, k]·y[b, n, k] over k, where each of the letters is a list of axes.
func (of[T]) dot(a ir.Dot, x, y, out ir.Tensor) {
	if isFloat[T]() {
		dotIn[float64, T](a, x, y, out)
	} else {
		dotIn[T, T](a, x, y, out)
	}
}

// dotIn is dot with sums in A. Both operands have k as their last axis, so that an inner product reads adjacent
// numbers.
func dotIn[A, T number](a ir.Dot, x, y, out ir.Tensor) {
	left, batch, m, k := operand[T](x, a.LHSBatch, a.LHSContract)
	right, _, n, _ := operand[T](y, a.RHSBatch, a.RHSContract)
	dst := out.Flat.([]T)
	for b := range batch {
		for i := range m {
			row := left[(b*m+i)*k:][:k]
			for j := range n {
				dst[(b*m+i)*n+j] = T(inner[A](row, right[(b*n+j)*k:][:k]))
			}
		}
	}
}

// operand returns x as a dense [batch, others, contracted].
func operand[T number](x ir.Tensor, batch, contract []int) (flat []T, b, m, k int) {
	v := dense(x.Dims())
	free := others(len(v.dims), slices.Concat(batch, contract)...)
	b, m, k = product(v.on(batch...).dims), product(v.on(free...).dims), product(v.on(contract...).dims)
	order := slices.Concat(batch, free, contract)
	// in order already: no copy
	if slices.IsSorted(order) {
		return x.Flat.([]T), b, m, k
	}
	permuted := like(x, v.on(order...).dims)
	of[T]{}.copyFrom(permuted, x, v.on(order...))
	return permuted.Flat.([]T), b, m, k
}

// inner is the sum of x[i]·y[i], in A.
func inner[A, T number](x, y []T) A {
	var sum A
	y = y[:len(x)]
	for i, v := range x {
		sum += A(v) * A(y[i])
	}
	return sum
}
