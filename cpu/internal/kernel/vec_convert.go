package kernel

// F16ToF32 widens IEEE half precision; it is exact.
func F16ToF32(dst []float32, src []uint16) {
	want(len(dst), len(src))
	vec.f16ToF32(dst, src)
}

// BF16ToF32 widens bfloat16; it is exact.
func BF16ToF32(dst []float32, src []uint16) {
	want(len(dst), len(src))
	vec.bf16ToF32(dst, src)
}

// F32ToBF16 keeps the upper halves: exact of numbers that bfloat16 has.
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
