package page

import (
	"context"
	"math"
	"math/rand/v2"

	"mgd3/matrix"
)

// axes are the first two principal components of the rows of a matrix, by orthogonal iteration (Golub and Van Loan,
// Matrix Computations, 8.2.4) on the rows themselves: nothing of D × D numbers is held.
type axes struct {
	mean      []float64
	axis      [2][]float64 // of length 1; signs so that the largest number is positive
	explained [2]float64   // shares of the variance
}

// newAxes takes at least two rows [N, D], and fewer columns than two as well: the second axis is then 0. Equal rows
// give equal axes, and so equal pages: the first vectors come from a fixed seed, and the signs are fixed by turn.
func newAxes(ctx context.Context, x matrix.Matrix) (*axes, error) {
	// Two vectors are kept. The other four are iterated because of the speed: with p vectors the error of the second
	// axis falls by (λ₍p+1₎/λ₂)² a round, λ the eigenvalues of XᵀX in falling order; λ₃ is often near λ₂, λ₇ is not.
	const wide, rounds = 6, 40
	a := &axes{mean: x.Mean()}
	total := 0.0
	for i := range x.Rows {
		for j, v := range x.Row(i) {
			d := float64(v) - a.mean[j]
			total += d * d
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	basis := make([][]float64, min(wide, x.Cols))
	for k := range basis {
		basis[k] = make([]float64, x.Cols)
		for j := range basis[k] {
			basis[k][j] = rng.NormFloat64()
		}
	}
	var spread []float64
	for round := range rounds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		before := spread
		orthonormal(basis)
		basis, spread = a.spreads(x, basis)
		if round > 4 && settled(before, spread) {
			break
		}
	}
	orthonormal(basis)
	for k := range min(2, len(basis)) {
		a.axis[k] = basis[k]
		if total > 0 {
			a.explained[k] = spread[k] / total
		}
		turn(a.axis[k])
	}
	if len(basis) < 2 {
		a.axis[1] = make([]float64, x.Cols)
	}
	return a, nil
}

// spreads returns Xᵀ·X·b of each vector b, where X are the rows without their mean, and |X·b|².
func (a *axes) spreads(x matrix.Matrix, basis [][]float64) (next [][]float64, spread []float64) {
	next, spread = make([][]float64, len(basis)), make([]float64, len(basis))
	matrix.InBlocks(len(basis), 1, func(lo, hi int) {
		for k := lo; k < hi; k++ {
			b, sum := basis[k], make([]float64, x.Cols)
			offset := 0.0
			for j, v := range b {
				offset += v * a.mean[j]
			}
			weights := 0.0
			for i := range x.Rows {
				row, dot := x.Row(i), -offset
				for j, v := range b {
					dot += v * float64(row[j])
				}
				for j, v := range row {
					sum[j] += dot * float64(v)
				}
				weights += dot
				spread[k] += dot * dot
			}
			for j, m := range a.mean {
				sum[j] -= weights * m
			}
			next[k] = sum
		}
	})
	return next, spread
}

// settled says that the first two spreads no longer change by a thousandth.
func settled(before, now []float64) bool {
	for k := range min(2, len(now)) {
		if len(before) <= k || math.Abs(now[k]-before[k]) > 1e-3*now[k] {
			return false
		}
	}
	return true
}

// orthonormal makes vectors orthogonal and of length 1, by Gram and Schmidt, twice for exactness; what is nothing
// stays nothing.
func orthonormal(basis [][]float64) {
	for k, b := range basis {
		for range 2 {
			for _, earlier := range basis[:k] {
				dot := 0.0
				for j, v := range earlier {
					dot += v * b[j]
				}
				for j, v := range earlier {
					b[j] -= dot * v
				}
			}
		}
		norm := 0.0
		for _, v := range b {
			norm += v * v
		}
		if norm = math.Sqrt(norm); norm > 1e-30 {
			for j := range b {
				b[j] /= norm
			}
		}
	}
}

// turn makes the number of an axis that is largest without its sign positive.
func turn(axis []float64) {
	at := 0
	for j, v := range axis {
		if math.Abs(v) > math.Abs(axis[at]) {
			at = j
		}
	}
	if axis[at] < 0 {
		for j := range axis {
			axis[j] = -axis[j]
		}
	}
}

// project returns the two coordinates of each row.
func (a *axes) project(x matrix.Matrix) [][2]float64 {
	at := make([][2]float64, x.Rows)
	for i := range at {
		for k, axis := range a.axis {
			for j, v := range x.Row(i) {
				at[i][k] += axis[j] * (float64(v) - a.mean[j])
			}
		}
	}
	return at
}
