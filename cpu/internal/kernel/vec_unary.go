package kernel

// Neg sets dst[i] = -x[i].
func Neg(dst, x []float32) {
	want(len(dst), len(x))
	vec.neg(dst, x)
}

// Abs sets dst[i] = |x[i]|.
func Abs(dst, x []float32) {
	want(len(dst), len(x))
	vec.abs(dst, x)
}

// Sqrt sets dst[i] = √x[i], correctly rounded.
func Sqrt(dst, x []float32) {
	want(len(dst), len(x))
	vec.sqrt(dst, x)
}

// Rsqrt sets dst[i] = 1/√x[i], within 1.5 ULP: a rounded root, then a rounded quotient.
func Rsqrt(dst, x []float32) {
	want(len(dst), len(x))
	vec.rsqrt(dst, x)
}

// Sign sets dst[i] = -1, 0 or 1, the sign of x[i]; zeros and NaN stay as they are.
func Sign(dst, x []float32) {
	want(len(dst), len(x))
	vec.sign(dst, x)
}

// Floor sets dst[i] = the greatest whole number not above x[i].
func Floor(dst, x []float32) {
	want(len(dst), len(x))
	vec.floor(dst, x)
}

// Ceil sets dst[i] = the least whole number not below x[i].
func Ceil(dst, x []float32) {
	want(len(dst), len(x))
	vec.ceil(dst, x)
}

// Round sets dst[i] = the whole number next to x[i], halves to even.
func Round(dst, x []float32) {
	want(len(dst), len(x))
	vec.round(dst, x)
}

// RoundBF16 sets dst[i] = the bfloat16 next to x[i], halves to even; NaN stays NaN.
func RoundBF16(dst, x []float32) {
	want(len(dst), len(x))
	vec.roundBF16(dst, x)
}

// Fill sets dst[i] = s.
func Fill(dst []float32, s float32) { vec.fill(dst, s) }
