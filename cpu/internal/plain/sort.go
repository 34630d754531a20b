package plain

import (
	"sort"

	"mgd3/cpu/internal/ir"
)

// Sort puts the lanes of the inputs along axis, all in the same order, into out. less says whether the
// elements at flat position a of the inputs come before those at b; equal ones keep their order.
func Sort(in, out []ir.Tensor, axis int, less func(a, b int) bool) {
	kept, along := split(in[0].Dims(), []int{axis})
	// Only positions are sorted; the numbers are moved once, in all inputs alike.
	sources := make([]int, in[0].Shape.Size()) // where the element at a position comes from
	for _, place := range kept.places() {
		// less reads the inputs, which stay as they are
		lane := make([]int, along.dims[0])
		for i := range lane {
			lane[i] = place + i*along.strides[0]
		}
		sort.SliceStable(lane, func(i, j int) bool { return less(lane[i], lane[j]) })
		for i, source := range lane {
			sources[place+i*along.strides[0]] = source
		}
	}
	for i := range in {
		x, y := widen(in[i]), widen(out[i])
		kinds[x.Shape.DType].pick(x, y, sources)
		narrow(out[i], y)
	}
}

// pick sets element i of out to element sources[i] of x.
func (of[T]) pick(x, out ir.Tensor, sources []int) {
	src, dst := x.Flat.([]T), out.Flat.([]T)
	for i, source := range sources {
		dst[i] = src[source]
	}
}
