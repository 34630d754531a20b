package kernel

import "unsafe"

var gemmPlain = Gemm{MR: 4, run: gemmGeneric}

// gemmGeneric does two rows and four columns at a time, whose sums stay in registers, and the edges one by one.
func gemmGeneric(rows, cols, taps int, off *int, k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int,
	add bool, _ *float32) {
	for i := 0; i < rows; i += 2 {
		for j := 0; j < cols; j += 4 {
			if i+2 <= rows && j+4 <= cols {
				gemm2x4Generic(taps, off, k, at(a, i*lda), lda, at(b, j), ldb, at(c, i*ldc+j), ldc, add)
				continue
			}
			for e := range min(2, rows-i) * min(4, cols-j) {
				row, col := i+e/min(4, cols-j), j+e%min(4, cols-j)
				gemm1x1Generic(taps, off, k, at(a, row*lda), at(b, col), ldb, at(c, row*ldc+col), add)
			}
		}
	}
}

func gemm1x1Generic(taps int, off *int, k int, a, b *float32, ldb int, c *float32, add bool) {
	sum := float32(0)
	if add {
		sum = *c
	}
	row := 0
	for _, o := range unsafe.Slice(off, taps) {
		for _, x := range unsafe.Slice(at(a, o), k) {
			sum += x * *at(b, row)
			row += ldb
		}
	}
	*c = sum
}

func gemm2x4Generic(taps int, off *int, k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int,
	add bool) {
	c0, c1 := (*[4]float32)(unsafe.Pointer(c)), (*[4]float32)(unsafe.Pointer(at(c, ldc)))
	var s0, s1, s2, s3, t0, t1, t2, t3 float32
	if add {
		s0, s1, s2, s3 = c0[0], c0[1], c0[2], c0[3]
		t0, t1, t2, t3 = c1[0], c1[1], c1[2], c1[3]
	}
	row := 0
	for _, o := range unsafe.Slice(off, taps) {
		y := unsafe.Slice(at(a, o+lda), k)
		for p, x := range unsafe.Slice(at(a, o), k) {
			y, b4 := y[p], (*[4]float32)(unsafe.Pointer(at(b, row)))
			s0 += x * b4[0]
			s1 += x * b4[1]
			s2 += x * b4[2]
			s3 += x * b4[3]
			t0 += y * b4[0]
			t1 += y * b4[1]
			t2 += y * b4[2]
			t3 += y * b4[3]
			row += ldb
		}
	}
	*c0 = [4]float32{s0, s1, s2, s3}
	*c1 = [4]float32{t0, t1, t2, t3}
}

// at is the address of p[i].
func at(p *float32, i int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*i))
}
