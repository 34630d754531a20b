package kernel

import "math"

// vecGeneric is the specification: the loops that one would write on paper.
var vecGeneric = vecTable{
	add:    addGeneric,
	sub:    subGeneric,
	mul:    mulGeneric,
	div:    zip(func(x, y float32) float32 { return x / y }),
	max:    maxGeneric,
	min:    minGeneric,
	eq:     zip(func(x, y float32) float32 { return truth(x == y) }),
	ne:     zip(func(x, y float32) float32 { return truth(x != y) }),
	lt:     zip(func(x, y float32) float32 { return truth(x < y) }),
	le:     zip(func(x, y float32) float32 { return truth(x <= y) }),
	gt:     zip(func(x, y float32) float32 { return truth(x > y) }),
	ge:     zip(func(x, y float32) float32 { return truth(x >= y) }),
	and:    zip(func(x, y float32) float32 { return truth(x != 0 && y != 0) }),
	or:     zip(func(x, y float32) float32 { return truth(x != 0 || y != 0) }),
	xor:    zip(func(x, y float32) float32 { return truth((x != 0) != (y != 0)) }),
	sel:    selectGeneric,
	mulAdd: mulAddGeneric,

	addS:       addSGeneric,
	subS:       zipS(func(x, s float32) float32 { return x - s }),
	mulS:       mulSGeneric,
	divS:       zipS(func(x, s float32) float32 { return x / s }),
	maxS:       zipS(func(x, s float32) float32 { return max(x, s) }),
	minS:       zipS(func(x, s float32) float32 { return min(x, s) }),
	rsubS:      zipS(func(x, s float32) float32 { return s - x }),
	rdivS:      zipS(func(x, s float32) float32 { return s / x }),
	eqS:        zipS(func(x, s float32) float32 { return truth(x == s) }),
	neS:        zipS(func(x, s float32) float32 { return truth(x != s) }),
	ltS:        zipS(func(x, s float32) float32 { return truth(x < s) }),
	leS:        zipS(func(x, s float32) float32 { return truth(x <= s) }),
	gtS:        zipS(func(x, s float32) float32 { return truth(x > s) }),
	geS:        zipS(func(x, s float32) float32 { return truth(x >= s) }),
	mulAddS:    mulAddSGeneric,
	scaleShift: scaleShiftGeneric,

	not:       each(func(x float32) float32 { return 1 - x }),
	isFinite:  each(func(x float32) float32 { return truth(x-x == 0) }),
	isNaN:     each(func(x float32) float32 { return truth(x != x) }),
	neg:       each(func(x float32) float32 { return -x }),
	abs:       each(abs32),
	sqrt:      each(sqrt32),
	rsqrt:     each(func(x float32) float32 { return 1 / sqrt32(x) }),
	sign:      each(sign32),
	floor:     each(func(x float32) float32 { return float32(math.Floor(float64(x))) }),
	ceil:      each(func(x float32) float32 { return float32(math.Ceil(float64(x))) }),
	round:     each(func(x float32) float32 { return float32(math.RoundToEven(float64(x))) }),
	roundBF16: each(roundBF1632),
	fill:      fillGeneric,

	exp:      each(exp32),
	expm1:    each(expm132),
	log:      each(log32),
	log1p:    each(log1p32),
	tanh:     each(tanh32),
	logistic: each(logistic32),
	erf:      each(erf32),
	silu:     each(silu32),
	geluErf:  each(geluErf32),
	geluTanh: each(geluTanh32),
	sin:      sinGeneric,
	cos:      cosGeneric,

	sum:        sumGeneric,
	prod:       prodGeneric,
	sumSquares: sumSquaresGeneric,
	dot:        dotGeneric,
	reduceMax:  reduceMaxGeneric,
	reduceMin:  reduceMinGeneric,
	expSubSum:  expSubSumGeneric,

	sumRows:   sumRowsGeneric,
	transpose: transposeGeneric,

	f16ToF32:  convert(f16ToF32),
	bf16ToF32: convert(func(x uint16) float32 { return math.Float32frombits(uint32(x) << 16) }),
	boolToF32: convert(truth),
	f32ToBool: convert(func(x float32) bool { return x != 0 }),
	f32ToBF16: convert(func(x float32) uint16 { return uint16(math.Float32bits(x) >> 16) }),
}

func each(f func(x float32) float32) func(dst, x []float32) {
	return func(dst, x []float32) {
		for i := range dst {
			dst[i] = f(x[i])
		}
	}
}

func zip(f func(x, y float32) float32) func(dst, x, y []float32) {
	return func(dst, x, y []float32) {
		for i := range dst {
			dst[i] = f(x[i], y[i])
		}
	}
}

func zipS(f func(x, s float32) float32) func(dst, x []float32, s float32) {
	return func(dst, x []float32, s float32) {
		for i := range dst {
			dst[i] = f(x[i], s)
		}
	}
}

// roundBF1632 adds half a last bit, less one where the last bit is even, and cuts.
func roundBF1632(x float32) float32 {
	b := math.Float32bits(x)
	if x != x {
		return math.Float32frombits((b | bf16Quiet) & bf16Kept)
	}
	return math.Float32frombits((b + bf16Half + b>>16&1) & bf16Kept)
}

func truth(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

// The commonest ones have loops of their own, without a call per element.

func addGeneric(dst, x, y []float32) {
	for i := range dst {
		dst[i] = x[i] + y[i]
	}
}

func subGeneric(dst, x, y []float32) {
	for i := range dst {
		dst[i] = x[i] - y[i]
	}
}

func mulGeneric(dst, x, y []float32) {
	for i := range dst {
		dst[i] = x[i] * y[i]
	}
}

func maxGeneric(dst, x, y []float32) {
	for i := range dst {
		dst[i] = max(x[i], y[i])
	}
}

func minGeneric(dst, x, y []float32) {
	for i := range dst {
		dst[i] = min(x[i], y[i])
	}
}

func addSGeneric(dst, x []float32, s float32) {
	for i := range dst {
		dst[i] = x[i] + s
	}
}

func mulSGeneric(dst, x []float32, s float32) {
	for i := range dst {
		dst[i] = x[i] * s
	}
}

func fillGeneric(dst []float32, s float32) {
	for i := range dst {
		dst[i] = s
	}
}

func mulAddGeneric(dst, x, y, z []float32) {
	for i := range dst {
		dst[i] = fma32(x[i], y[i], z[i])
	}
}

func mulAddSGeneric(dst, x []float32, s float32, z []float32) {
	for i := range dst {
		dst[i] = fma32(x[i], s, z[i])
	}
}

func scaleShiftGeneric(dst, x []float32, a, b float32) {
	for i := range dst {
		dst[i] = fma32(x[i], a, b)
	}
}

func selectGeneric(dst, cond, x, y []float32) {
	for i := range dst {
		if cond[i] != 0 {
			dst[i] = x[i]
		} else {
			dst[i] = y[i]
		}
	}
}

func abs32(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

func sqrt32(x float32) float32 { return float32(math.Sqrt(float64(x))) }

func sign32(x float32) float32 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}
