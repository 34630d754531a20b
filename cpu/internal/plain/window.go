package plain

import (
	"github.com/gomlx/compute"

	"mgd3/cpu/internal/ir"
)

// tap is one position of a window along one axis that meets an element: where that lies in the
// operand, and which position it is.
type tap struct{ place, position int }

// tapsOf lists the taps of each of n places of a window along an axis of dim elements at the given
// stride. Position w of the window at place o lies at o·step + w·spread − before in the padded operand,
// whose element i lies at i·gap.
func tapsOf(n, dim, stride, window, step, spread, gap, before int) [][]tap {
	taps := make([][]tap, n)
	for o := range taps {
		for w := range window {
			at := o*step + w*spread - before
			// padding and the gaps of a dilated operand meet nothing: they are left out, and not read as 0
			if at >= 0 && at%gap == 0 && at/gap < dim {
				taps[o] = append(taps[o], tap{at / gap * stride, w})
			}
		}
	}
	return taps
}

// windows calls f for each place of a window, in order, with where the elements under it lie.
func windows(a ir.Window, dims, places []int, f func(i int, under []int)) {
	v := dense(dims)
	taps := make([][][]tap, len(dims))
	for axis, dim := range dims {
		taps[axis] = tapsOf(places[axis], dim, v.strides[axis], a.Dims[axis], a.Strides[axis], a.WindowDilations[axis],
			a.InputDilations[axis], a.Paddings[axis][0])
	}
	i := 0
	var walk func(axis int, under []int)
	walk = func(axis int, under []int) {
		if axis == len(dims) {
			f(i, under)
			i++
			return
		}
		// under has the places in the axes before; those of this axis are added to each.
		for _, here := range taps[axis] {
			next := make([]int, 0, len(under)*len(here))
			for _, place := range under {
				for _, t := range here {
					next = append(next, place+t.place)
				}
			}
			walk(axis+1, next)
		}
	}
	walk(0, []int{0})
}

// reduceWindow reduces what lies under the window at each of its places.
func (of[T]) reduceWindow(a ir.Window, x, out ir.Tensor) {
	src, dst := x.Flat.([]T), out.Flat.([]T)
	lowest, highest := extremes[T]()
	switch {
	case a.Reduce == compute.ReduceOpMax:
		foldWindows(a, x.Dims(), out.Dims(), dst, src, lowest, larger[T])
	case a.Reduce == compute.ReduceOpMin:
		foldWindows(a, x.Dims(), out.Dims(), dst, src, highest, smaller[T])
	case a.Reduce == compute.ReduceOpSum && isFloat[T]():
		foldWindows(a, x.Dims(), out.Dims(), dst, src, 0, add[float64])
	case a.Reduce == compute.ReduceOpSum:
		foldWindows(a, x.Dims(), out.Dims(), dst, src, 0, add[T])
	case isFloat[T]():
		foldWindows(a, x.Dims(), out.Dims(), dst, src, 1, times[float64])
	default:
		foldWindows(a, x.Dims(), out.Dims(), dst, src, 1, times[T])
	}
}

func foldWindows[A, T number](a ir.Window, dims, places []int, dst, src []T, first A, f func(A, A) A) {
	windows(a, dims, places, func(i int, under []int) {
		sum := first
		for _, place := range under {
			sum = f(sum, A(src[place]))
		}
		dst[i] = T(sum)
	})
}

// selectAndScatter adds each element of source to the first largest (or smallest) of the elements under
// the window at its place; the rest is zero.
func (of[T]) selectAndScatter(a ir.Window, x, source, out ir.Tensor) {
	src, give, dst := x.Flat.([]T), source.Flat.([]T), out.Flat.([]T)
	// Several windows may choose one element: floats are added in float64, and rounded once.
	sums := make([]float64, 0)
	if isFloat[T]() {
		sums = make([]float64, len(dst))
	}
	clear(dst)
	windows(a, x.Dims(), source.Dims(), func(i int, under []int) {
		if len(under) == 0 {
			return
		}
		best := under[0]
		for _, place := range under[1:] {
			// > and not ≥: the first of equal ones has it all
			if a.Reduce == compute.ReduceOpMax && src[place] > src[best] || a.Reduce == compute.ReduceOpMin &&
				src[place] < src[best] {
				best = place
			}
		}
		if len(sums) > 0 {
			sums[best] += float64(give[i])
		} else {
			dst[best] += give[i]
		}
	})
	for i, sum := range sums {
		dst[i] = T(sum)
	}
}
