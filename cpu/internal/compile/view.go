package compile

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"

	"mgd3/cpu/internal/ir"
)

// view is a way to read a value without moving it: element (i0, i1, …) of dims is at
// offset + Σ i·strides of the value.
type view struct {
	of      *ir.Node
	offset  int
	dims    []int
	strides []int
}

func whole(n *ir.Node) view {
	return view{of: n, dims: n.Shape.Dimensions, strides: rowMajor(n.Shape.Dimensions)}
}

// rowMajor returns the strides of a dense tensor.
func rowMajor(dims []int) []int {
	strides, n := make([]int, len(dims)), 1
	for i, d := range slices.Backward(dims) {
		strides[i] = n
		n *= d
	}
	return strides
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// dense reports whether the view is its value as it is in memory, or a dense part of it.
func (v view) dense() bool {
	n := 1
	for i, d := range slices.Backward(v.dims) {
		if d != 1 && v.strides[i] != n {
			return false
		}
		n *= d
	}
	return true
}

// isAlias reports whether n is its first input in another shape.
func isAlias(n *ir.Node) bool {
	switch n.Op {
	case compute.OpTypeReshape, compute.OpTypeIdentity, compute.OpTypeSchedulingBarrier:
		return true
	case compute.OpTypeBroadcastInDim, compute.OpTypeTranspose, compute.OpTypeSlice, compute.OpTypeReverse:
		v, ok := step(n, whole(n.In[0]))
		return ok && v.offset == 0 && v.dense() && product(v.dims) == n.In[0].Shape.Size()
	}
	return false
}

// step applies the movement n to a view of its input; ok is false where n is no movement, or one that
// strides cannot express.
func step(n *ir.Node, v view) (view, bool) {
	dims := n.Shape.Dimensions
	switch n.Op {
	case compute.OpTypeIdentity, compute.OpTypeSchedulingBarrier:
		return v, true
	case compute.OpTypeReshape:
		strides, ok := reshape(v.dims, v.strides, dims)
		return view{v.of, v.offset, dims, strides}, ok
	case compute.OpTypeBroadcastInDim:
		strides := make([]int, len(dims))
		for i, axis := range n.Attr.(ir.Broadcast).Axes {
			if v.dims[i] == dims[axis] {
				strides[axis] = v.strides[i]
			}
		}
		return view{v.of, v.offset, dims, strides}, true
	case compute.OpTypeTranspose:
		strides := make([]int, len(dims))
		for i, axis := range n.Attr.(ir.Permutation) {
			strides[i] = v.strides[axis]
		}
		return view{v.of, v.offset, dims, strides}, true
	case compute.OpTypeSlice:
		a, strides, offset := n.Attr.(ir.Slice), make([]int, len(dims)), v.offset
		for i, s := range v.strides {
			offset += a.Starts[i] * s
			strides[i] = s
			if len(a.Strides) > 0 {
				strides[i] *= a.Strides[i]
			}
		}
		return view{v.of, offset, dims, strides}, true
	case compute.OpTypeReverse:
		strides, offset := slices.Clone(v.strides), v.offset
		for _, axis := range n.Attr.(ir.Axes) {
			offset += (v.dims[axis] - 1) * strides[axis]
			strides[axis] = -strides[axis]
		}
		return view{v.of, offset, dims, strides}, true
	}
	return view{}, false
}

// reshape returns the strides with which a tensor of the given dimensions and strides reads as one of the
// dimensions to, if there are such: each new dimension must lie within one run, a stretch of old dimensions that one
// stride walks through. [4, 6] with strides (6, 1) is one run of 24, and reads as [3, 8]; its transpose, with strides
// (1, 6), is two runs, of 6 and 4, and reads as [2, 3, 4] but not as [3, 8].
func reshape(dims, strides, to []int) ([]int, bool) {
	if product(dims) == 0 {
		return rowMajor(to), true
	}
	// Runs: dimensions merged as far as one stride serves.
	var size, stride []int
	for i, d := range dims {
		if d == 1 {
			continue
		}
		if k := len(size) - 1; k >= 0 && stride[k] == strides[i]*d {
			size[k] *= d
			stride[k] = strides[i]
		} else {
			size, stride = append(size, d), append(stride, strides[i])
		}
	}
	out := make([]int, len(to))
	run, left := len(size)-1, 1
	if run >= 0 {
		left = size[run]
	}
	next := 0
	if run >= 0 {
		next = stride[run]
	}
	for i, d := range slices.Backward(to) {
		if d == 1 {
			continue
		}
		for left == 1 && run > 0 {
			run--
			left, next = size[run], stride[run]
		}
		if left%d != 0 {
			return nil, false
		}
		out[i] = next
		next *= d
		left /= d
	}
	return out, true
}

// bounds are the products of the last dimensions, of all lengths: the places where an index of a tensor
// carries over. [2, 3, 4] has 1, 4, 12, 24. Dimensions of 1 leave no trace, so that shapes that differ in those alone
// are one index space.
func bounds(dims []int) []int {
	b, n := []int{1}, 1
	for _, d := range slices.Backward(dims) {
		if d != 1 {
			n *= d
			b = append(b, n)
		}
	}
	return b
}

// refine joins two sets of bounds; ok is false if no list of dimensions has them all: each bound must divide the next.
// [6, 4] and [3, 8] refine to 1, 4, 8, 24, dimensions [3, 2, 4]; [6, 4] and [4, 6] do not, since 4 does not divide 6.
func refine(a, b []int) ([]int, bool) {
	all := slices.Concat(a, b)
	slices.Sort(all)
	all = slices.Compact(all)
	for i := 1; i < len(all); i++ {
		if all[i-1] == 0 || all[i]%all[i-1] != 0 {
			return nil, false
		}
	}
	return all, true
}

// dimsOf returns the dimensions that have the given bounds.
func dimsOf(b []int) []int {
	var dims []int
	for i := len(b) - 1; i > 0; i-- {
		dims = append(dims, b[i]/b[i-1])
	}
	return dims
}

// split expresses a view's strides over other dimensions of the same index space.
func (v view) split(fine []int) []int {
	strides, ok := reshape(v.dims, v.strides, fine)
	if !ok {
		panic(fmt.Sprintf("compile: a view of %v by %v cannot be read as %v", v.dims, v.strides, fine))
	}
	return strides
}

// splitMask says for each of the finer dimensions whether it is part of a marked one of dims.
func splitMask(dims []int, marked []bool, fine []int) []bool {
	out := make([]bool, len(fine))
	k := len(fine) - 1
	for i, d := range slices.Backward(dims) {
		for n := 1; n < d; k-- {
			out[k] = marked[i]
			n *= fine[k]
		}
	}
	return out
}

// broadcast is the implicit broadcast of operands: a scalar, or 1 in some dimensions.
func (v view) broadcast(dims []int) view {
	strides := make([]int, len(dims))
	if len(v.dims) == len(dims) {
		for i, d := range dims {
			if v.dims[i] == d {
				strides[i] = v.strides[i]
			}
		}
	}
	return view{v.of, v.offset, dims, strides}
}

// cheap reports whether a loop reads the view at speed: along its last dimension, or not often. 4096 float32 are 16 KB,
// half of a first-level cache: a column of those is read from there, however it is strided.
func (v view) cheap() bool {
	for i, d := range slices.Backward(v.dims) {
		if d > 1 {
			return v.strides[i] == 1 || v.strides[i] == 0 || product(v.dims) < 4096
		}
	}
	return true
}

// repeatsRows reports whether the view reads its whole value in order, each element for a row of the given
// length, over a space of size elements.
func (v view) repeatsRows(row, size int) bool {
	if v.offset != 0 || product(v.of.Shape.Dimensions)*row != size {
		return false
	}
	n, i := 1, len(v.dims)-1
	for ; i >= 0 && n < row; i-- {
		if v.dims[i] != 1 && v.strides[i] != 0 {
			return false
		}
		n *= v.dims[i]
	}
	if n != row {
		return false
	}
	want := 1
	for ; i >= 0; i-- {
		if v.dims[i] != 1 && v.strides[i] != want {
			return false
		}
		want *= v.dims[i]
	}
	return true
}

// lift is a view of one value for a row, over the elements of the rows.
func (v view) lift(row int) view {
	return view{v.of, v.offset, append(slices.Clone(v.dims), row), append(slices.Clone(v.strides), 0)}
}
