package kernel

// transposeGeneric takes 16 rows at a time: a cache line of each row of dst, and 16 lines of src at once.
func transposeGeneric(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	for top := 0; top < rows; top += 16 {
		bottom := min(top+16, rows)
		for j := range cols {
			for i := top; i < bottom; i++ {
				dst[j*ldd+i] = src[i*lds+j]
			}
		}
	}
}
