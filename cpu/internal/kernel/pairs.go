package kernel

import "unsafe"

// PairsKernel returns the kernel of products of bfloat16, at the levels that have one. A and B hold words of two of
// them in place of floats: the terms 2p and 2p+1 of a row of A, or of a column of B. So k, off and the strides lda
// and ldb count words. A term is
//
//	C ← fma(A[2p+1], B[2p+1], C), then C ← fma(A[2p], B[2p], C)
//
// each rounded once to the nearest, ties to even. Numbers below 2⁻¹²⁶ count as zero, those of A, B and C as well as
// results. That is VDPBF16PS (Intel's Software Developer's Manual, volume 2, under that name). An element is one chain
// of them, that starts with C or 0: so, as of [Gemm], neither cuts of the sum nor the height of a tile have any
// influence on the bytes.
func PairsKernel() *Gemm { return pairsKernel(Current()) }

// HasPairs reports whether the current level has an instruction for products of bfloat16.
func HasPairs() bool { return Current() >= BF16 }

// PairsLen is the number of bfloat16 of all panels of a [k, n] matrix: an odd k has a zero behind it.
func PairsLen(k, n int) int { return 2 * PackedLen((k+1)/2, n) }

// ToPairs writes a row of bfloat16, stored as float32, as (len(src)+1)/2 words, in which they are neighbours in memory.
func ToPairs(dst []float32, src []float32) {
	halves := unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(dst))), 2*len(dst))[:(len(src)+1)/2*2]
	F32ToBF16(halves[:len(src)], src)
	if len(src) < len(halves) {
		halves[len(src)] = 0
	}
}
