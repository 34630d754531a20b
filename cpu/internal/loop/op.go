package loop

import "mgd3/cpu/internal/kernel"

// Op is an operation on elements, or a reduction.
type Op uint8

// The operations; what each computes is told at the kernel of its name.
const (
	Const Op = iota + 1
	Add
	Sub
	Mul
	Div
	Max
	Min
	Pow
	Rem
	Atan2
	Eq
	Ne
	Lt
	Le
	Gt
	Ge
	And
	Or
	Xor
	Not
	Select // A != 0 ? B : C
	MulAdd // A·B + C, rounded once
	Neg
	Abs
	Sqrt
	Rsqrt
	Exp
	Expm1
	Log
	Log1p
	Tanh
	Logistic
	Erf
	Sin
	Cos
	Sign
	Floor
	Ceil
	Round
	RoundBF16
	IsFinite
	IsNaN
	Silu
	GeluErf
	GeluTanh
	RowSum
	RowMax
	RowMin
	RowProd
	RowSquares // the sum of squares of a row
)

// functions are the kernels of an operation: over tiles, and with a scalar on one side where there is
// a special one.
type functions struct {
	name    string
	unary   func(dst, x []float32)
	binary  func(dst, x, y []float32)
	scalar  func(dst, x []float32, s float32) // x ∘ s
	reverse func(dst, x []float32, s float32) // s ∘ x
	ternary func(dst, x, y, z []float32)
	reduce  func(x []float32) float32
}

var table = [...]functions{
	Const:     {name: "const"},
	Add:       {name: "add", binary: kernel.Add, scalar: kernel.AddS, reverse: kernel.AddS},
	Sub:       {name: "sub", binary: kernel.Sub, scalar: kernel.SubS, reverse: kernel.RsubS},
	Mul:       {name: "mul", binary: kernel.Mul, scalar: kernel.MulS, reverse: kernel.MulS},
	Div:       {name: "div", binary: kernel.Div, scalar: kernel.DivS, reverse: kernel.RdivS},
	Max:       {name: "max", binary: kernel.Max, scalar: kernel.MaxS, reverse: kernel.MaxS},
	Min:       {name: "min", binary: kernel.Min, scalar: kernel.MinS, reverse: kernel.MinS},
	Pow:       {name: "pow", binary: kernel.Pow},
	Rem:       {name: "rem", binary: kernel.Rem},
	Atan2:     {name: "atan2", binary: kernel.Atan2},
	Eq:        {name: "eq", binary: kernel.Eq, scalar: kernel.EqS, reverse: kernel.EqS},
	Ne:        {name: "ne", binary: kernel.Ne, scalar: kernel.NeS, reverse: kernel.NeS},
	Lt:        {name: "lt", binary: kernel.Lt, scalar: kernel.LtS, reverse: kernel.GtS},
	Le:        {name: "le", binary: kernel.Le, scalar: kernel.LeS, reverse: kernel.GeS},
	Gt:        {name: "gt", binary: kernel.Gt, scalar: kernel.GtS, reverse: kernel.LtS},
	Ge:        {name: "ge", binary: kernel.Ge, scalar: kernel.GeS, reverse: kernel.LeS},
	And:       {name: "and", binary: kernel.And},
	Or:        {name: "or", binary: kernel.Or},
	Xor:       {name: "xor", binary: kernel.Xor},
	Not:       {name: "not", unary: kernel.Not},
	Select:    {name: "select", ternary: kernel.Select},
	MulAdd:    {name: "muladd", ternary: kernel.MulAdd},
	Neg:       {name: "neg", unary: kernel.Neg},
	Abs:       {name: "abs", unary: kernel.Abs},
	Sqrt:      {name: "sqrt", unary: kernel.Sqrt},
	Rsqrt:     {name: "rsqrt", unary: kernel.Rsqrt},
	Exp:       {name: "exp", unary: kernel.Exp},
	Expm1:     {name: "expm1", unary: kernel.Expm1},
	Log:       {name: "log", unary: kernel.Log},
	Log1p:     {name: "log1p", unary: kernel.Log1p},
	Tanh:      {name: "tanh", unary: kernel.Tanh},
	Logistic:  {name: "logistic", unary: kernel.Logistic},
	Erf:       {name: "erf", unary: kernel.Erf},
	Sin:       {name: "sin", unary: kernel.Sin},
	Cos:       {name: "cos", unary: kernel.Cos},
	Sign:      {name: "sign", unary: kernel.Sign},
	Floor:     {name: "floor", unary: kernel.Floor},
	Ceil:      {name: "ceil", unary: kernel.Ceil},
	Round:     {name: "round", unary: kernel.Round},
	RoundBF16: {name: "bf16", unary: kernel.RoundBF16},
	IsFinite:  {name: "isfinite", unary: kernel.IsFinite},
	IsNaN:     {name: "isnan", unary: kernel.IsNaN},
	Silu:      {name: "silu", unary: kernel.Silu},
	GeluErf:   {name: "gelu", unary: kernel.GeluErf},
	GeluTanh:  {name: "gelutanh", unary: kernel.GeluTanh},
	RowSum:    {name: "sum", reduce: kernel.Sum},
	RowMax:    {name: "max", reduce: kernel.ReduceMax},
	RowMin:    {name: "min", reduce: kernel.ReduceMin},
	RowProd:   {name: "prod", reduce: kernel.Prod},

	RowSquares: {name: "squares", reduce: kernel.SumSquares},
}

// String is the operation's name in plans.
func (o Op) String() string { return table[o].name }

// arity is the number of registers an operation reads.
func (o Op) arity() int {
	f := &table[o]
	switch {
	case f.ternary != nil:
		return 3
	case f.binary != nil:
		return 2
	case f.unary != nil || f.reduce != nil:
		return 1
	}
	return 0
}

// identity is the result of a reduction of nothing.
func (o Op) identity() float32 {
	switch o {
	case RowProd:
		return 1
	case RowMax:
		return negInf
	case RowMin:
		return posInf
	}
	return 0
}

// accumulate is the operation that joins two partial reductions.
func (o Op) accumulate() func(dst, x, y []float32) {
	switch o {
	case RowProd:
		return kernel.Mul
	case RowMax:
		return kernel.Max
	case RowMin:
		return kernel.Min
	}
	return kernel.Add
}
