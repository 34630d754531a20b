package kernel

// Sum returns the sum of x. Element i belongs to lane i mod 64, and a lane adds its elements in order. At the end
// lane j of the first 16 takes (j + (j+16)) + ((j+32) + (j+48)), and the 16 are halved four times: j + (j+8),
// j + (j+4), j + (j+2), j + (j+1). Prod, SumSquares and Dot have the same structure.
func Sum(x []float32) float32 { return vec.sum(x) }

// Prod returns the product of x, 1 if there is none.
func Prod(x []float32) float32 { return vec.prod(x) }

// SumSquares returns Σ x[i]², each step rounded once.
func SumSquares(x []float32) float32 { return vec.sumSquares(x) }

// Dot returns Σ x[i]·y[i], each step rounded once. The length of x rules.
func Dot(x, y []float32) float32 {
	want(len(x), len(y))
	return vec.dot(x, y)
}

// ReduceMax returns the maximum of x: NaN if one is NaN, -∞ if there is none. A maximum of zero is +0.
func ReduceMax(x []float32) float32 { return vec.reduceMax(x) }

// ReduceMin returns the minimum of x: NaN if one is NaN, +∞ if there is none. A minimum of zero is +0.
func ReduceMin(x []float32) float32 { return vec.reduceMin(x) }
