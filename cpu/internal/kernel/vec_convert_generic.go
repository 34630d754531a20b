package kernel

import "math"

func convert[D, S any](f func(S) D) func(dst []D, src []S) {
	return func(dst []D, src []S) {
		for i := range dst {
			dst[i] = f(src[i])
		}
	}
}

// saturate drops the fraction of x and keeps it within [lo, hi]; NaN gives 0.
func saturate(x float32, lo, hi int64) int64 {
	switch {
	case x != x:
		return 0
	case float64(x) <= float64(lo):
		return lo
	case float64(x) >= float64(hi):
		return hi
	}
	return int64(x)
}

// f16ToF32 widens s·2^e·m: sign 1, exponent 5, mantissa 10 bits.
func f16ToF32(h uint16) float32 {
	sign, exp, man := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&0x3ff
	switch exp {
	case 0: // zero or below the normal numbers
		return math.Float32frombits(sign | math.Float32bits(float32(man)*0x1p-24))
	case 31:
		if man != 0 {
			man |= 0x200 // quiet, as the hardware gives it
		}
		return math.Float32frombits(sign | 0x7f800000 | man<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | man<<13)
}

// f32ToF16 rounds to nearest, ties to even.
func f32ToF16(x float32) uint16 {
	b := math.Float32bits(x)
	sign := uint16(b>>16) & 0x8000
	b &^= 1 << 31
	switch {
	case b > 0x7f800000: // NaN, quiet
		return sign | 0x7e00 | uint16(b>>13)&0x3ff
	case b >= 0x477ff000: // 65520 rounds to infinity
		return sign | 0x7c00
	case b < 0x38800000: // below 2^-14: a multiple of 2^-24
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(b))*0x1p24))
	}
	b += 0xfff + b>>13&1
	return sign | uint16(b>>13-112<<10)
}

// f32ToBF16 rounds to nearest, ties to even.
func f32ToBF16(x float32) uint16 {
	b := math.Float32bits(x)
	if x != x {
		return uint16(b>>16) | 0x40 // quiet
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}
