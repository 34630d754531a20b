package loop

import (
	"math"
	"slices"
)

var (
	posInf = float32(math.Inf(1))
	negInf = float32(math.Inf(-1))
)

// input and output are an Input and an Output in terms of the normalised dimensions.
type input struct {
	Input
	scalar, direct bool // constant within a tile; contiguous float32 within a tile
}

type output struct {
	Output
	direct bool // the defining instruction writes to memory itself
	whole  bool // stored and contiguous within a tile
	single bool // stored once for a tile: the result of a row reduction

	first, run int // of a reduction; see innermost
	fold       func(x []float32) float32
	join       func(dst, x, y []float32)
}

// normalise drops dimensions of size 1, brings kept dimensions before reduced ones where that keeps
// accumulators small, and merges neighbours that every tensor walks through in one stride.
func (l *Loop) normalise() {
	dims := slices.Clone(l.p.Dims)
	for _, in := range l.p.In {
		l.in = append(l.in, input{Input: in})
		l.in[len(l.in)-1].Strides = slices.Clone(in.Strides)
	}
	for _, out := range l.p.Out {
		o := output{Output: out}
		if o.Reduced == nil {
			o.Reduced = make([]bool, len(dims))
		}
		if o.Strides == nil {
			o.Strides = keptStrides(dims, o.Reduced)
		}
		o.Strides, o.Reduced = slices.Clone(o.Strides), slices.Clone(o.Reduced)
		l.out = append(l.out, o)
	}
	for i := len(dims) - 1; i >= 0; i-- {
		inRow := i >= len(dims)-l.p.Row
		if dims[i] == 1 && !(inRow && l.p.Row == 1) { // a row keeps one dimension
			if inRow {
				l.p.Row--
			}
			dims = slices.Delete(dims, i, i+1)
			l.eachStride(func(s []int) []int { return slices.Delete(s, i, i+1) })
			l.eachReduced(func(r []bool) []bool { return slices.Delete(r, i, i+1) })
		}
	}
	if len(dims) == 0 {
		dims = []int{1}
		l.eachStride(func([]int) []int { return []int{0} })
		l.eachReduced(func([]bool) []bool { return []bool{false} })
	}
	if order := l.keptFirst(dims); order != nil {
		dims = permuted(dims, order)
		l.eachStride(func(s []int) []int { return permuted(s, order) })
		l.eachReduced(func(r []bool) []bool { return permuted(r, order) })
	}
	for i := len(dims) - 2; i >= 0; i-- {
		if i == len(dims)-1-l.p.Row || !l.mergeable(dims, i) {
			continue
		}
		if i > len(dims)-1-l.p.Row && l.p.Row > 0 {
			l.p.Row--
		}
		dims[i] *= dims[i+1]
		dims = slices.Delete(dims, i+1, i+2)
		l.eachStride(func(s []int) []int { s[i] = s[i+1]; return slices.Delete(s, i+1, i+2) })
		l.eachReduced(func(r []bool) []bool { return slices.Delete(r, i+1, i+2) })
	}
	l.dims = dims
}

// keptStrides are the strides of a dense tensor over the dimensions that are not reduced.
func keptStrides(dims []int, reduced []bool) []int {
	strides, n := make([]int, len(dims)), 1
	for i, d := range slices.Backward(dims) {
		if !reduced[i] {
			strides[i] = n
			n *= d
		}
	}
	return strides
}

func permuted[T any](s []T, order []int) []T {
	out := make([]T, len(s))
	for i, o := range order {
		out[i] = s[o]
	}
	return out
}

func (l *Loop) eachStride(f func([]int) []int) {
	for i := range l.in {
		l.in[i].Strides = f(l.in[i].Strides)
	}
	for i := range l.out {
		l.out[i].Strides = f(l.out[i].Strides)
	}
}

func (l *Loop) eachReduced(f func([]bool) []bool) {
	for i := range l.out {
		l.out[i].Reduced = f(l.out[i].Reduced)
	}
}

// reduced is the mask of the reductions, which all have the same, or nil.
func (l *Loop) reduced() []bool {
	for _, o := range l.out {
		if o.Reduce != 0 {
			return o.Reduced
		}
	}
	return nil
}

// keptFirst returns the order of dimensions in which the kept ones come first, but the last one stays
// last, where the first is reduced and what is kept is large; otherwise nil.
func (l *Loop) keptFirst(dims []int) []int {
	mask := l.reduced()
	if mask == nil || !mask[0] || l.p.Row > 0 {
		return nil
	}
	slice := 1
	for i, d := range dims {
		if !mask[i] {
			slice *= d
		}
	}
	if slice < 4096 {
		return nil
	}
	last := len(dims) - 1
	var order []int
	for _, pick := range []bool{false, true} {
		for i := range last {
			if mask[i] == pick {
				order = append(order, i)
			}
		}
	}
	return append(order, last)
}

// mergeable reports whether dimensions i and i+1 can be one for every tensor.
func (l *Loop) mergeable(dims []int, i int) bool {
	for _, in := range l.in {
		if in.Strides[i] != in.Strides[i+1]*dims[i+1] {
			return false
		}
	}
	for _, out := range l.out {
		if out.Reduced[i] != out.Reduced[i+1] || out.Strides[i] != out.Strides[i+1]*dims[i+1] {
			return false
		}
	}
	return true
}

// cut chooses the tiles: from the last dimension backwards as many whole dimensions as fit, then a
// piece of the next. A tile never makes an input that is dense in memory be copied.
func (l *Loop) cut() {
	last := len(l.dims) - 1
	l.chunk, l.unit = last, 1
	if l.p.Row > 0 {
		l.chunk = max(0, len(l.dims)-l.p.Row-1)
		l.unit = product(l.dims[len(l.dims)-l.p.Row:])
		l.per = 1
		if l.p.Row == len(l.dims) { // one row in all
			l.dims = append([]int{1}, l.dims...)
			l.eachStride(func(s []int) []int { return append([]int{0}, s...) })
			l.eachReduced(func(r []bool) []bool { return append([]bool{false}, r...) })
		}
	} else {
		for l.chunk > 0 && l.unit*l.dims[l.chunk] <= tileSize && l.joins(l.chunk-1) && l.fits(l.unit*l.dims[l.chunk]) {
			l.unit *= l.dims[l.chunk]
			l.chunk--
		}
		l.per = min(l.dims[l.chunk], max(1, tileSize/l.unit))
		if l.p.Block > 0 && l.chunk == last {
			l.per = min(l.per, l.dims[last])
		}
	}
	l.units = product(l.dims[:l.chunk+1])
	for i := range l.in {
		in := &l.in[i]
		in.scalar = l.constant(in.Strides)
		in.direct = !in.scalar && in.Type == f32 && l.contiguous(in.Strides)
	}
	for i := range l.out {
		o := &l.out[i]
		o.single = o.Reduce == 0 && l.p.Row > 0 && l.constant(o.Strides)
		o.whole = o.Reduce == 0 && !o.single && l.contiguous(o.Strides)
		if o.Reduce != 0 {
			o.first, o.run = l.innermost(o)
			o.fold, o.join = table[o.Reduce].reduce, o.Reduce.accumulate()
		}
	}
}

// fits reports whether units of n elements can be counted in blocks.
func (l *Loop) fits(n int) bool { return l.p.Block == 0 || l.p.Block%n == 0 }

// joins reports whether dimension i may be in one tile with those after it: no tensor that is
// dense after i has a gap there.
func (l *Loop) joins(i int) bool {
	span := product(l.dims[i+1:])
	dense := func(s []int) bool {
		n := 1
		for k := len(l.dims) - 1; k > i; k-- {
			if s[k] != n {
				return false
			}
			n *= l.dims[k]
		}
		return true
	}
	for _, in := range l.in {
		if dense(in.Strides) && in.Strides[i] != 0 && in.Strides[i] != span {
			return false
		}
	}
	for _, out := range l.out {
		if out.Reduce == 0 && dense(out.Strides) && out.Strides[i] != span {
			return false
		}
	}
	return true
}

// constant reports whether a tensor of the given strides does not vary within a tile.
func (l *Loop) constant(strides []int) bool {
	for i := l.chunk; i < len(l.dims); i++ {
		if strides[i] != 0 && !(i == l.chunk && l.per == 1) {
			return false
		}
	}
	return true
}

// contiguous reports whether a tensor of the given strides is dense within a tile.
func (l *Loop) contiguous(strides []int) bool {
	n := 1
	for i := len(l.dims) - 1; i >= l.chunk; i-- {
		if strides[i] != n && !(i == l.chunk && l.per == 1) {
			return false
		}
		n *= l.dims[i]
	}
	return true
}
