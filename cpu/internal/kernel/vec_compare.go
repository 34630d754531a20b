package kernel

// Eq sets dst[i] = 1 if x[i] == y[i], else 0; with NaN as in Go.
func Eq(dst, x, y []float32) {
	want(len(dst), min(len(x), len(y)))
	vec.eq(dst, x, y)
}

// EqS sets dst[i] = 1 if x[i] == s, else 0; with NaN as in Go.
func EqS(dst, x []float32, s float32) {
	want(len(dst), len(x))
	vec.eqS(dst, x, s)
}

// Ne sets dst[i] = 1 if x[i] != y[i], else 0; with NaN as in Go.
func Ne(dst, x, y []float32) {
	want(len(dst), min(len(x), len(y)))
	vec.ne(dst, x, y)
}

// NeS sets dst[i] = 1 if x[i] != s, else 0; with NaN as in Go.
func NeS(dst, x []float32, s float32) {
	want(len(dst), len(x))
	vec.neS(dst, x, s)
}

// Lt sets dst[i] = 1 if x[i] < y[i], else 0; with NaN as in Go.
func Lt(dst, x, y []float32) {
	want(len(dst), min(len(x), len(y)))
	vec.lt(dst, x, y)
}

// LtS sets dst[i] = 1 if x[i] < s, else 0; with NaN as in Go.
func LtS(dst, x []float32, s float32) {
	want(len(dst), len(x))
	vec.ltS(dst, x, s)
}

// Le sets dst[i] = 1 if x[i] <= y[i], else 0; with NaN as in Go.
func Le(dst, x, y []float32) {
	want(len(dst), min(len(x), len(y)))
	vec.le(dst, x, y)
}

// LeS sets dst[i] = 1 if x[i] <= s, else 0; with NaN as in Go.
func LeS(dst, x []float32, s float32) {
	want(len(dst), len(x))
	vec.leS(dst, x, s)
}

// Gt sets dst[i] = 1 if x[i] > y[i], else 0; with NaN as in Go.
func Gt(dst, x, y []float32) {
	want(len(dst), min(len(x), len(y)))
	vec.gt(dst, x, y)
}

// GtS sets dst[i] = 1 if x[i] > s, else 0; with NaN as in Go.
func GtS(dst, x []float32, s float32) {
	want(len(dst), len(x))
	vec.gtS(dst, x, s)
}

// Ge sets dst[i] = 1 if x[i] >= y[i], else 0; with NaN as in Go.
func Ge(dst, x, y []float32) {
	want(len(dst), min(len(x), len(y)))
	vec.ge(dst, x, y)
}

// GeS sets dst[i] = 1 if x[i] >= s, else 0; with NaN as in Go.
func GeS(dst, x []float32, s float32) {
	want(len(dst), len(x))
	vec.geS(dst, x, s)
}

// Select sets dst[i] = x[i] where cond[i] is not 0 (a NaN is not), else y[i].
func Select(dst, cond, x, y []float32) {
	want(len(dst), min(len(cond), len(x), len(y)))
	vec.sel(dst, cond, x, y)
}

// And sets dst[i] = x[i] and y[i], both 0 or 1.
func And(dst, x, y []float32) {
	want(len(dst), min(len(x), len(y)))
	vec.and(dst, x, y)
}

// Or sets dst[i] = x[i] or y[i], both 0 or 1.
func Or(dst, x, y []float32) {
	want(len(dst), min(len(x), len(y)))
	vec.or(dst, x, y)
}

// Xor sets dst[i] = x[i] exclusive or y[i], both 0 or 1.
func Xor(dst, x, y []float32) {
	want(len(dst), min(len(x), len(y)))
	vec.xor(dst, x, y)
}

// Not sets dst[i] = 1 - x[i], x[i] 0 or 1.
func Not(dst, x []float32) {
	want(len(dst), len(x))
	vec.not(dst, x)
}

// IsFinite sets dst[i] = 1 if x[i] is neither NaN nor infinite, else 0.
func IsFinite(dst, x []float32) {
	want(len(dst), len(x))
	vec.isFinite(dst, x)
}

// IsNaN sets dst[i] = 1 if x[i] is NaN, else 0.
func IsNaN(dst, x []float32) {
	want(len(dst), len(x))
	vec.isNaN(dst, x)
}
