package coreset

import (
	"mgd3/matrix"
)

// Herding returns the k rows whose mean follows that of all rows.
func Herding(x matrix.Matrix, k int) ([]int, error) {
	if err := check(x.Rows, k); err != nil {
		return nil, err
	}
	mu := x.Mean()
	target := make([]float64, x.Cols) // t·μ − Σ of the rows chosen
	taken := newTaken(x)
	var chosen []int
	for range k {
		for j := range target {
			target[j] += mu[j]
		}
		i := closest(x, target, taken.closed)
		chosen = append(chosen, i)
		taken.take(i)
		for j, v := range x.Row(i) {
			target[j] -= float64(v)
		}
	}
	return chosen, nil
}
