package plain

import "slices"

// view is a strided window onto flat data: element (i, j, …) lies at base + i·strides[0] + j·strides[1] + ….
type view struct {
	base          int
	dims, strides []int
}

// dense is the view of a whole tensor.
func dense(dims []int) view {
	strides := make([]int, len(dims))
	size := 1
	for axis := len(dims) - 1; axis >= 0; axis-- {
		strides[axis] = size
		size *= dims[axis]
	}
	return view{0, dims, strides}
}

// on is the view of some axes, in the order given, at index 0 of the others. Axes that are left out are walked by
// another view: the places of the whole are the sums of the places of both, as in split.
func (v view) on(axes ...int) view {
	w := view{v.base, make([]int, len(axes)), make([]int, len(axes))}
	for i, axis := range axes {
		w.dims[i], w.strides[i] = v.dims[axis], v.strides[axis]
	}
	return w
}

func (v view) transposed(permutation []int) view { return v.on(permutation...) }

// sliced is the view of dims elements from starts on, with strides that are 1 if nil.
func (v view) sliced(starts, dims, strides []int) view {
	w := view{v.base, dims, slices.Clone(v.strides)}
	for axis, start := range starts {
		w.base += start * v.strides[axis]
		if strides != nil {
			w.strides[axis] *= strides[axis]
		}
	}
	return w
}

// reversed is the view of a tensor that runs backwards along axes.
func reversed(dims, axes []int) view {
	v := dense(dims)
	for _, axis := range axes {
		// from the last element on; an axis of 0 has none
		v.base += max(0, dims[axis]-1) * v.strides[axis]
		v.strides[axis] = -v.strides[axis]
	}
	return v
}

// broadcast is the view of shape dims on a tensor of shape from, whose axis i is axis axes[i] of dims.
func broadcast(from, dims, axes []int) view {
	v := view{0, dims, make([]int, len(dims))}
	own := dense(from)
	for i, axis := range axes {
		if from[i] != 1 {
			// the strides of all other axes are 0: the same element again
			v.strides[axis] = own.strides[i]
		}
	}
	return v
}

// spread is the view of shape dims on a scalar or on a tensor of the same rank, some of whose axes are 1.
func spread(from, dims []int) view {
	return broadcast(from, dims, axesFrom(0, len(from)))
}

// places lists where the elements lie, the last axis fastest.
func (v view) places() []int {
	// Axis by axis: each place becomes dim places. A view without axes is one element, a view with an axis of 0 none.
	places := make([]int, 1, max(1, product(v.dims)))
	places[0] = v.base
	for axis, dim := range v.dims {
		next := make([]int, 0, len(places)*dim)
		for _, place := range places {
			for i := range dim {
				next = append(next, place+i*v.strides[axis])
			}
		}
		places = next
	}
	return places
}

// rows splits off the last axis: where its first elements lie, how many they are and how far apart.
func (v view) rows() (starts []int, n, stride int) {
	last := len(v.dims) - 1
	if last < 0 {
		// a scalar: one row of one element
		return []int{v.base}, 1, 0
	}
	return view{v.base, v.dims[:last], v.strides[:last]}.places(), v.dims[last], v.strides[last]
}

func product(dims []int) int {
	n := 1
	for _, dim := range dims {
		n *= dim
	}
	return n
}

func axesFrom(first, end int) []int {
	axes := make([]int, end-first)
	for i := range axes {
		axes[i] = first + i
	}
	return axes
}

// others lists the axes below rank that are not in axes, in order.
func others(rank int, axes ...int) []int {
	rest := make([]int, 0, rank)
	for axis := range rank {
		if !slices.Contains(axes, axis) {
			rest = append(rest, axis)
		}
	}
	return rest
}

// at is where the element at index lies.
func (v view) at(index ...int) int {
	place := v.base
	for axis, i := range index {
		place += i * v.strides[axis]
	}
	return place
}
