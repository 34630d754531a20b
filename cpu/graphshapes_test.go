package cpu_test

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

func (b *builder) reshape() *val {
	x := b.pickFloat(0)
	if x == nil {
		return nil
	}
	rest, dims := x.Shape().Size(), []int(nil)
	for rest > 1 && len(dims) < 4 {
		d := 1 + b.IntN(rest)
		for rest%d != 0 {
			d--
		}
		dims = append(dims, d)
		rest /= d
	}
	if rest > 1 || b.IntN(4) == 0 {
		dims = append(dims, rest)
	}
	b.Shuffle(len(dims), func(i, j int) { dims[i], dims[j] = dims[j], dims[i] })
	return &val{Node: Reshape(x.Node, dims...), bound: x.bound, whole: x.whole}
}

func (b *builder) transpose() *val {
	x := b.pickFloat(2)
	if x == nil {
		return nil
	}
	perm := b.Perm(x.Rank())
	return &val{Node: TransposeAllAxes(x.Node, perm...), bound: x.bound, whole: x.whole,
		text: fmt.Sprint("Transpose ", perm)}
}

func (b *builder) slice() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	spec := make([]SliceAxisSpec, x.Rank())
	text := "Slice"
	for i, d := range x.Shape().Dimensions {
		start := b.IntN(d)
		limit := start + 1 + b.IntN(d-start)
		stride := 1 + b.IntN(2)*b.IntN(3)
		if b.IntN(2) == 0 {
			start, limit, stride = 0, d, 1
		}
		spec[i] = AxisRange(start, limit).Stride(stride)
		text += fmt.Sprintf(" %d:%d:%d", start, limit, stride)
	}
	return &val{Node: Slice(x.Node, spec...), bound: x.bound, whole: x.whole, text: text}
}

// axes returns some axes of a value of the given rank, at least one.
func (b *builder) axes(rank int) []int {
	axes := b.Perm(rank)[:1+b.IntN(rank)]
	slices.Sort(axes)
	return axes
}

func (b *builder) reverse() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	axes := b.axes(x.Rank())
	return &val{Node: Reverse(x.Node, axes...), bound: x.bound, whole: x.whole, text: fmt.Sprint("Reverse ", axes)}
}

func (b *builder) pad() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	pads := make([]compute.PadAxis, x.Rank())
	for i := range pads {
		if b.IntN(2) == 0 {
			pads[i] = compute.PadAxis{Start: b.IntN(3), End: b.IntN(3), Interior: b.IntN(3) * b.IntN(2)}
		}
	}
	fill := float64(b.IntN(2))
	return &val{Node: Pad(x.Node, ConstAs(x.Node, fill), pads...), bound: max(1, x.bound), whole: x.whole,
		text: fmt.Sprint("Pad ", pads, fill)}
}

func (b *builder) concatenate() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	axis := b.IntN(x.Rank())
	parts, bound, whole := []*Node{x.Node}, x.bound, x.whole
	for range 1 + b.IntN(2) {
		y := b.pick(func(y *val) bool {
			if y.DType() != x.DType() || y.Rank() != x.Rank() {
				return false
			}
			for i, d := range y.Shape().Dimensions {
				if i != axis && d != x.Shape().Dimensions[i] {
					return false
				}
			}
			return true
		})
		if y == nil {
			y = x
		}
		parts, bound, whole = append(parts, y.Node), max(bound, y.bound), whole && y.whole
	}
	b.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return &val{Node: Concatenate(parts, axis), bound: bound, whole: whole, text: fmt.Sprint("Concatenate ", axis)}
}

func (b *builder) broadcast() *val {
	x := b.pickFloat(0)
	if x == nil {
		return nil
	}
	dims := slices.Clone(x.Shape().Dimensions)
	for i, d := range dims {
		if d == 1 {
			dims[i] = 1 + b.IntN(b.dim)
		}
	}
	n := x.Node
	if b.IntN(2) == 0 {
		at := b.IntN(x.Rank() + 1)
		n = InsertAxes(n, at)
		dims = slices.Insert(dims, at, 1+b.IntN(4))
	}
	if slices.Equal(dims, x.Shape().Dimensions) || shapes.Make(dtypes.Float32, dims...).Size() > b.limit {
		return nil
	}
	return &val{Node: BroadcastToDims(n, dims...), bound: x.bound, whole: x.whole}
}

// upsample repeats every element along two axes.
func (b *builder) upsample() *val {
	x := b.pickFloat(3)
	if x == nil || 4*x.Shape().Size() > b.limit || x.Rank() > 4 {
		return nil
	}
	d := x.Shape().Dimensions
	y := Reshape(x.Node, slices.Concat([]int{d[0], d[1], 1, d[2], 1}, d[3:])...)
	y = BroadcastToDims(y, slices.Concat([]int{d[0], d[1], 2, d[2], 2}, d[3:])...)
	return &val{Node: Reshape(y, slices.Concat([]int{d[0], 2 * d[1], 2 * d[2]}, d[3:])...), bound: x.bound,
		whole: x.whole}
}

func (b *builder) reduce() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	axes, n := b.axes(x.Rank()), 1.
	for _, a := range axes {
		n *= float64(x.Shape().Dimensions[a])
	}
	v := &val{bound: x.bound, whole: x.whole}
	f := ReduceSum
	switch b.IntN(8) {
	case 0, 1, 2:
		v.text, v.bound = "ReduceSum", n*x.bound
	case 3, 4:
		v.text, f, v.whole = "ReduceMean", ReduceMean, false
	case 5:
		v.text, f = "ReduceMax", ReduceMax
		b.guardSecond(x, axes, 1)
	case 6:
		v.text, f = "ReduceMin", ReduceMin
		b.guardSecond(x, axes, -1)
	case 7:
		if n > 8 {
			return nil
		}
		v.text, f, v.bound = "ReduceMultiply", ReduceMultiply, math.Pow(max(1, x.bound), n)
		if v.bound > 1<<20 {
			return nil
		}
	}
	if b.IntN(2) == 0 {
		v.text += " and keep"
		v.Node = ReduceAndKeep(x.Node, f, axes...)
	} else {
		v.Node = f(x.Node, axes...)
	}
	v.text += fmt.Sprint(" ", axes)
	return v
}

// guardSecond guards the difference between the largest elements and the next ones.
func (b *builder) guardSecond(x *val, axes []int, sign float64) {
	if b.float != dtypes.Float64 || x.whole {
		return
	}
	y := MulScalar(x.Node, sign)
	most := ReduceAndKeep(y, ReduceMax, axes...)
	below := Sub(y, most)
	b.guard(below, false)
}

// centre takes the mean away, or scales by a sum.
func (b *builder) centre() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	axes := b.axes(x.Rank())
	if b.IntN(2) == 0 {
		return &val{Node: Sub(x.Node, ReduceAndKeep(x.Node, ReduceMean, axes...)), bound: 2 * x.bound,
			text: fmt.Sprint("x - mean ", axes)}
	}
	return &val{Node: Div(x.Node, OnePlus(ReduceAndKeep(Square(x.Node), ReduceSum, axes...))), bound: 1,
		text: fmt.Sprint("x/(1+Σx²) ", axes)}
}

func (b *builder) argMax() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	axis := b.IntN(x.Rank())
	b.guardSecond(x, []int{axis}, 1)
	return &val{Node: ArgMax(x.Node, axis), bound: float64(x.Shape().Dimensions[axis]), whole: true,
		text: fmt.Sprint("ArgMax ", axis)}
}

func (b *builder) cumSum() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	axis := b.IntN(x.Rank())
	return &val{Node: CumSum(x.Node, axis), bound: x.bound * float64(x.Shape().Dimensions[axis]), whole: x.whole,
		text: fmt.Sprint("CumSum ", axis)}
}

func (b *builder) gather() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	n := b.dims(b.IntN(2))
	at := b.freshOf(given{dtype: dtypes.Int32, dims: append(n, 1), among: x.Shape().Dimensions[0]})
	b.addInput(at)
	return &val{Node: Gather(x.Node, at.Node), bound: x.bound, whole: x.whole}
}

func (b *builder) scatter() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	n := 1 + b.IntN(9)
	at := b.freshOf(given{dtype: dtypes.Int32, dims: []int{n, 1}, among: x.Shape().Dimensions[0]})
	b.addInput(at)
	updates := b.fresh(slices.Concat([]int{n}, x.Shape().Dimensions[1:]), x.whole)
	b.addInput(updates)
	return &val{Node: ScatterSum(x.Node, at.Node, updates.Node, false, false), bound: x.bound + 4*float64(n),
		whole: x.whole}
}

func (b *builder) dynamicSlice() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	var starts []*Node
	dims := make([]int, x.Rank())
	for i, d := range x.Shape().Dimensions {
		dims[i] = 1 + b.IntN(d)
		at := b.freshOf(given{dtype: dtypes.Int32, among: d + 2}) // some are too far, and moved back
		b.addInput(at)
		starts = append(starts, at.Node)
	}
	update := b.IntN(2) == 0
	v := &val{bound: x.bound + 1, whole: x.whole, text: fmt.Sprint("DynamicSlice ", dims)}
	if update {
		v.text = fmt.Sprint("DynamicUpdateSlice ", dims)
	}
	if b.portable { // has neither
		v.Node = b.window(x.Node, starts, dims, update)
		return v
	}
	if v.Node = DynamicSlice(x.Node, starts, dims); update {
		v.Node = DynamicUpdateSlice(x.Node, OnePlus(v.Node), starts)
	}
	return v
}

// window is a part of x, or x with one added to that part.
func (b *builder) window(x *Node, starts []*Node, dims []int, update bool) *Node {
	for i, d := range x.Shape().Dimensions {
		starts[i] = Min(starts[i], Const(b.g, int32(d-dims[i])))
	}
	if !update { // by products with one-hot matrices, the first axis each time, which comes out last
		for i, d := range x.Shape().Dimensions {
			from, to := shapes.Make(dtypes.Int32, d, dims[i]), starts[i]
			hot := ConvertDType(Equal(Iota(b.g, from, 0), Add(Iota(b.g, from, 1), to)), b.float)
			x = DotGeneral(x, []int{0}, nil, hot, []int{0}, nil)
		}
		return x
	}
	y := OnePlus(x)
	for i, d := range dims {
		at := Iota(b.g, shapes.Make(dtypes.Int32, x.Shape().Dimensions...), i)
		y = Where(LogicalAnd(GreaterOrEqual(at, starts[i]), LessThan(at, AddScalar(starts[i], d))), y, x)
	}
	return y
}
