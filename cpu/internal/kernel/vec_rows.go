package kernel

// SumRows adds to each acc[j] the x[r·stride + j] of r = 0 … rows-1, in this order. The length of acc rules.
func SumRows(acc, x []float32, rows, stride int) {
	wantRows(acc, x, rows, stride)
	vec.sumRows(acc, x, rows, stride)
}

// MaxRows sets each acc[j] to the maximum of itself and the x[r·stride + j] of all rows, as Max.
func MaxRows(acc, x []float32, rows, stride int) {
	wantRows(acc, x, rows, stride)
	vec.maxRows(acc, x, rows, stride)
}

// MinRows sets each acc[j] to the minimum of itself and the x[r·stride + j] of all rows, as Min.
func MinRows(acc, x []float32, rows, stride int) {
	wantRows(acc, x, rows, stride)
	vec.minRows(acc, x, rows, stride)
}

// SumSqDiffRows adds to each acc[j] the (x[r·stride + j] - mean[j])² of r = 0 … rows-1, in this order; the
// difference is rounded, each step of the sum is rounded once.
func SumSqDiffRows(acc, x, mean []float32, rows, stride int) {
	wantRows(acc, x, rows, stride)
	want(len(acc), len(mean))
	vec.sumSqDiffRows(acc, x, mean, rows, stride)
}

func wantRows(acc, x []float32, rows, stride int) {
	if rows > 0 && len(acc) > 0 {
		want((rows-1)*stride+len(acc), len(x))
	}
}
