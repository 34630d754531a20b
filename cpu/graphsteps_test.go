package cpu_test

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/nn"
)

// maker adds one value to a graph, or returns nil if it finds nothing to start from.
type maker struct {
	name   string
	weight int
	make   func(b *builder) *val
}

var makers = []maker{
	{"Neg", 1, unary(Neg, same, true)},
	{"Abs", 1, (*builder).abs},
	{"Square", 2, unary(Square, func(x float64) float64 { return x * x }, true)},
	{"Exp∘Tanh", 1, unary(func(x *Node) *Node { return Exp(Tanh(x)) }, to(3), false)},
	{"Expm1∘Tanh", 1, unary(func(x *Node) *Node { return Expm1(Tanh(x)) }, to(2), false)},
	{"Log1p∘Square", 1, unary(func(x *Node) *Node { return Log1p(Square(x)) }, same2, false)},
	{"Log(1+x²)", 1, unary(func(x *Node) *Node { return Log(OnePlus(Square(x))) }, same2, false)},
	{"Sqrt(1+x²)", 1, unary(func(x *Node) *Node { return Sqrt(OnePlus(Square(x))) },
		func(x float64) float64 { return x + 1 }, false)},
	{"Rsqrt(1+x²)", 1, unary(func(x *Node) *Node { return Rsqrt(OnePlus(Square(x))) }, to(1), false)},
	{"1/(1+x²)", 1, unary(func(x *Node) *Node { return Reciprocal(OnePlus(Square(x))) }, to(1), false)},
	{"Tanh", 1, unary(Tanh, to(1), false)},
	{"Logistic", 1, unary(Logistic, to(1), false)},
	{"Erf", 1, unary(Erf, to(1), false)},
	{"Sin", 1, unary(Sin, to(1), false)},
	{"Cos", 1, unary(Cos, to(1), false)},
	{"Softplus", 1, unary(func(x *Node) *Node { return Log1p(Exp(Neg(Square(x)))) }, to(1), false)},
	{"activation", 4, (*builder).activation},
	{"scale", 2, (*builder).scale},
	{"binary", 14, (*builder).binary},
	{"Where", 3, (*builder).where},
	{"bools", 1, (*builder).bools},
	{"Clip", 1, (*builder).clip},
	{"convert", 2, (*builder).convert},
	{"ints", 1, (*builder).ints},
	{"round", 1, (*builder).round},
	{"Reshape", 3, (*builder).reshape},
	{"Transpose", 3, (*builder).transpose},
	{"Slice", 2, (*builder).slice},
	{"Reverse", 1, (*builder).reverse},
	{"Pad", 2, (*builder).pad},
	{"Concatenate", 2, (*builder).concatenate},
	{"Broadcast", 2, (*builder).broadcast},
	{"upsample", 1, (*builder).upsample},
	{"reduce", 5, (*builder).reduce},
	{"centre", 2, (*builder).centre},
	{"ArgMax", 1, (*builder).argMax},
	{"CumSum", 1, (*builder).cumSum},
	{"LayerNorm", 3, (*builder).layerNorm},
	{"GroupNorm", 2, (*builder).groupNorm},
	{"BatchNorm", 2, (*builder).batchNorm},
	{"RMSNorm", 1, (*builder).rmsNorm},
	{"Softmax", 3, (*builder).softmax},
	{"Dense", 4, (*builder).dense},
	{"DotGeneral", 4, (*builder).dot},
	{"x·xᵀ", 1, (*builder).gram},
	{"Conv", 7, (*builder).conv},
	{"Pool", 3, (*builder).pool},
	{"Attention", 2, (*builder).attention},
	{"Gather", 1, (*builder).gather},
	{"Scatter", 1, (*builder).scatter},
	{"DynamicSlice", 1, (*builder).dynamicSlice},
	{"residual", 3, (*builder).residual},
	{"modulate", 2, (*builder).modulate},
}

func product(dims []int) int { return shapes.Make(dtypes.Float32, dims...).Size() }

func same(x float64) float64  { return x }
func same2(x float64) float64 { return math.Log1p(x*x) + 1 }
func to(most float64) func(float64) float64 {
	return func(float64) float64 { return most }
}

func unary(f func(*Node) *Node, bound func(float64) float64, whole bool) func(*builder) *val {
	return func(b *builder) *val {
		x := b.pickFloat(0)
		if x == nil {
			return nil
		}
		return &val{Node: f(x.Node), bound: bound(x.bound), whole: x.whole && whole}
	}
}

func (b *builder) abs() *val {
	x := b.pickFloat(0)
	if x == nil {
		return nil
	}
	b.guard(x.Node, x.whole)
	return &val{Node: Abs(x.Node), bound: x.bound, whole: x.whole}
}

func (b *builder) activation() *val {
	x := b.pickFloat(0)
	if x == nil {
		return nil
	}
	kinds := []activation.Type{activation.TypeRelu, activation.TypeGelu, activation.TypeGeluApprox,
		activation.TypeSwish, activation.TypeLeakyRelu,
		activation.TypeHardSwish}
	kind := kinds[b.IntN(len(kinds))]
	switch kind {
	case activation.TypeRelu, activation.TypeLeakyRelu:
		b.guard(x.Node, x.whole)
	case activation.TypeHardSwish:
		b.guard(Sub(Abs(x.Node), ConstAs(x.Node, 3)), x.whole)
	}
	return &val{Node: activation.Apply(kind, x.Node), bound: x.bound, whole: x.whole && kind == activation.TypeRelu,
		text: kind.String()}
}

func (b *builder) scale() *val {
	x := b.pickFloat(0)
	if x == nil {
		return nil
	}
	if k := b.IntN(5) - 2; b.IntN(2) == 0 {
		return &val{Node: AddScalar(x.Node, k), bound: x.bound + math.Abs(float64(k)), whole: x.whole,
			text: fmt.Sprintf("%+d", k)}
	}
	k := float64(float32(b.Float64()*2 - 1))
	return &val{Node: MulScalar(x.Node, k), bound: x.bound * math.Abs(k), text: fmt.Sprintf("·%g", k)}
}

// combine applies one of the binary operations.
func (b *builder) combine(x, y *val) *val {
	v := &val{whole: x.whole && y.whole}
	swapped := b.IntN(2) == 0
	if swapped {
		x, y = y, x
	}
	switch b.IntN(12) {
	case 0, 1, 2:
		v.Node, v.bound, v.text = Add(x.Node, y.Node), x.bound+y.bound, "Add"
	case 3, 4:
		v.Node, v.bound, v.text = Sub(x.Node, y.Node), x.bound+y.bound, "Sub"
	case 5, 6, 7:
		v.Node, v.bound, v.text = Mul(x.Node, y.Node), x.bound*y.bound, "Mul"
	case 8:
		b.guard(Sub(x.Node, y.Node), v.whole)
		v.Node, v.bound, v.text = Max(x.Node, y.Node), max(x.bound, y.bound), "Max"
	case 9:
		b.guard(Sub(x.Node, y.Node), v.whole)
		v.Node, v.bound, v.text = Min(x.Node, y.Node), max(x.bound, y.bound), "Min"
	case 10:
		v.Node, v.bound, v.text, v.whole = Div(x.Node, OnePlus(Square(y.Node))), x.bound, "x/(1+y²)", false
	case 11:
		v.Node, v.bound, v.text, v.whole = Pow(OnePlus(Square(Tanh(x.Node))), Tanh(y.Node)), 2, "(1+tanh²x)^tanh y",
			false
	}
	if swapped {
		v.text += " swapped"
	}
	return v
}

func (b *builder) binary() *val {
	x := b.pickFloat(0)
	if x == nil {
		return nil
	}
	return b.combine(x, b.partner(x))
}

// condition compares two values; it is as large as x and y together.
func (b *builder) condition(x, y *val) (c *Node, text string) {
	b.guard(Sub(x.Node, y.Node), x.whole && y.whole)
	compare := []func(x, y *Node) *Node{LessThan, LessOrEqual, GreaterThan, GreaterOrEqual, Equal, NotEqual}
	k := b.IntN(len(compare))
	return compare[k](x.Node, y.Node), []string{"<", "≤", ">", "≥", "=", "≠"}[k]
}

func (b *builder) bools() *val {
	if b.IntN(2) == 0 {
		x := b.pickFloat(0)
		if x == nil {
			return nil
		}
		c, text := b.condition(x, b.partner(x))
		return &val{Node: c, text: text, bound: 1, whole: true}
	}
	isBool := func(v *val) bool { return v.DType() == dtypes.Bool }
	x := b.pick(isBool)
	if x == nil {
		return nil
	}
	y := x.like(b)
	f := []func(x, y *Node) *Node{LogicalAnd, LogicalOr, LogicalXor,
		func(x, y *Node) *Node { return LogicalNot(x) }}[b.IntN(4)]
	return &val{Node: f(x.Node, y.Node), bound: 1, whole: true, text: "logic"}
}

func (b *builder) where() *val {
	x := b.pickFloat(0)
	if x == nil {
		return nil
	}
	var c *Node
	text := "mask"
	if mask := b.pick(func(v *val) bool {
		return v.DType() == dtypes.Bool && slices.Equal(v.Shape().Dimensions, x.Shape().Dimensions)
	}); mask != nil {
		c = mask.Node
	} else {
		c, text = b.condition(x, x.like(b))
	}
	y := x.like(b)
	if b.IntN(4) == 0 {
		y = &val{Node: ScalarZero(b.g, b.float), whole: true}
	}
	if b.IntN(2) == 0 {
		x, y = y, x
	}
	return &val{Node: Where(c, x.Node, y.Node), bound: max(x.bound, y.bound), whole: x.whole && y.whole,
		text: "Where " + text}
}

// like returns a value of x's shape.
func (x *val) like(b *builder) *val {
	if y := b.pick(func(y *val) bool { return y.Shape().Equal(x.Shape()) }); y != nil {
		return y
	}
	if x.DType() != b.float {
		return x
	}
	y := b.fresh(x.Shape().Dimensions, x.whole)
	b.addInput(y)
	return y
}

func (b *builder) clip() *val {
	x := b.pickFloat(0)
	if x == nil {
		return nil
	}
	low := float64(-b.IntN(3))
	b.guard(Sub(x.Node, ConstAs(x.Node, low)), x.whole)
	b.guard(Sub(x.Node, ConstAs(x.Node, 1)), x.whole)
	if b.IntN(2) == 0 {
		return &val{Node: ClipScalar(x.Node, low, 1), bound: 2, whole: x.whole,
			text: fmt.Sprintf("ClipScalar %g…1", low)}
	}
	return &val{Node: Clamp(ConstAs(x.Node, low), x.Node, ConstAs(x.Node, 1)), bound: 2, whole: x.whole,
		text: fmt.Sprintf("Clamp %g…1", low)}
}

// convert goes to another type, for whole numbers only, so that nothing is rounded, and back.
func (b *builder) convert() *val {
	x := b.pick(func(v *val) bool {
		return v.DType() == dtypes.Bool || v.DType() == b.float && v.whole && v.bound <= 120 || v.DType().IsInt()
	})
	if x == nil {
		return nil
	}
	if x.DType() != b.float {
		return &val{Node: ConvertDType(x.Node, b.float), bound: x.bound, whole: true, text: "to float"}
	}
	types := []dtypes.DType{dtypes.Float16, dtypes.BFloat16, dtypes.Bool, dtypes.Int8, dtypes.Int32, dtypes.Int64}
	to := types[b.IntN(len(types))]
	n := ConvertDType(x.Node, to)
	switch to {
	case dtypes.Int32, dtypes.Int64, dtypes.Bool:
		if b.IntN(2) == 0 {
			return &val{Node: n, bound: x.bound, whole: true, text: "to " + to.String()}
		}
	case dtypes.Float16, dtypes.BFloat16:
		if x.bound < 10 {
			if b.IntN(2) == 0 {
				n = Mul(n, n)
			} else {
				n = Add(Neg(n), n)
			}
			x = &val{bound: x.bound * x.bound}
		}
	}
	return &val{Node: ConvertDType(n, b.float), bound: x.bound, whole: true, text: "to " + to.String() + " and back"}
}

func (b *builder) ints() *val {
	isInt := func(v *val) bool { return v.DType().IsInt() && v.bound < 1000 }
	x := b.pick(isInt)
	if x == nil {
		return nil
	}
	y := x.like(b)
	switch b.IntN(4) {
	case 0:
		return &val{Node: Add(x.Node, y.Node), bound: x.bound + y.bound, whole: true, text: "Add"}
	case 1:
		return &val{Node: Mul(x.Node, y.Node), bound: x.bound * y.bound, whole: true, text: "Mul"}
	case 2:
		return &val{Node: Max(Neg(x.Node), y.Node), bound: max(x.bound, y.bound), whole: true, text: "Max(-x, y)"}
	}
	return &val{Node: ReduceAllSum(x.Node), bound: x.bound * float64(x.Shape().Size()), whole: true, text: "sum"}
}

func (b *builder) round() *val {
	x := b.pickFloat(0)
	if x == nil {
		return nil
	}
	y := MulScalar(x.Node, 0.375) // of whole numbers exact, and never half way
	away := Sub(y, Round(y))
	b.guard(away, x.whole)
	b.guard(Sub(Abs(away), ConstAs(away, 0.5)), x.whole)
	f := []func(*Node) *Node{Floor, Ceil, Round, Sign}[b.IntN(4)]
	return &val{Node: f(y), bound: x.bound + 1, whole: true}
}

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

var epsilons = []float64{1e-5, 1e-3, 0.1}

func (b *builder) layerNorm() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	axes := b.axes(x.Rank())
	var gamma, beta *Node
	bound := 1.
	for _, a := range axes {
		bound *= float64(x.Shape().Dimensions[a])
	}
	if bound < 3 {
		return nil // a variance of nothing but roundings
	}
	bound = math.Sqrt(bound)
	if len(axes) == 1 || axes[0] == x.Rank()-len(axes) {
		axes = axes[len(axes)-1:]
		axes[0] = x.Rank() - 1
	}
	if b.IntN(2) == 0 && axes[0] == x.Rank()-1 {
		gamma, beta = b.weight(x.Shape().Dimensions[axes[0]]).Node, b.weight(x.Shape().Dimensions[axes[0]]).Node
		bound = 2*bound + 2
	}
	n := 1
	for _, a := range axes {
		n *= x.Shape().Dimensions[a]
	}
	if n < 3 {
		return nil
	}
	b.guardVariance(x, axes)
	return &val{Node: nn.LayerNorm(x.Node, axes, epsilons[b.IntN(3)], gamma, beta, nil), bound: bound,
		text: fmt.Sprint("LayerNorm ", axes, gamma != nil)}
}

// guardVariance guards against a variance of nothing but roundings.
func (b *builder) guardVariance(x *val, axes []int) {
	if b.float == dtypes.Float64 {
		b.guards = append(b.guards, ReduceAllMin(StopGradient(ReduceVariance(x.Node, axes...))))
	}
}

// image returns a value of rank 4, [batch, height, width, channels].
func (b *builder) image() *val {
	if x := b.pick(func(v *val) bool { return v.DType() == b.float && v.Rank() == 4 }); x != nil && b.IntN(4) > 0 {
		return x
	}
	side := 9
	if b.limit > 10_000 {
		side = 20
	}
	x := b.fresh([]int{1 + b.IntN(3), 1 + b.IntN(side), 1 + b.IntN(side), 1 + b.IntN(8)}, b.IntN(4) == 0)
	b.addInput(x)
	return x
}

func (b *builder) groupNorm() *val {
	x := b.image()
	d := x.Shape().Dimensions
	groups := 1 + b.IntN(d[3])
	for d[3]%groups != 0 {
		groups--
	}
	n := d[1] * d[2] * d[3] / groups
	if n < 3 {
		return nil
	}
	g := nn.LayerNorm(Reshape(x.Node, d[0], d[1], d[2], groups, d[3]/groups), []int{1, 2, 4}, epsilons[b.IntN(3)], nil,
		nil, nil)
	y := Reshape(g, d...)
	y = Add(Mul(y, Reshape(b.weight(d[3]).Node, 1, 1, 1, d[3])), Reshape(b.weight(d[3]).Node, 1, 1, 1, d[3]))
	if b.IntN(2) == 0 {
		y = Mul(y, Sigmoid(y))
	}
	return &val{Node: y, bound: 2*math.Sqrt(float64(n)) + 2, text: fmt.Sprint("GroupNorm of ", groups)}
}

// batchNorm is by moments over the batch too, or over the image only.
func (b *builder) batchNorm() *val {
	x := b.image()
	d := x.Shape().Dimensions
	axes, text := []int{0, 1, 2}, "BatchNorm"
	if b.IntN(2) == 0 {
		axes, text = axes[1:], "InstanceNorm"
	}
	n := 1
	for _, a := range axes {
		n *= d[a]
	}
	if n < 3 {
		return nil
	}
	b.guardVariance(x, axes)
	mean := ReduceAndKeep(x.Node, ReduceMean, axes...)
	centred := Sub(x.Node, mean)
	variance := ReduceAndKeep(Square(centred), ReduceMean, axes...)
	y := Div(centred, Sqrt(AddScalar(variance, epsilons[b.IntN(3)])))
	if b.IntN(4) == 0 { // the graph library has no gradient of it
		y = Mul(centred, Rsqrt(AddScalar(variance, 1e-3)))
	}
	y = Add(Mul(y, Reshape(b.weight(d[3]).Node, 1, 1, 1, d[3])), Reshape(b.weight(d[3]).Node, 1, 1, 1, d[3]))
	return &val{Node: y, bound: 2*math.Sqrt(float64(n)) + 2, text: text}
}

func (b *builder) rmsNorm() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	y := Div(x.Node, Sqrt(AddScalar(ReduceAndKeep(Square(x.Node), ReduceMean, -1), 0.1)))
	return &val{Node: y, bound: math.Sqrt(float64(x.Shape().Dim(-1)))}
}

func (b *builder) softmax() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	if b.IntN(3) == 0 && x.bound < 100 {
		return &val{Node: LogSoftmax(x.Node), bound: 2*x.bound + 10, text: "LogSoftmax"}
	}
	axes := []int{b.IntN(x.Rank())}
	if b.IntN(3) == 0 {
		axes = b.axes(x.Rank())
	}
	return &val{Node: Softmax(x.Node, axes...), bound: 1, text: fmt.Sprint("Softmax ", axes)}
}

func (b *builder) dense() *val {
	x := b.pickFloat(2)
	if x == nil {
		return nil
	}
	in, out := x.Shape().Dim(-1), 1+b.IntN(b.dim+10)
	if x.Shape().Size()/in*out > b.limit || in*out > b.limit {
		return nil
	}
	layout, dims := compute.DenseLayoutInputOutputs, []int{in, out}
	if b.IntN(2) == 0 {
		layout, dims = compute.DenseLayoutOutputsInput, []int{out, in}
	}
	w := b.weight(dims...)
	var bias *Node
	if b.IntN(3) > 0 {
		bias = b.weight(out).Node
	}
	acts := []activation.Type{activation.TypeNone, activation.TypeNone, activation.TypeGelu, activation.TypeSwish,
		activation.TypeTanh}
	act := acts[b.IntN(len(acts))]
	return &val{Node: nn.Dense(x.Node, w.Node, bias, layout, act), bound: 2*x.bound*float64(in) + 2,
		text: fmt.Sprint("Dense ", layout, act, bias != nil)}
}

// dot contracts and batches random axes of x with a weight, or another value, whose axes come in any order.
func (b *builder) dot() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	perm := b.Perm(x.Rank())
	contract := perm[:b.IntN(min(2, x.Rank())+1)]
	batch := perm[len(contract) : len(contract)+b.IntN(x.Rank()-len(contract)+1)]
	kinds := slices.Concat(contract, batch)
	var dims []int
	for _, a := range kinds {
		dims = append(dims, x.Shape().Dimensions[a])
	}
	size := x.Shape().Size()
	for range b.IntN(3) {
		dims = append(dims, 1+b.IntN(b.dim))
	}
	bound := 2 * x.bound
	for i, d := range dims {
		if i < len(contract) {
			size /= d
			bound *= float64(d)
		}
		if i >= len(kinds) {
			size *= d
		}
	}
	if size > b.limit || product(dims) > b.limit {
		return nil
	}
	order := b.Perm(len(dims)) // axis i of y is dims[order[i]]
	place := make([]int, len(dims))
	ydims := make([]int, len(dims))
	for i, o := range order {
		ydims[i], place[o] = dims[o], i
	}
	y := b.fresh(ydims, x.whole)
	b.addInput(y)
	ycontract, ybatch := place[:len(contract)], place[len(contract):len(kinds)]
	v := &val{bound: bound * 2, whole: x.whole, text: fmt.Sprint("DotGeneral ", contract, batch, ycontract, ybatch)}
	if b.IntN(2) == 0 {
		v.Node = DotGeneral(x.Node, contract, batch, y.Node, ycontract, ybatch)
	} else {
		v.Node, v.text = DotGeneral(y.Node, ycontract, ybatch, x.Node, contract, batch), v.text+" swapped"
	}
	return v
}

// gram multiplies a value with itself, transposed.
func (b *builder) gram() *val {
	x := b.pickFloat(2)
	if x == nil || x.Rank() > 3 {
		return nil
	}
	d := x.Shape().Dimensions
	rank := len(d)
	if x.Shape().Size()/d[rank-1]*d[rank-2] > b.limit {
		return nil
	}
	batch := []int{0}[:rank-2]
	y := DotGeneral(x.Node, []int{rank - 1}, batch, x.Node, []int{rank - 1}, batch)
	return &val{Node: y, bound: x.bound * x.bound * float64(d[rank-1]), whole: x.whole}
}

// conv convolves over one or two dimensions, with axes in any order, and perhaps a bias and an activation.
func (b *builder) conv() *val {
	x := b.pick(func(v *val) bool { return v.DType() == b.float && v.Rank() >= 3 && v.Rank() <= 4 })
	if x == nil || b.IntN(4) == 0 {
		x = b.image()
	}
	spatial := x.Rank() - 2
	inAxes, kerAxes, outAxes := b.Perm(x.Rank()), b.Perm(x.Rank()), b.Perm(x.Rank())
	if b.IntN(3) > 0 { // channels last
		inAxes, outAxes = []int{0, 3, 1, 2}[:x.Rank()], []int{0, 3, 1, 2}[:x.Rank()]
		kerAxes = []int{2, 3, 0, 1}
		if spatial == 1 {
			inAxes, outAxes, kerAxes = []int{0, 2, 1}, []int{0, 2, 1}, []int{1, 2, 0}
		}
	}
	c := compute.ConvolveAxesConfig{InputBatch: inAxes[0], InputChannels: inAxes[1], InputSpatial: inAxes[2:],
		KernelInputChannels:  kerAxes[0],
		KernelOutputChannels: kerAxes[1], KernelSpatial: kerAxes[2:], OutputBatch: outAxes[0],
		OutputChannels: outAxes[1], OutputSpatial: outAxes[2:]}
	d := x.Shape().Dimensions
	in, out, groups, batches := d[c.InputChannels], 1+b.IntN(10), 1, 1
	switch b.IntN(6) {
	case 0:
		groups = 1 + b.IntN(in)
		for in%groups != 0 {
			groups--
		}
		out = groups * (1 + b.IntN(3))
	case 1:
		batches = 1 + b.IntN(d[c.InputBatch])
		for d[c.InputBatch]%batches != 0 {
			batches--
		}
		out = batches * (1 + b.IntN(3))
	}
	strides, pads := make([]int, spatial), make([][2]int, spatial)
	inDil, kerDil := make([]int, spatial), make([]int, spatial)
	kernel := make([]int, x.Rank())
	kernel[c.KernelInputChannels], kernel[c.KernelOutputChannels] = in/groups, out
	odd := b.IntN(3) == 0
	size := []int{1, 3, 3, 3, 3, 2, 5, 7}[b.IntN(8)]
	count := in / groups
	for i := range spatial {
		k := size
		strides[i], inDil[i], kerDil[i] = 1, 1, 1
		pads[i] = [2]int{k / 2, k / 2}
		if odd {
			k = 1 + b.IntN(4)
			strides[i], pads[i] = 1+b.IntN(3), [2]int{b.IntN(3), b.IntN(3)}
			inDil[i], kerDil[i] = 1+b.IntN(2)*b.IntN(2), 1+b.IntN(2)*b.IntN(2)
		}
		if padded := (d[c.InputSpatial[i]]-1)*inDil[i] + 1 + pads[i][0] + pads[i][1]; padded < (k-1)*kerDil[i]+1 {
			return nil
		}
		kernel[c.KernelSpatial[i]] = k
		count *= k
	}
	if !odd && b.IntN(3) == 0 {
		for i := range spatial {
			strides[i] = 2
		}
	}
	if product(kernel) > b.limit {
		return nil
	}
	w := b.weight(kernel...)
	y := b.convolve(batches, x.Node, w.Node, c, func(x, w *Node, batches int) *Node {
		return ConvGeneral(x, w, c, strides, pads, inDil, kerDil, groups, batches)
	})
	v := &val{bound: 2 * x.bound * float64(count),
		text: fmt.Sprintf("Conv kernel %v, in %v, ker %v, out %v, strides %v, pads %v, dilations %v %v, groups %d %d",
			kernel, inAxes, kerAxes, outAxes, strides, pads, inDil, kerDil, groups, batches)}
	if b.IntN(2) == 0 {
		dims := slices.Repeat([]int{1}, x.Rank())
		dims[c.OutputChannels] = out
		y = Add(y, Reshape(b.weight(out).Node, dims...))
		v.bound += 2
		v.text += " +bias"
		if b.IntN(2) == 0 {
			y = Mul(y, Sigmoid(y))
			v.text += " silu"
		}
	}
	v.Node = y
	return v
}

// convolve convolves groups of the batch; the portable backend, which takes the wrong ones, one by one.
func (b *builder) convolve(batches int, x, w *Node, c compute.ConvolveAxesConfig,
	conv func(x, w *Node, batches int) *Node) *Node {
	if batches == 1 || !b.portable {
		return conv(x, w, batches)
	}
	var parts []*Node
	xs, ws := Split(x, c.InputBatch, batches), Split(w, c.KernelOutputChannels, batches)
	for i := range batches {
		parts = append(parts, conv(xs[i], ws[i], 1))
	}
	return Concatenate(parts, c.OutputChannels)
}

func (b *builder) pool() *val {
	x := b.image()
	d := x.Shape().Dimensions
	window := []int{1 + b.IntN(min(3, d[1])), 1 + b.IntN(min(3, d[2]))}
	strides := []int{1 + b.IntN(3), 1 + b.IntN(3)}
	kinds := []func(*Node) *PoolBuilder{MaxPool, MeanPool, SumPool, MinPool}
	kind := b.IntN(4)
	if kind%3 == 0 {
		b.guardWindow(x, window)
	}
	if kind%3 != 0 { // the gradient of the portable backend is wrong where windows leave gaps
		strides = []int{min(strides[0], window[0]), min(strides[1], window[1])}
	}
	p := kinds[kind](x.Node).WindowPerAxis(window...).StridePerAxis(strides...)
	text := []string{"MaxPool", "MeanPool", "SumPool", "MinPool"}[kind] + fmt.Sprint(window, strides)
	if b.IntN(2) == 0 {
		p, text = p.PadSame(), text+" same"
	} else {
		p = p.NoPadding()
	}
	return &val{Node: p.Done(), bound: 9 * x.bound, whole: x.whole && kind != 1, text: text}
}

// guardWindow guards the differences between neighbours.
func (b *builder) guardWindow(x *val, window []int) {
	if b.float != dtypes.Float64 || x.whole {
		return
	}
	d := x.Shape().Dimensions
	for dy := range window[0] {
		for dx := 1 - window[1]; dx < window[1]; dx++ {
			if dy == 0 && dx <= 0 {
				continue
			}
			low, high := max(0, -dx), max(0, dx)
			a := Slice(x.Node, AxisRange(), AxisRange(0, d[1]-dy), AxisRange(low, d[2]-high), AxisRange())
			c := Slice(x.Node, AxisRange(), AxisRange(dy, d[1]), AxisRange(high, d[2]-low), AxisRange())
			b.guard(Sub(a, c), false)
		}
	}
}

// attention of a value [batch, tokens, heads·width], the reference by products and softmax.
func (b *builder) attention() *val {
	x := b.pick(func(v *val) bool { return v.DType() == b.float && v.Rank() == 3 })
	// by one token it is an identity, and its gradient all roundings
	if x == nil || x.bound > 100 || x.Shape().Dim(1) == 1 {
		return nil
	}
	d := x.Shape().Dimensions
	if 24*d[2] > b.limit || d[0]*d[1]*d[1] > b.limit {
		return nil
	}
	heads := 1 + b.IntN(3)
	width := 1 + b.IntN(8)
	part := func() *Node {
		y := nn.Dense(x.Node, MulScalar(b.weight(heads*width, d[2]).Node, 1/math.Sqrt(float64(d[2]))), nil,
			compute.DenseLayoutOutputsInput)
		return Reshape(y, d[0], d[1], heads, width)
	}
	q, k, v := part(), part(), part()
	scale := float64(float32(1 / math.Sqrt(float64(width)) / (1 + x.bound/4)))
	var y *Node
	if b.portable { // has no such operation
		scores := MulScalar(Einsum("bqhd,bkhd->bhqk", q, k), scale)
		y = Einsum("bhqk,bkhd->bqhd", Softmax(scores, -1), v)
	} else {
		y, _ = BackendFusedScaledDotProductAttention(q, k, v, compute.AttentionAxesLayoutBSHD,
			&compute.ScaledDotProductAttentionConfig{Scale: scale})
	}
	return &val{Node: Reshape(y, d[0], d[1], heads*width), bound: 2 * x.bound * math.Sqrt(float64(d[2])),
		text: fmt.Sprintf("Attention of %d×%d", heads, width)}
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

// residual adds to x a function of x.
func (b *builder) residual() *val {
	x := b.pickFloat(2)
	if x == nil {
		return nil
	}
	d := x.Shape().Dimensions
	h := x.Node
	width := d[x.Rank()-1]
	if 2*width*width > b.limit {
		return nil
	}
	if width > 2 {
		h = nn.LayerNorm(h, []int{-1}, 1e-3, nil, nil, nil)
	}
	h = nn.Dense(h, b.weight(2*width, width).Node, b.weight(2*width).Node, compute.DenseLayoutOutputsInput)
	h = activation.GeluApproximate(h)
	h = nn.Dense(h, b.weight(width, 2*width).Node, b.weight(width).Node, compute.DenseLayoutOutputsInput)
	return &val{Node: Add(x.Node, h), bound: x.bound + 8*math.Pow(float64(width), 2.5) + 8, text: "x + mlp(x)"}
}

// modulate scales and shifts x by what a vector gives.
func (b *builder) modulate() *val {
	x := b.pickFloat(2)
	if x == nil {
		return nil
	}
	d := x.Shape().Dimensions
	rank := x.Rank()
	cond := Sigmoid(b.weight(d[0], 2*d[rank-1]).Node)
	dims := slices.Repeat([]int{1}, rank)
	dims[0], dims[rank-1] = d[0], d[rank-1]
	part := func(i int) *Node {
		return Reshape(Slice(cond, AxisRange(), AxisRange(i*d[rank-1], (i+1)*d[rank-1])), dims...)
	}
	return &val{Node: Add(Mul(x.Node, OnePlus(part(0))), part(1)), bound: 2*x.bound + 1}
}
