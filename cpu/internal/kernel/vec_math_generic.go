package kernel

import "math"

// The functions here are the specification of the assembly, step by step and rounding by rounding: fma32
// rounds once, and float32(…) around a product keeps the compiler from joining it with a sum.

// horner returns Σ c[k]·xᵏ; the highest coefficient comes first.
func horner(x float32, c ...float32) float32 {
	s := c[0]
	for _, v := range c[1:] {
		s = fma32(s, x, v)
	}
	return s
}

func roundEven(x float32) float32 { return float32(math.RoundToEven(float64(x))) }

// exp32 is 2ⁿ·eʳ with x = n·ln 2 + r.
func exp32(x float32) float32 {
	if x > expMax {
		x = expMax
	}
	return expNeg32(x)
}

// expNeg32 is exp32 for x ≤ expMax.
func expNeg32(x float32) float32 {
	if x < expMin {
		x = expMin
	}
	n := roundEven(x * log2e)
	r := fma32(-n, ln2Lo, fma32(-n, ln2Hi, x))
	return scale32(horner(r, exp6, exp5, exp4, exp3, exp2, 1, 1), n)
}

// scale32 returns x·2ⁿ, rounded once, for |n| < 1000.
func scale32(x, n float32) float32 {
	return float32(float64(x) * math.Float64frombits(uint64(1023+int(n))<<52))
}

// expm132 is (2ⁿ-1) + 2ⁿ·(eʳ-1), r in two parts; 2^128 is 2·2^127.
func expm132(x float32) float32 {
	if x > expMax {
		x = expMax
	}
	y := x
	if y < expm1Min {
		y = expm1Min
	}
	n := roundEven(y * log2e)
	hi, lo := fma32(-n, ln2Hi, y), float32(n*ln2Lo)
	r := hi - lo
	c := (hi - r) - lo
	p := r + fma32(r*r, horner(r, exp6, exp5, exp4, exp3, exp2), c)
	m := n
	if m > expm1Top {
		m = expm1Top
	}
	s := scale32(1, m)
	y = fma32(s, p, s-1)
	return withSign(fma32(y, n-m, y), x)
}

// withSign sets the sign bit of y, which has the sign of x unless it is zero.
func withSign(y, x float32) float32 {
	return math.Float32frombits(math.Float32bits(y) | math.Float32bits(x)&signBit)
}

// log32 is k·ln 2 + ln(1+f) with x = 2ᵏ·(1+f).
func log32(x float32) float32 {
	y, k0 := x, float32(0)
	if x < minNormal {
		y, k0 = x*logScale, -logShift
	}
	m, k := split(y)
	return logEdges(logSum(m-1, float32(k)+k0), x)
}

// split returns m in [√½, √2) and k with y = m·2ᵏ, for a normal y > 0.
func split(y float32) (m float32, k int32) {
	b := math.Float32bits(y)
	k = int32(b-sqrtHalf) >> 23
	return math.Float32frombits(b - uint32(k)<<23), k
}

// logSum returns k·ln 2 + ln(1+f).
func logSum(f, k float32) float32 {
	h := f * f
	u := fma32(horner(f, log10, log9, log8, log7, log6, log5, log4, log3), f, minusHalf)
	return fma32(k, ln2Hi, f) + fma32(h, u, float32(k*ln2Lo))
}

// logEdges replaces y = ln x where x is 0, infinite, negative or NaN.
func logEdges(y, x float32) float32 {
	switch {
	case !(x >= 0):
		return math.Float32frombits(nanBits)
	case x == 0:
		return float32(math.Inf(-1))
	case math.Float32bits(x) == infBits:
		return x
	}
	return y
}

// log1p32 is ln u for the rounded u = 1+x, with the rest c = 1+x-u added to f.
func log1p32(x float32) float32 {
	u := x + 1
	c := x - (u - 1)
	m, k := split(u)
	f := fma32(c, math.Float32frombits(uint32(127-min(k, topShift))<<23), m-1)
	return withSign(logEdges(logSum(f, float32(k)), u), x)
}

// tanh32 is 1 - 2/(e²ᵃ+1), a = |x|; below tanhSmall it is a polynomial.
func tanh32(x float32) float32 {
	a := abs32(x)
	if a > tanhMax {
		a = tanhMax
	}
	y := 1 - 2/(expNeg32(a+a)+1)
	if a < tanhSmall {
		z := a * a
		y = fma32(float32(a*z), horner(z, tanh11, tanh9, tanh7, tanh5, tanh3), a)
	}
	return withSign(y, x)
}

// logistic32 is 1/(1+z), z = exp(-|x|); for x < 0 it is z/(1+z), precise down to the smallest numbers. With d the
// rounded 1+z and e the rest, 1/(d+e) is near 1/d - e/d·(a line near 1/d).
func logistic32(x float32) float32 {
	z := expNeg32(-abs32(x))
	y := z
	if !(x < 0) {
		y = 1
	}
	d := z + 1
	e := z - (d - 1)
	y /= d
	return fma32(-(y * e), fma32(d, -half, invMid), y)
}

// erf32 is 1 - exp(P(a)), a = |x|; below erfSmall it is a polynomial.
func erf32(x float32) float32 {
	a := abs32(x)
	if a > erfMax {
		a = erfMax
	}
	y := 1 - expNeg32(horner(a, erfc6, erfc5, erfc4, erfc3, erfc2, erfc1, erfc0))
	if a < erfSmall {
		y = fma32(a, horner(a*a, erf11, erf9, erf7, erf5, erf3, erf1), a)
	}
	return withSign(y, x)
}

func silu32(x float32) float32 { return x * logistic32(x) }

func geluErf32(x float32) float32 {
	h := half * x
	return fma32(h, erf32(x*sqrtHalf1), h)
}

// geluTanh32 uses (1 + tanh u)/2 = logistic(2u).
func geluTanh32(x float32) float32 {
	return x * logistic32(float32(gelu1*x)*fma32(gelu3*x, x, 1))
}

// quadrant returns n mod 4 and r with a = n·π/2 + r.
func quadrant(a float32) (n int32, r float32) {
	f := roundEven(a * twoOverPi)
	r = fma32(-f, halfPi3, fma32(-f, halfPi2, fma32(-f, halfPi1, a)))
	return int32(f), r
}

// wave returns sin(n·π/2 + r).
func wave(n int32, r float32) float32 {
	z := r * r
	y := fma32(float32(r*z), horner(z, sin7, sin5, sin3), r)
	if n&1 != 0 {
		y = horner(z, cos8, cos6, cos4, minusHalf, 1)
	}
	return math.Float32frombits(math.Float32bits(y) ^ uint32(n)<<30&signBit)
}

// sin32 leaves what is beyond sinMax to float64.
func sin32(x float32) float32 {
	a := abs32(x)
	if a > sinMax {
		return float32(math.Sin(float64(x)))
	}
	y := wave(quadrant(a))
	return math.Float32frombits(math.Float32bits(y) ^ math.Float32bits(x)&signBit)
}

func cos32(x float32) float32 {
	a := abs32(x)
	if a > sinMax {
		return float32(math.Cos(float64(x)))
	}
	n, r := quadrant(a)
	return wave(n+1, r)
}

func sinGeneric(dst, x []float32) int {
	for i := range dst {
		dst[i] = sin32(x[i])
	}
	return len(dst)
}

func cosGeneric(dst, x []float32) int {
	for i := range dst {
		dst[i] = cos32(x[i])
	}
	return len(dst)
}
