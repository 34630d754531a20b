package plain

import (
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"mgd3/cpu/internal/ir"
)

// Convert sets out to x in out's type.
func Convert(x, out ir.Tensor) {
	x, wide := widen(x), widen(out)
	k := kinds[x.Shape.DType]
	if out.Shape.DType == dtypes.Bool { // x ≠ 0
		// against a scalar 0; NaN is true
		k.compare(compute.OpTypeNotEqual, x, like(x, nil), wide)
		return
	}
	k.convert(x, wide)
	narrow(out, wide)
}

// as returns x in the given type.
func as(dtype dtypes.DType, x ir.Tensor) ir.Tensor {
	if x.Shape.DType == dtype {
		return x
	}
	y := zeros(dtype, x.Dims())
	kinds[x.Shape.DType].convert(x, y)
	return y
}

// convert sets out to x, which may be of another type.
func (of[T]) convert(x, out ir.Tensor) {
	src := x.Flat.([]T)
	switch dst := out.Flat.(type) {
	case []int8:
		toInteger(dst, src)
	case []int16:
		toInteger(dst, src)
	case []int32:
		toInteger(dst, src)
	case []int64:
		toInteger(dst, src)
	case []uint8:
		toInteger(dst, src)
	case []uint16:
		toInteger(dst, src)
	case []uint32:
		toInteger(dst, src)
	case []uint64:
		toInteger(dst, src)
	case []float32:
		toNumber(dst, src)
	case []float64:
		toNumber(dst, src)
	}
}

func toNumber[U, T number](dst []U, src []T) {
	for i, x := range src {
		dst[i] = U(x)
	}
}

// toInteger wraps integers around, as Go does, and rounds floats toward zero within the range of U.
func toInteger[U integer, T number](dst []U, src []T) {
	if !isFloat[T]() {
		toNumber(dst, src)
		return
	}
	lowest, highest := bounds[U]()
	for i, x := range src {
		switch x := math.Trunc(float64(x)); {
		case x != x:
			dst[i] = 0
		case x <= float64(lowest):
			dst[i] = lowest
		// float64(highest) of a type of 64 bits is rounded up to a power of two, which does not fit: hence ≥ and not >.
		case x >= float64(highest): // 2^63 or 2^64 for the widest ones
			dst[i] = highest
		default:
			dst[i] = U(x)
		}
	}
}

// bounds returns the lowest and the highest value of T.
func bounds[T integer]() (lowest, highest T) {
	// all bits are the highest number of an unsigned type, and −1 of a signed one
	if highest = ^T(0); highest > 0 {
		return 0, highest
	}
	lowest = T(1) << (width[T]() - 1)
	return lowest, ^lowest
}

// extremes are bounds, or the infinities.
func extremes[T number]() (lowest, highest T) {
	switch any(lowest).(type) {
	case int8:
		return extremesOf[T, int8]()
	case int16:
		return extremesOf[T, int16]()
	case int32:
		return extremesOf[T, int32]()
	case int64:
		return extremesOf[T, int64]()
	case uint8:
		return extremesOf[T, uint8]()
	case uint16:
		return extremesOf[T, uint16]()
	case uint32:
		return extremesOf[T, uint32]()
	case uint64:
		return extremesOf[T, uint64]()
	}
	inf := math.Inf(1)
	return T(-inf), T(inf)
}

// extremesOf is extremes of a T that is I: the compiler does not know that they are one type.
func extremesOf[T number, I integer]() (lowest, highest T) {
	l, h := bounds[I]()
	return T(l), T(h)
}

// integers returns x as Go integers.
func (of[T]) integers(x ir.Tensor) []int {
	values := make([]int, x.Shape.Size())
	for i, v := range x.Flat.([]T) {
		values[i] = int(v)
	}
	return values
}

func integersOf(x ir.Tensor) []int { return kinds[x.Shape.DType].integers(x) }

// putIntegers sets out to values.
func (of[T]) putIntegers(out ir.Tensor, values []int) {
	dst := out.Flat.([]T)
	for i, v := range values {
		dst[i] = T(v)
	}
}

// like returns new zeros of x's type.
func like(x ir.Tensor, dims []int) ir.Tensor { return zeros(x.Shape.DType, dims) }

func zeros(dtype dtypes.DType, dims []int) ir.Tensor {
	shape := shapes.Shape{DType: dtype, Dimensions: dims}
	return ir.Tensor{Shape: shape, Flat: dtypes.MakeAnySlice(dtype, shape.Size())}
}
