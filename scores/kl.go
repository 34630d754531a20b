package scores

import (
	"fmt"
	"math"

	"mgd3/matrix"
)

// KL returns Σ p·ln(p/q) of two histograms of counts, each divided by its sum and then raised to at least 1e-10, as in
// ManifoldGD's program.
func KL(p, q []float64) (float64, error) {
	const floor = 1e-10
	if len(p) != len(q) {
		return 0, fmt.Errorf("histograms of %d and %d bins, want equally many", len(p), len(q))
	}
	for _, counts := range [][]float64{p, q} {
		for i, v := range counts {
			if !(v >= 0) || math.IsInf(v, 1) {
				return 0, fmt.Errorf("bin %d counts %v, want a finite number from 0 on", i, v)
			}
		}
		if matrix.Sum(counts) == 0 {
			return 0, fmt.Errorf("a histogram of %d bins counts nothing", len(counts))
		}
	}
	sumP, sumQ, kl := matrix.Sum(p), matrix.Sum(q), 0.0
	for i := range p {
		a, b := max(p[i]/sumP, floor), max(q[i]/sumQ, floor)
		kl += a * math.Log(a/b)
	}
	return kl, nil
}
