package kernel

// Transpose sets dst[j·ldd + i] = src[i·lds + j] for i < rows and j < cols: src is [rows, cols] with rows lds apart,
// dst is [cols, rows] with rows ldd apart. They do not overlap.
func Transpose(dst []float32, ldd int, src []float32, lds int, rows, cols int) {
	if rows <= 0 || cols <= 0 {
		return
	}
	want((rows-1)*lds+cols, len(src))
	want((cols-1)*ldd+rows, len(dst))
	vec.transpose(dst, ldd, src, lds, rows, cols)
}
