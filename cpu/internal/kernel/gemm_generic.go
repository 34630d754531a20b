package kernel

import "unsafe"

var gemmPlain = Gemm{MR: 4, run: gemmGeneric}

// gemmGeneric is the specification of [Gemm].Run.
func gemmGeneric(rows, cols, taps int, off *int, k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, add bool, _ *float32) {
	for i := range rows {
		sum := unsafe.Slice(at(c, i*ldc), cols)
		if !add {
			clear(sum)
		}
		for t, o := range unsafe.Slice(off, taps) {
			for p, x := range unsafe.Slice(at(a, o+i*lda), k) {
				for j, y := range unsafe.Slice(at(b, (t*k+p)*ldb), cols) {
					sum[j] += x * y
				}
			}
		}
	}
}

// at is the address of p[i].
func at(p *float32, i int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*i))
}
