package kernel

import "math"

// F16ToF32 widens IEEE half precision; it is exact.
func F16ToF32(dst []float32, src []uint16) {
	want(len(dst), len(src))
	vec.f16ToF32(dst, src)
}

// F32ToF16 rounds to IEEE half precision, ties to even.
func F32ToF16(dst []uint16, src []float32) {
	want(len(dst), len(src))
	vec.f32ToF16(dst, src)
}

// BF16ToF32 widens bfloat16; it is exact.
func BF16ToF32(dst []float32, src []uint16) {
	want(len(dst), len(src))
	vec.bf16ToF32(dst, src)
}

// F32ToBF16 rounds to bfloat16, ties to even.
func F32ToBF16(dst []uint16, src []float32) {
	want(len(dst), len(src))
	vec.f32ToBF16(dst, src)
}

// BoolToF32 gives 1 for true, 0 for false.
func BoolToF32(dst []float32, src []bool) {
	want(len(dst), len(src))
	vec.boolToF32(dst, src)
}

// F32ToBool gives src[i] != 0, so true for NaN.
func F32ToBool(dst []bool, src []float32) {
	want(len(dst), len(src))
	vec.f32ToBool(dst, src)
}

// I32ToF32 rounds to nearest, ties to even.
func I32ToF32(dst []float32, src []int32) {
	want(len(dst), len(src))
	vec.i32ToF32(dst, src)
}

// F32ToI32 drops the fraction; what is too large or small gives the largest or smallest value, NaN gives 0.
func F32ToI32(dst []int32, src []float32) {
	want(len(dst), len(src))
	vec.f32ToI32(dst, src)
}

// U8ToF32 is exact.
func U8ToF32(dst []float32, src []uint8) {
	want(len(dst), len(src))
	vec.u8ToF32(dst, src)
}

// F32ToU8 drops the fraction; what is too large or small gives 255 or 0, NaN gives 0.
func F32ToU8(dst []uint8, src []float32) {
	want(len(dst), len(src))
	vec.f32ToU8(dst, src)
}

// I64ToF32 rounds to nearest, ties to even.
func I64ToF32(dst []float32, src []int64) {
	want(len(dst), len(src))
	for i := range dst {
		dst[i] = float32(src[i])
	}
}

// F32ToI64 drops the fraction; what is too large or small gives the largest or smallest value, NaN gives 0.
func F32ToI64(dst []int64, src []float32) {
	want(len(dst), len(src))
	for i := range dst {
		dst[i] = saturate(src[i], math.MinInt64, math.MaxInt64)
	}
}
