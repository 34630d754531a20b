package kernel

// ExpSubSum sets dst[i] = exp(x[i] - m), as Exp, and returns the sum of dst: element i belongs to lane i mod 16,
// and the lanes are halved as in Sum.
func ExpSubSum(dst, x []float32, m float32) (sum float32) {
	want(len(dst), len(x))
	return vec.expSubSum(dst, x, m)
}
