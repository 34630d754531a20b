package plain

import (
	"cmp"
	"math"
	"math/bits"
	"unsafe"

	"github.com/gomlx/compute"

	"mgd3/cpu/internal/ir"
)

// isFloat reports whether T has fractions: ½ becomes 0 in an integer. It is a variable, since the constant 0.5 would
// not compile for integers.
func isFloat[T number]() bool {
	half := 0.5
	return T(half) != 0
}

// unary sets out to op of each element of x.
func (k of[T]) unary(op compute.OpType, x, out ir.Tensor) bool {
	src := x.Flat.([]T)
	if f := test[T](op); f != nil {
		dst := out.Flat.([]uint8)
		for i, v := range src {
			dst[i] = truth(f(v))
		}
		return true
	}
	f := unaryOf[T](op)
	if f == nil {
		return false
	}
	dst := out.Flat.([]T)
	for i, v := range src {
		dst[i] = f(v)
	}
	return true
}

// test returns the function of an operation whose result is a bool.
func test[T number](op compute.OpType) func(T) bool {
	switch op {
	case compute.OpTypeIsNaN:
		return func(x T) bool { return x != x }
	case compute.OpTypeIsFinite:
		// ∞ − ∞ and NaN − NaN are NaN; everything else is 0
		return func(x T) bool { return x-x == 0 }
	}
	return nil
}

func unaryOf[T number](op compute.OpType) func(T) T {
	switch op {
	case compute.OpTypeNeg:
		return func(x T) T { return -x }
	// by its bits for floats: −0 becomes 0, which x < 0 would not see
	case compute.OpTypeAbs:
		if isFloat[T]() {
			return func(x T) T { return T(math.Abs(float64(x))) }
		}
		return func(x T) T {
			if x < 0 {
				return -x
			}
			return x
		}
	case compute.OpTypeSign:
		return sign[T]
	case compute.OpTypeLogicalNot:
		// bools are 0 and 1
		return func(x T) T { return 1 - x }
	}
	if f := floatFunc(op); f != nil {
		return func(x T) T { return T(f(float64(x))) }
	}
	return nil
}

// sign is 1, -1, or x itself for zeros and NaN.
func sign[T number](x T) T {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -T(1)
	}
	return x
}

// floatFunc returns the function of op on float64.
func floatFunc(op compute.OpType) func(float64) float64 {
	switch op {
	case compute.OpTypeCeil:
		return math.Ceil
	case compute.OpTypeFloor:
		return math.Floor
	// halves to even, as XLA's RoundNearestEven
	case compute.OpTypeRound:
		return math.RoundToEven
	case compute.OpTypeSqrt:
		return math.Sqrt
	case compute.OpTypeRsqrt:
		return func(x float64) float64 { return 1 / math.Sqrt(x) }
	case compute.OpTypeExp:
		return math.Exp
	case compute.OpTypeExpm1:
		return math.Expm1
	case compute.OpTypeLog:
		return math.Log
	case compute.OpTypeLog1p:
		return math.Log1p
	case compute.OpTypeLogistic:
		return logistic
	case compute.OpTypeErf:
		return math.Erf
	case compute.OpTypeTanh:
		return math.Tanh
	case compute.OpTypeCos:
		return math.Cos
	case compute.OpTypeSin:
		return math.Sin
	}
	return nil
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// binary sets out to op of x and y, each of which may be a scalar or have axes of 1.
func (k of[T]) binary(op compute.OpType, x, y, out ir.Tensor) bool {
	f := binaryOf[T](op)
	if f == nil {
		return false
	}
	zip(x, y, out, f)
	return true
}

func zip[T, U number](x, y, out ir.Tensor, f func(T, T) U) {
	a, b, dst := x.Flat.([]T), y.Flat.([]T), out.Flat.([]U)
	// n elements of a row at a time; da is 0 where the last axis of x is 1, and the same element is read again
	as, n, da := spread(x.Dims(), out.Dims()).rows()
	bs, _, db := spread(y.Dims(), out.Dims()).rows()
	for row, at := range as {
		bt := bs[row]
		for i := range n {
			dst[row*n+i] = f(a[at+i*da], b[bt+i*db])
		}
	}
}

func binaryOf[T number](op compute.OpType) func(x, y T) T {
	switch op {
	case compute.OpTypeAdd:
		return func(x, y T) T { return x + y }
	case compute.OpTypeSub:
		return func(x, y T) T { return x - y }
	case compute.OpTypeMul:
		return func(x, y T) T { return x * y }
	case compute.OpTypeMax:
		return func(x, y T) T { return max(x, y) } // NaN if either is
	case compute.OpTypeMin:
		return func(x, y T) T { return min(x, y) }
	case compute.OpTypeDiv:
		if isFloat[T]() {
			return func(x, y T) T { return x / y }
		}
	case compute.OpTypeRem:
		if isFloat[T]() {
			return func(x, y T) T { return T(math.Mod(float64(x), float64(y))) }
		}
	case compute.OpTypePow:
		if isFloat[T]() {
			return func(x, y T) T { return T(math.Pow(float64(x), float64(y))) }
		}
	case compute.OpTypeAtan2:
		return func(x, y T) T { return T(math.Atan2(float64(x), float64(y))) }
	}
	return nil
}

// compare sets out, a bool, to the comparison of x with y.
func (k of[T]) compare(op compute.OpType, x, y, out ir.Tensor) bool {
	// total orders know NaN and the sign of 0; the comparisons below are IEEE's, where NaN equals nothing
	if holds := ordered(op); holds != nil {
		zip(x, y, out, func(x, y T) uint8 { return truth(holds(totalOrder(x, y))) })
		return true
	}
	var f func(x, y T) bool
	switch op {
	case compute.OpTypeEqual:
		f = func(x, y T) bool { return x == y }
	case compute.OpTypeNotEqual:
		f = func(x, y T) bool { return x != y }
	case compute.OpTypeLessThan:
		f = func(x, y T) bool { return x < y }
	case compute.OpTypeLessOrEqual:
		f = func(x, y T) bool { return x <= y }
	case compute.OpTypeGreaterThan:
		f = func(x, y T) bool { return x > y }
	case compute.OpTypeGreaterOrEqual:
		f = func(x, y T) bool { return x >= y }
	default:
		return false
	}
	zip(x, y, out, func(x, y T) uint8 { return truth(f(x, y)) })
	return true
}

// ordered returns what op asks of the result of totalOrder.
func ordered(op compute.OpType) func(int) bool {
	switch op {
	case compute.OpTypeEqualTotalOrder:
		return func(c int) bool { return c == 0 }
	case compute.OpTypeNotEqualTotalOrder:
		return func(c int) bool { return c != 0 }
	case compute.OpTypeLessThanTotalOrder:
		return func(c int) bool { return c < 0 }
	case compute.OpTypeLessOrEqualTotalOrder:
		return func(c int) bool { return c <= 0 }
	case compute.OpTypeGreaterThanTotalOrder:
		return func(c int) bool { return c > 0 }
	case compute.OpTypeGreaterOrEqualTotalOrder:
		return func(c int) bool { return c >= 0 }
	}
	return nil
}

// totalOrder compares by -NaN < -Inf < negative < -0 < +0 < positive < +Inf < +NaN.
func totalOrder[T number](x, y T) int {
	if !isFloat[T]() {
		return cmp.Compare(x, y)
	}
	rank := func(x T) int64 {
		// The bits of positive floats rise with their value, and those of negative ones fall: b>>63 is all ones there,
		// and the exclusive or turns all but the sign.
		b := int64(math.Float64bits(float64(x)))
		return b ^ int64(uint64(b>>63)>>1) // negative ones in reverse
	}
	return cmp.Compare(rank(x), rank(y))
}

// selects sets out to x where cond holds and to y elsewhere; each may be a scalar.
func (of[T]) selects(cond, x, y, out ir.Tensor) {
	c, a, b, dst := cond.Flat.([]uint8), x.Flat.([]T), y.Flat.([]T), out.Flat.([]T)
	dc, da, db := step(len(c)), step(len(a)), step(len(b))
	for i := range dst {
		if c[i*dc] != 0 {
			dst[i] = a[i*da]
		} else {
			dst[i] = b[i*db]
		}
	}
}

// clamp sets out to min(max(lo, x), hi); lo and hi may be scalars.
func (of[T]) clamp(lo, x, hi, out ir.Tensor) {
	l, src, h, dst := lo.Flat.([]T), x.Flat.([]T), hi.Flat.([]T), out.Flat.([]T)
	dl, dh := step(len(l)), step(len(h))
	for i, v := range src {
		dst[i] = min(max(l[i*dl], v), h[i*dh])
	}
}

// step is the distance of the elements of a tensor of n that may stand for a larger one.
func step(n int) int {
	if n == 1 {
		return 0
	}
	return 1
}

func truth(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// ofInteger adds to of what only integers have.
type ofInteger[T integer] struct{ of[T] }

func (k ofInteger[T]) unary(op compute.OpType, x, out ir.Tensor) bool {
	var f func(T) T
	switch op {
	case compute.OpTypeBitwiseNot:
		f = func(x T) T { return ^x }
	case compute.OpTypeBitCount:
		f = func(x T) T { return T(bits.OnesCount64(unsigned(x))) }
	case compute.OpTypeClz:
		// less the zeros above the width
		f = func(x T) T { return T(bits.LeadingZeros64(unsigned(x)) - 64 + width[T]()) }
	default:
		return k.of.unary(op, x, out)
	}
	src, dst := x.Flat.([]T), out.Flat.([]T)
	for i, v := range src {
		dst[i] = f(v)
	}
	return true
}

func (k ofInteger[T]) binary(op compute.OpType, x, y, out ir.Tensor) bool {
	var f func(x, y T) T
	switch op {
	case compute.OpTypeBitwiseAnd, compute.OpTypeLogicalAnd:
		f = func(x, y T) T { return x & y }
	case compute.OpTypeBitwiseOr, compute.OpTypeLogicalOr:
		f = func(x, y T) T { return x | y }
	case compute.OpTypeBitwiseXor, compute.OpTypeLogicalXor:
		f = func(x, y T) T { return x ^ y }
	case compute.OpTypeShiftLeft:
		// by the width or more: 0, and all signs of an arithmetic one, as in XLA. A negative y is such a one too.
		f = func(x, y T) T { return x << uint64(y) }
	case compute.OpTypeShiftRightArithmetic:
		f = func(x, y T) T { return x >> uint64(y) }
	case compute.OpTypeShiftRightLogical:
		f = func(x, y T) T { return T(unsigned(x) >> uint64(y)) }
	case compute.OpTypeDiv:
		f = func(x, y T) T {
			if y == 0 {
				return ^T(0)
			}
			return x / y
		}
	case compute.OpTypeRem:
		f = func(x, y T) T {
			if y == 0 {
				return x
			}
			return x % y
		}
	case compute.OpTypePow:
		f = power[T]
	default:
		return k.of.binary(op, x, y, out)
	}
	zip(x, y, out, f)
	return true
}

func (k ofInteger[T]) reduce(op compute.OpType, axes []int, x, out ir.Tensor) bool {
	kept, over := split(x.Dims(), axes)
	src, dst := x.Flat.([]T), out.Flat.([]T)
	switch op {
	case compute.OpTypeReduceBitwiseAnd:
		fold(dst, src, kept, over, ^T(0), func(a, b T) T { return a & b })
	case compute.OpTypeReduceLogicalAnd:
		fold(dst, src, kept, over, 1, func(a, b T) T { return a & b })
	case compute.OpTypeReduceBitwiseOr, compute.OpTypeReduceLogicalOr:
		fold(dst, src, kept, over, 0, func(a, b T) T { return a | b })
	case compute.OpTypeReduceBitwiseXor, compute.OpTypeReduceLogicalXor:
		fold(dst, src, kept, over, 0, func(a, b T) T { return a ^ b })
	default:
		return k.of.reduce(op, axes, x, out)
	}
	return true
}

func width[T integer]() int {
	var x T
	return 8 * int(unsafe.Sizeof(x))
}

// unsigned returns the bits of x, and zeros above.
func unsigned[T integer](x T) uint64 { return uint64(x) & (math.MaxUint64 >> (64 - width[T]())) }

// power is x to the y-th, wrapped around; the inverse of a number other than ±1 is rounded to 0.
func power[T integer](x, y T) T {
	if y < 0 {
		switch {
		case x == 1:
			return 1
		case x == ^T(0):
			// −1: only whether y is odd counts
			return power(x, y&1)
		}
		return 0
	}
	// by squares: x^(2i+1) = x·(x²)^i
	p := T(1)
	for ; y > 0; y >>= 1 {
		if y&1 != 0 {
			p *= x
		}
		x *= x
	}
	return p
}
