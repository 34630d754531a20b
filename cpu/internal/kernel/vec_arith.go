package kernel

import "math"

// Add sets dst[i] = x[i] + y[i].
func Add(dst, x, y []float32) {
	want(len(dst), min(len(x), len(y)))
	vec.add(dst, x, y)
}

// Sub sets dst[i] = x[i] - y[i].
func Sub(dst, x, y []float32) {
	want(len(dst), min(len(x), len(y)))
	vec.sub(dst, x, y)
}

// Mul sets dst[i] = x[i] · y[i].
func Mul(dst, x, y []float32) {
	want(len(dst), min(len(x), len(y)))
	vec.mul(dst, x, y)
}

// Div sets dst[i] = x[i] / y[i].
func Div(dst, x, y []float32) {
	want(len(dst), min(len(x), len(y)))
	vec.div(dst, x, y)
}

// Max sets dst[i] = max(x[i], y[i]): NaN if one of them is NaN, and +0 is above -0.
func Max(dst, x, y []float32) {
	want(len(dst), min(len(x), len(y)))
	vec.max(dst, x, y)
}

// Min sets dst[i] = min(x[i], y[i]): NaN if one of them is NaN, and -0 is below +0.
func Min(dst, x, y []float32) {
	want(len(dst), min(len(x), len(y)))
	vec.min(dst, x, y)
}

// AddS sets dst[i] = x[i] + s.
func AddS(dst, x []float32, s float32) {
	want(len(dst), len(x))
	vec.addS(dst, x, s)
}

// SubS sets dst[i] = x[i] - s.
func SubS(dst, x []float32, s float32) {
	want(len(dst), len(x))
	vec.subS(dst, x, s)
}

// MulS sets dst[i] = x[i] · s.
func MulS(dst, x []float32, s float32) {
	want(len(dst), len(x))
	vec.mulS(dst, x, s)
}

// DivS sets dst[i] = x[i] / s.
func DivS(dst, x []float32, s float32) {
	want(len(dst), len(x))
	vec.divS(dst, x, s)
}

// MaxS sets dst[i] = max(x[i], s), as Max.
func MaxS(dst, x []float32, s float32) {
	want(len(dst), len(x))
	vec.maxS(dst, x, s)
}

// MinS sets dst[i] = min(x[i], s), as Min.
func MinS(dst, x []float32, s float32) {
	want(len(dst), len(x))
	vec.minS(dst, x, s)
}

// RsubS sets dst[i] = s - x[i].
func RsubS(dst, x []float32, s float32) {
	want(len(dst), len(x))
	vec.rsubS(dst, x, s)
}

// RdivS sets dst[i] = s / x[i].
func RdivS(dst, x []float32, s float32) {
	want(len(dst), len(x))
	vec.rdivS(dst, x, s)
}

// MulAdd sets dst[i] = x[i]·y[i] + z[i], rounded once.
func MulAdd(dst, x, y, z []float32) {
	want(len(dst), min(len(x), len(y), len(z)))
	vec.mulAdd(dst, x, y, z)
}

// MulAddS sets dst[i] = x[i]·s + z[i], rounded once.
func MulAddS(dst, x []float32, s float32, z []float32) {
	want(len(dst), min(len(x), len(z)))
	vec.mulAddS(dst, x, s, z)
}

// ScaleShift sets dst[i] = x[i]·a + b, rounded once.
func ScaleShift(dst, x []float32, a, b float32) {
	want(len(dst), len(x))
	vec.scaleShift(dst, x, a, b)
}

// Pow sets dst[i] = x[i] to the power y[i], as math.Pow, rounded.
func Pow(dst, x, y []float32) {
	for i := range dst {
		dst[i] = float32(math.Pow(float64(x[i]), float64(y[i])))
	}
}

// Rem sets dst[i] to the remainder of x[i] / y[i] with the sign of x[i], as math.Mod; it is exact.
func Rem(dst, x, y []float32) {
	for i := range dst {
		dst[i] = float32(math.Mod(float64(x[i]), float64(y[i])))
	}
}

// Atan2 sets dst[i] to the angle of the point (y[i], x[i]) above its first axis, as math.Atan2(x[i], y[i]), rounded.
func Atan2(dst, x, y []float32) {
	for i := range dst {
		dst[i] = float32(math.Atan2(float64(x[i]), float64(y[i])))
	}
}
