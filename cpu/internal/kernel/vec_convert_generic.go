package kernel

import "math"

func convert[D, S any](f func(S) D) func(dst []D, src []S) {
	return func(dst []D, src []S) {
		for i := range dst {
			dst[i] = f(src[i])
		}
	}
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
