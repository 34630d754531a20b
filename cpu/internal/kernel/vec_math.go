package kernel

// Errors are the largest over all float32 numbers against float64, infinities and the smallest numbers included;
// TestMathErrors measures them. See docs/notes/vector-maths.md.

// Exp sets dst[i] = e to the power x[i], within 0.95 ULP.
func Exp(dst, x []float32) {
	want(len(dst), len(x))
	vec.exp(dst, x)
}

// Expm1 sets dst[i] = e to the power x[i], minus 1, within 1.65 ULP.
func Expm1(dst, x []float32) {
	want(len(dst), len(x))
	vec.expm1(dst, x)
}

// Log sets dst[i] = ln x[i], within 1.6 ULP.
func Log(dst, x []float32) {
	want(len(dst), len(x))
	vec.log(dst, x)
}

// Log1p sets dst[i] = ln(1 + x[i]), within 1.7 ULP.
func Log1p(dst, x []float32) {
	want(len(dst), len(x))
	vec.log1p(dst, x)
}

// Tanh sets dst[i] = tanh x[i], within 1.4 ULP.
func Tanh(dst, x []float32) {
	want(len(dst), len(x))
	vec.tanh(dst, x)
}

// Logistic sets dst[i] = 1/(1 + exp(-x[i])), within 2 ULP.
func Logistic(dst, x []float32) {
	want(len(dst), len(x))
	vec.logistic(dst, x)
}

// Erf sets dst[i] = erf x[i], within 1.15 ULP.
func Erf(dst, x []float32) {
	want(len(dst), len(x))
	vec.erf(dst, x)
}

// Silu sets dst[i] = x[i]/(1 + exp(-x[i])), within 3.3 ULP or 3.3·2^-149·|x[i]|; NaN for -∞.
func Silu(dst, x []float32) {
	want(len(dst), len(x))
	vec.silu(dst, x)
}

// GeluErf sets dst[i] = x[i]/2 · (1 + erf(x[i]/√2)), within 2.2·2^-24·|x[i]|; NaN for -∞.
func GeluErf(dst, x []float32) {
	want(len(dst), len(x))
	vec.geluErf(dst, x)
}

// GeluTanh sets dst[i] = x[i]/2 · (1 + tanh(√(2/π)·(x[i] + 0.044715·x[i]³))), within 2.2·2^-24·|x[i]|; NaN for -∞.
func GeluTanh(dst, x []float32) {
	want(len(dst), len(x))
	vec.geluTanh(dst, x)
}

// Sin sets dst[i] = sin x[i], within 1.6 ULP.
func Sin(dst, x []float32) {
	want(len(dst), len(x))
	periodic(vec.sin, sinGeneric, dst, x)
}

// Cos sets dst[i] = cos x[i], within 1.6 ULP.
func Cos(dst, x []float32) {
	want(len(dst), len(x))
	periodic(vec.cos, cosGeneric, dst, x)
}

// periodic runs fast, which stops at a block with an argument too large for it and returns how far it came,
// and plain over such a block.
func periodic(fast, plain func(dst, x []float32) int, dst, x []float32) {
	for len(dst) > 0 {
		n := fast(dst, x)
		m := min(n+16, len(dst))
		if n < m {
			plain(dst[n:m], x[n:])
		}
		dst, x = dst[m:], x[m:]
	}
}
