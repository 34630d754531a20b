package weights

import (
	"encoding/binary"
	"math"
)

// DType is the type of a tensor's elements, by its name in the file: "F32", "BF16", "I64" …
type DType string

// sizes holds the bytes per element of every type the reader knows. Those that neither
// fillFloat32s nor fillInt64s converts are handed out as bytes only.
var sizes = map[DType]int{
	"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1,
	"U16": 2, "I16": 2, "F16": 2, "BF16": 2,
	"U32": 4, "I32": 4, "F32": 4,
	"U64": 8, "I64": 8, "F64": 8,
}

// fillFloat32s converts the elements in src to dst, which has room for exactly these. Every
// F16 and BF16 is a float32; an F64 is rounded to the nearest one. It reports false for types
// that are not real numbers.
func fillFloat32s(dst []float32, d DType, src []byte) bool {
	le := binary.LittleEndian
	switch d {
	case "F32":
		for i := range dst {
			dst[i] = math.Float32frombits(le.Uint32(src[4*i:]))
		}
	case "F16":
		for i := range dst {
			dst[i] = half(le.Uint16(src[2*i:]))
		}
	case "BF16": // the upper half of a float32
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(le.Uint16(src[2*i:])) << 16)
		}
	case "F64":
		for i := range dst {
			dst[i] = float32(math.Float64frombits(le.Uint64(src[8*i:])))
		}
	default:
		return false
	}
	return true
}

// fillFloat64s is fillFloat32s without the rounding.
func fillFloat64s(dst []float64, d DType, src []byte) bool {
	if d == "F64" {
		for i := range dst {
			dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
		}
		return true
	}
	narrow := make([]float32, len(dst))
	ok := fillFloat32s(narrow, d, src)
	for i, v := range narrow {
		dst[i] = float64(v)
	}
	return ok
}

// fillInt64s converts the elements in src to dst, which has room for exactly these. It
// reports false for types that are not whole numbers, and for U64, which does not fit.
func fillInt64s(dst []int64, d DType, src []byte) bool {
	le := binary.LittleEndian
	element := map[DType]func(i int) int64{
		"U8":  func(i int) int64 { return int64(src[i]) },
		"I8":  func(i int) int64 { return int64(int8(src[i])) },
		"U16": func(i int) int64 { return int64(le.Uint16(src[2*i:])) },
		"I16": func(i int) int64 { return int64(int16(le.Uint16(src[2*i:]))) },
		"U32": func(i int) int64 { return int64(le.Uint32(src[4*i:])) },
		"I32": func(i int) int64 { return int64(int32(le.Uint32(src[4*i:]))) },
		"I64": func(i int) int64 { return int64(le.Uint64(src[8*i:])) },
	}[d]
	if element == nil {
		return false
	}
	for i := range dst {
		dst[i] = element(i)
	}
	return true
}

// half returns the value of an IEEE 754 binary16: 1 sign bit, 5 bits of exponent, bias 15,
// 10 bits of fraction. Every such value is a float32.
func half(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exponent := uint32(h>>10) & 31
	fraction := uint32(h) & 1023
	switch exponent {
	case 0: // zero and subnormals: fraction · 2⁻²⁴
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
	case 31: // infinities and NaN
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}

// toHalf returns the binary16 nearest to v, of two equally near ones the even one.
func toHalf(v float32) uint16 {
	b := math.Float32bits(v)
	sign := uint16(b>>16) & 0x8000
	b &= 0x7fffffff
	switch {
	case b > 255<<23: // NaN
		return sign | 0x7e00
	case b >= 0x477ff000: // 65520, halfway from the largest number to the next power of two
		return sign | 0x7c00
	case b < (127-14)<<23: // subnormals: fraction · 2⁻²⁴, which is the last bit of numbers from ½ to 1
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-math.Float32bits(0.5))
	}
	b += 0xfff + b>>13&1 // a carry goes into the exponent, as it should
	return sign | uint16(b>>13-(127-15)<<10)
}

// toBrain returns the bfloat16 nearest to v, of two equally near ones the even one.
func toBrain(v float32) uint16 {
	b := math.Float32bits(v)
	if v != v {
		return uint16(b>>16) | 0x40 // what is left of the fraction must not be zero
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16) // carries as in toHalf
}
