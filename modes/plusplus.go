package modes

import (
	"context"
	"math"
	"slices"

	"mgd3/matrix"
)

// plusPlus returns k rows of x to start from: greedy k-means++ (Arthur and Vassilvitskii 2007,
// section 5) as in scikit-learn. Each of 2+⌊ln k⌋ candidates is drawn with a probability
// proportional to its squared distance to the rows chosen so far; the one that leaves the least
// sum of such distances, the first of equals, is chosen. uniform returns numbers in [0, 1).
// Once all distinct rows are chosen, row 0 is.
func plusPlus(ctx context.Context, x matrix.Matrix, k, first int, uniform func() float64) ([]int, error) {
	norms := matrix.SquaredNorms(x)
	chosen := []int{first}
	closest := slices.Repeat([]float64{math.Inf(1)}, x.Rows)
	closest = closer(closest, x, norms, chosen)[0]
	candidates := make([]int, 2+int(math.Log(float64(k))))
	for len(chosen) < k {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		total := matrix.Sum(closest)
		for t := range candidates {
			candidates[t] = draw(closest, uniform()*total)
		}
		left := closer(closest, x, norms, candidates)
		sums := make([]float64, len(left))
		for t := range left {
			sums[t] = matrix.Sum(left[t])
		}
		best := matrix.ArgMin(sums)
		chosen = append(chosen, candidates[best])
		closest = left[best]
	}
	return chosen, nil
}

// closer returns, for each candidate row, what closest becomes if that row is chosen.
func closer(closest []float64, x matrix.Matrix, norms []float64, candidates []int) [][]float64 {
	left := make([][]float64, len(candidates))
	for t := range left {
		left[t] = make([]float64, x.Rows)
	}
	matrix.DistancesWith(norms, x, x.Pick(candidates), func(i int, d []float64) {
		for t := range d {
			left[t][i] = min(closest[i], d[t])
		}
	})
	return left
}

// draw returns the first index at which the running sum of weights reaches v, or the last index.
func draw(weights []float64, v float64) int {
	var s float64
	for i, w := range weights {
		if s += w; s >= v {
			return i
		}
	}
	return len(weights) - 1
}
