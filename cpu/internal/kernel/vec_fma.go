//go:build !(arm64 || loong64 || ppc64 || ppc64le || riscv64 || s390x)

package kernel

import "math"

// fma32 returns x·y + z rounded once. The product is exact in float64, and so the sum s rounded to float64 is on the
// right side of every tie of float32 numbers, unless it is one. Ties of numbers below 2^-126 lie elsewhere.
func fma32(x, y, z float32) float32 {
	s := float64(x)*float64(y) + float64(z)
	if b := math.Float64bits(s); b<<35 == 1<<63 || b<<1 < tiny {
		return fmaTie(x, y, z)
	}
	return float32(s)
}

const tiny = (1023 - 126) << 53 // the bits of 2^-126, but for the sign bit

// fmaTie is fma32 for all numbers: the sum is rounded to odd in float64, so that the second rounding is that of
// the exact value (Boldo and Melquiond 2008).
func fmaTie(x, y, z float32) float32 {
	p, c := float64(x)*float64(y), float64(z)
	s := p + c
	b := s - p
	lost := (p - (s - b)) + (c - b) // s + lost is the exact sum (Knuth)
	bits := math.Float64bits(s)
	if bits&1 == 0 && (lost > 0 || lost < 0) {
		if (lost > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
	}
	return float32(math.Float64frombits(bits))
}
