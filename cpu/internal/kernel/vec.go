package kernel

// Vector kernels: element-wise operations, reductions and conversions over slices that sit in the first cache.
//
// Rules of all of them. The length of dst rules; inputs are at least as long, or the kernel panics. dst may be
// one of the inputs (the very same elements), never overlap one in part. The bytes of an element depend on its
// operands alone: not on its position, the length, the alignment or the instruction set. The plain version is
// the specification, and the assembly gives the same bits, but for the payload of a NaN.
//
// Sums have a fixed structure that depends on the length alone; see Sum.
//
// A kernel cannot be interrupted, so a call should stay below half a million elements. Slices that start at a
// multiple of 64 bytes are up to twice as fast.
type (
	// UnaryFunc is dst[i] = f(x[i]).
	UnaryFunc func(dst, x []float32)
	// BinaryFunc is dst[i] = f(x[i], y[i]).
	BinaryFunc func(dst, x, y []float32)
	// ScalarFunc is dst[i] = f(x[i], s).
	ScalarFunc func(dst, x []float32, s float32)
	// ReduceFunc is one value of all x.
	ReduceFunc func(x []float32) float32
)

// vecTable is the vector kernels of one level.
type vecTable struct {
	add, sub, mul, div, max, min, eq, ne, lt, le, gt, ge, and, or, xor func(dst, x, y []float32)

	addS, subS, mulS, divS, maxS, minS, rsubS, rdivS, eqS, neS, ltS, leS, gtS, geS func(dst, x []float32, s float32)

	mulAdd, sel func(dst, x, y, z []float32)
	mulAddS     func(dst, x []float32, s float32, z []float32)
	scaleShift  func(dst, x []float32, a, b float32)

	not, neg, abs, sqrt, rsqrt, sign, floor, ceil, round, roundBF16, isFinite, isNaN func(dst, x []float32)
	exp, expm1, log, log1p, tanh, logistic, erf, silu, geluErf, geluTanh             func(dst, x []float32)
	sin, cos                                                                         func(dst, x []float32) int
	fill                                                                             func(dst []float32, s float32)

	sum, reduceMax, reduceMin, prod, sumSquares func(x []float32) float32
	dot                                         func(x, y []float32) float32
	expSubSum                                   func(dst, x []float32, m float32) float32

	sumRows   func(acc, x []float32, rows, stride int)
	transpose func(dst []float32, ldd int, src []float32, lds, rows, cols int)

	f16ToF32, bf16ToF32 func(dst []float32, src []uint16)
	boolToF32           func(dst []float32, src []bool)
	f32ToBool           func(dst []bool, src []float32)
	f32ToBF16           func(dst []uint16, src []float32)
}

// vec is the table of the current level.
var vec vecTable

func init() { OnLevel(func(l Level) { vec = vecTables(l) }) }

// want panics unless a slice of length have covers n elements.
func want(n, have int) {
	if have < n {
		panic("kernel: input shorter than output")
	}
}
