package scores

import (
	"context"
	"math"
	"slices"
	"sync"

	"mgd3/matrix"
)

// ManifoldDiversity returns ManifoldGD's diversity: 1 less the largest cosine between two synthetic samples. It is
// NaN for a single sample.
func ManifoldDiversity(ctx context.Context, syn matrix.Matrix) (float64, error) {
	if err := check(syn); err != nil {
		return 0, err
	}
	if syn.Rows < 2 {
		return nan, nil
	}
	c, err := cosines(ctx, syn, syn, true)
	return 1 - slices.Max(c.most), err
}

// ManifoldRepresentativeness returns ManifoldGD's representativeness: of all synthetic samples the least one's largest
// cosine to a real sample.
func ManifoldRepresentativeness(ctx context.Context, real, syn matrix.Matrix) (float64, error) {
	if err := check(real, syn); err != nil {
		return 0, err
	}
	c, err := cosines(ctx, syn, real, false)
	return slices.Min(c.most), err
}

// MinimaxRepresentativeness returns the term of Minimax's loss that draws new samples to a memory of real ones: 1
// less the smallest cosine between them.
func MinimaxRepresentativeness(ctx context.Context, memory, syn matrix.Matrix) (float64, error) {
	if err := check(memory, syn); err != nil {
		return 0, err
	}
	c, err := cosines(ctx, syn, memory, false)
	return 1 - c.least, err
}

// MinimaxDiversity returns the term of Minimax's loss that drives new samples from a memory of earlier ones: the
// largest cosine between them.
func MinimaxDiversity(ctx context.Context, memory, syn matrix.Matrix) (float64, error) {
	if err := check(memory, syn); err != nil {
		return 0, err
	}
	c, err := cosines(ctx, syn, memory, false)
	return slices.Max(c.most), err
}

// extremes of cosines.
type extremes struct {
	most  []float64 // of each row of x, over the rows of y
	least float64   // over all pairs
}

// cosines compares the rows of x and y. others leaves out pairs of equal index. A row's length is its norm plus 1e-8,
// as in ManifoldGD, so that the cosine with 0 is 0.
func cosines(ctx context.Context, x, y matrix.Matrix, others bool) (extremes, error) {
	const epsilon = 1e-8
	nx, ny := squaredNorms(x), squaredNorms(y)
	e := extremes{make([]float64, x.Rows), math.Inf(1)}
	var mutex sync.Mutex
	err := pairs(ctx, x, y, func(i int, d []float64) {
		most, least := math.Inf(-1), math.Inf(1)
		for j, square := range d {
			if others && i == j {
				continue
			}
			product := (nx[i] + ny[j] - square) / 2
			c := product / ((math.Sqrt(nx[i]) + epsilon) * (math.Sqrt(ny[j]) + epsilon))
			most, least = max(most, c), min(least, c)
		}
		e.most[i] = most
		mutex.Lock()
		e.least = min(e.least, least)
		mutex.Unlock()
	})
	return e, err
}
