package cpu_test

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
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

func same(x float64) float64 { return x }

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
