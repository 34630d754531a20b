package kernel

import (
	"math"
	"unsafe"
)

var pairsPlain = Gemm{MR: 4, run: pairsGeneric}

// pairsGeneric is the specification: one element after the other.
func pairsGeneric(rows, cols, taps int, off *int, k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int,
	add bool, _ *float32) {
	for e := range rows * cols {
		i, j := e/cols, e%cols
		sum := float32(0)
		if add {
			sum = *at(c, i*ldc+j)
		}
		row := j
		for _, o := range unsafe.Slice(off, taps) {
			for p := range k {
				sum = addPair(sum, math.Float32bits(*at(a, o+i*lda+p)), math.Float32bits(*at(b, row)))
				row += ldb
			}
		}
		*at(c, i*ldc+j) = sum
	}
}

// addPair is VDPBF16PS.
func addPair(sum float32, a, b uint32) float32 {
	const hi = 0xffff0000
	sum = fmaNormal(math.Float32frombits(a&hi), math.Float32frombits(b&hi), sum)
	return fmaNormal(math.Float32frombits(a<<16), math.Float32frombits(b<<16), sum)
}

// fmaNormal is fma32 without numbers below 2⁻¹²⁶. A result is one of them if it is with 24 digits, on a scale where
// the bounds of exponents take none of them away.
func fmaNormal(x, y, z float32) float32 {
	const least, up = 0x1p-126, 0x1p60
	x, y, z = normal(x), normal(y), normal(z)
	r := fma32(x, y, z)
	if abs(r) == least {
		if abs(x) > abs(y) {
			x, y = y, x
		}
		if abs(fma32(x*up, y, z*up)) < least*up {
			return r * 0
		}
	}
	return normal(r)
}

func abs(x float32) float32 { return float32(math.Abs(float64(x))) }

// normal is x, or zero in place of a number below 2⁻¹²⁶.
func normal(x float32) float32 {
	if math.Float32bits(x)<<1 < 1<<24 {
		return x * 0
	}
	return x
}
