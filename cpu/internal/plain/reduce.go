package plain

import (
	"github.com/gomlx/compute"

	"mgd3/cpu/internal/ir"
)

// split returns the views of the axes that are not reduced, and of those that are.
func split(dims, axes []int) (kept, over view) {
	v := dense(dims)
	return v.on(others(len(dims), axes...)...), v.on(axes...)
}

// fold sets each element of dst to f(… f(f(first, x0), x1) …) over the elements of src that over sees from there,
// converted to A. kept has a place for each element of dst, in dst's order.
func fold[A, T number](dst, src []T, kept, over view, first A, f func(A, A) A) {
	starts, n, stride := over.rows()
	for i, place := range kept.places() {
		sum := first
		for _, start := range starts {
			for j := range n {
				sum = f(sum, A(src[place+start+j*stride]))
			}
		}
		dst[i] = T(sum)
	}
}

func (of[T]) reduce(op compute.OpType, axes []int, x, out ir.Tensor) bool {
	kept, over := split(x.Dims(), axes)
	src, dst := x.Flat.([]T), out.Flat.([]T)
	lowest, highest := extremes[T]()
	switch op {
	case compute.OpTypeReduceSum:
		// maxima and minima are exact in T; sums and products are not
		reduceIn(dst, src, kept, over, 0, add[float64], add[T])
	case compute.OpTypeReduceProduct:
		reduceIn(dst, src, kept, over, 1, times[float64], times[T])
	case compute.OpTypeReduceMax:
		fold(dst, src, kept, over, lowest, larger[T])
	case compute.OpTypeReduceMin:
		fold(dst, src, kept, over, highest, smaller[T])
	default:
		return false
	}
	return true
}

// reduceIn folds floats in float64 and integers in their type.
func reduceIn[T number](dst, src []T, kept, over view, first int, f func(a, b float64) float64, g func(a, b T) T) {
	if isFloat[T]() {
		fold(dst, src, kept, over, float64(first), f)
	} else {
		fold(dst, src, kept, over, T(first), g)
	}
}

func add[T number](a, b T) T     { return a + b }
func times[T number](a, b T) T   { return a * b }
func larger[T number](a, b T) T  { return max(a, b) } // NaN if either is
func smaller[T number](a, b T) T { return min(a, b) }

// argMinMax finds the first smallest or largest element along the axis, or the first NaN.
func (of[T]) argMinMax(a ir.ArgMinMax, x, out ir.Tensor) {
	src := x.Flat.([]T)
	kept, over := split(x.Dims(), []int{a.Axis})
	// 0 is the first of each lane
	best := make([]int, out.Shape.Size())
	for i, place := range kept.places() {
		at := func(j int) T { return src[place+j*over.strides[0]] }
		for j := 1; j < over.dims[0]; j++ {
			was, is := at(best[i]), at(j)
			// was == was: a NaN that was found stays; is != is: one that is met wins
			if was == was && (is != is || a.Min && is < was || !a.Min && is > was) {
				best[i] = j
			}
		}
	}
	kinds[out.Shape.DType].putIntegers(out, best)
}

// cumSum sums along the axis up to each element, or up to the one before it.
func (of[T]) cumSum(a ir.CumSum, x, out ir.Tensor) {
	if isFloat[T]() {
		cumSum[float64](a, x.Flat.([]T), out.Flat.([]T), x.Dims())
	} else {
		cumSum[T](a, x.Flat.([]T), out.Flat.([]T), x.Dims())
	}
}

func cumSum[A, T number](a ir.CumSum, src, dst []T, dims []int) {
	kept, along := split(dims, []int{a.Axis})
	n, stride := along.dims[0], along.strides[0]
	for _, place := range kept.places() {
		var sum A
		for i := range n {
			at := place + i*stride
			if a.Options.Reverse {
				at = place + (n-1-i)*stride
			}
			if a.Options.Exclusive {
				dst[at] = T(sum)
			}
			sum += A(src[at])
			if !a.Options.Exclusive {
				dst[at] = T(sum)
			}
		}
	}
}

// moments sets mean and variance, biased, of x over axes; they have the other axes.
func (of[T]) moments(axes []int, x, mean, variance ir.Tensor) {
	src, means, variances := x.Flat.([]T), mean.Flat.([]T), variance.Flat.([]T)
	kept, over := split(x.Dims(), axes)
	offsets := over.places()
	for i, place := range kept.places() {
		m, v := momentsOf(src, place, offsets)
		means[i], variances[i] = T(m), T(v)
	}
}

// momentsOf returns the mean and the biased variance of the elements at place + offsets. Two passes: Σ(x − mean)² loses
// no digits where the mean is large, as Σx² − n·mean² does.
func momentsOf[T number](src []T, place int, offsets []int) (mean, variance float64) {
	n := float64(len(offsets))
	for _, o := range offsets {
		mean += float64(src[place+o])
	}
	mean /= n
	for _, o := range offsets {
		d := float64(src[place+o]) - mean
		variance += d * d
	}
	return mean, variance / n
}
