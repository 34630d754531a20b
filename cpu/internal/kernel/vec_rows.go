package kernel

// SumRows adds to each acc[j] the x[r·stride + j] of r = 0 … rows-1, in this order. The length of acc rules.
func SumRows(acc, x []float32, rows, stride int) {
	wantRows(acc, x, rows, stride)
	vec.sumRows(acc, x, rows, stride)
}

func wantRows(acc, x []float32, rows, stride int) {
	if rows > 0 && len(acc) > 0 {
		want((rows-1)*stride+len(acc), len(x))
	}
}
