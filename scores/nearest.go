package scores

import (
	"context"
	"fmt"
	"math"
	"slices"

	"mgd3/matrix"
)

// Near is how many real samples MGD3's representativeness looks at.
const Near = 50

// Diversity returns MGD3's diversity of a class's synthetic samples: the mean distance of one to the nearest other.
// It is NaN for a single sample.
func Diversity(ctx context.Context, syn matrix.Matrix) (float64, error) {
	if err := check(syn); err != nil {
		return 0, err
	}
	if syn.Rows < 2 {
		return nan, nil
	}
	nearest := make([]float64, syn.Rows)
	err := pairs(ctx, syn, syn, func(i int, d []float64) {
		d[i] = math.Inf(1)
		nearest[i] = math.Sqrt(slices.Min(d))
	})
	return mean(nearest), err
}

// Representativeness returns MGD3's representativeness of a class's synthetic samples: the mean distance of one to
// its k nearest real samples, or to all if there are fewer; k is [Near] in the paper. Less is nearer to the real
// ones.
func Representativeness(ctx context.Context, real, syn matrix.Matrix, k int) (float64, error) {
	if err := check(real, syn); err != nil {
		return 0, err
	}
	if k < 1 {
		return 0, fmt.Errorf("representativeness by the %d nearest, want at least 1", k)
	}
	k = min(k, real.Rows)
	near := make([]float64, syn.Rows)
	err := pairs(ctx, syn, real, func(i int, d []float64) {
		kth(d, k)
		slices.Sort(d[:k]) // so that the sum does not depend on the order of the real samples
		for _, square := range d[:k] {
			near[i] += math.Sqrt(square) / float64(k)
		}
	})
	return mean(near), err
}

// Coverage returns, for each k, the share of real samples that have a synthetic one nearer than their k-th nearest
// other real sample. Naeem et al. use k = 5 and sets of equal size. M synthetic samples cover some M·k real ones, so
// of few the coverage with k = 5 is small at best; [FairShare] is the k at which it could reach 1. Equal distances do
// not count, as in the authors' program. With too few real samples for k it is NaN.
//
// It holds 32·N numbers per core and takes N²·D multiplications.
func Coverage(ctx context.Context, real, syn matrix.Matrix, ks ...int) ([]float64, error) {
	if err := check(real, syn); err != nil {
		return nil, err
	}
	for _, k := range ks {
		if k < 1 {
			return nil, fmt.Errorf("coverage by the neighbour %d, want at least 1", k)
		}
	}
	nearest := make([]float64, real.Rows) // squared distance to the nearest synthetic sample
	if err := pairs(ctx, real, syn, func(i int, d []float64) { nearest[i] = slices.Min(d) }); err != nil {
		return nil, err
	}
	covered := make([][]bool, len(ks))
	for l := range ks {
		covered[l] = make([]bool, real.Rows)
	}
	err := pairs(ctx, real, real, func(i int, d []float64) {
		d[i] = math.Inf(1)
		for l, k := range ks {
			covered[l][i] = k < real.Rows && nearest[i] < kth(d, k)
		}
	})
	shares := make([]float64, len(ks))
	for l, k := range ks {
		if k >= real.Rows {
			shares[l] = nan
			continue
		}
		n := 0
		for _, c := range covered[l] {
			if c {
				n++
			}
		}
		shares[l] = float64(n) / float64(real.Rows)
	}
	return shares, err
}

// FairShare is how many of n real samples each of m synthetic ones stands for, rounded up.
func FairShare(n, m int) int { return (n + m - 1) / m }

// kth returns the k-th smallest number, k from 1, and moves it and all smaller ones to the front (Hoare 1961).
func kth(d []float64, k int) float64 {
	for lo, hi := 0, len(d)-1; lo < hi; {
		pivot := d[(lo+hi)/2]
		i, j := lo, hi
		for i <= j {
			for d[i] < pivot {
				i++
			}
			for pivot < d[j] {
				j--
			}
			if i <= j {
				d[i], d[j] = d[j], d[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case k-1 <= j:
			hi = j
		case k-1 >= i:
			lo = i
		default:
			return d[k-1]
		}
	}
	return d[k-1]
}
