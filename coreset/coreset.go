// Package coreset chooses k of the N rows of a table, the real images that stand for a class: what a
// distilled set must be better than to be worth its making.
//
//	Random    k rows without repeats, each subset as likely as any other
//	Herding   i_t = argmin_i |t·μ − Σ_{s<t} x_{i_s} − x_i|,  t = 1 … k     Welling 2009, eq. 4; IDC's coreset.py
//	KCenter   i_1 = argmin_i |x_i − μ|,                                    Gonzalez 1985; Sener and Savarese 2018,
//	          i_t = argmax_i min_{s<t} |x_i − x_{i_s}|                     arXiv:1708.00489, algorithm 1
//	Nearest   i_j = argmin_i |x_i − c_j|                                   "Mode Discovery only", MGD3 Table 5
//
// μ is the mean of the rows; i runs over the rows not chosen before, so that no row comes twice, and of equal rows
// over the first alone, as long as there are others: one picture that is in a class several times is not chosen
// several times. (In KCenter that follows from the formula: such a row has the distance 0.) Herding makes the mean of
// the first t rows follow μ: it is Welling's rule where all rows have the same norm, and the form of iCaRL, DC and
// IDC where they have not. The start of KCenter is left open by its authors; with the row nearest to the mean nothing
// is left to chance.
//
// Rows come in the order in which they were chosen, so the first j of k are the choice of j: of Random for
// an rng in equal state, of Herding and KCenter always. The order of the rows of x decides nothing but
// which of equals is taken, and the last bits of μ.
//
//	name  shape   meaning and scale
//	x     [N, D]  features of one class, any scale; latents in baseline
//	c     [k, D]  modes of the class, same scale
//	i     [k]     0 … N−1
//
// Sums are in float64, each in the order of the rows and columns.
package coreset

import (
	"fmt"
	"math/rand/v2"

	"mgd3/matrix"
	"mgd3/modes"
)

// Random returns k of the numbers 0 … n−1.
func Random(n, k int, r *rand.Rand) ([]int, error) {
	if err := check(n, k); err != nil {
		return nil, err
	}
	return r.Perm(n)[:k], nil
}

// check refuses a choice that cannot be made: k < 1, or a [modes.ErrTooFew].
func check(n, k int) error {
	switch {
	case k < 1:
		return fmt.Errorf("choose %d rows, want at least 1", k)
	case n < k:
		return fmt.Errorf("%w: have %d, want %d", modes.ErrTooFew, n, k)
	}
	return nil
}

// sqDist returns |a − b|².
func sqDist(a []float64, b []float32) float64 {
	var sum float64
	for j, v := range b {
		d := a[j] - float64(v)
		sum += d * d
	}
	return sum
}

// wide returns a row in float64.
func wide(row []float32) []float64 {
	w := make([]float64, len(row))
	for j, v := range row {
		w[j] = float64(v)
	}
	return w
}

// closest returns the row of x nearest to a among those not taken, the first of equals.
func closest(x matrix.Matrix, a []float64, taken []bool) int {
	best, least := -1, 0.0
	for i := range x.Rows {
		if taken[i] {
			continue
		}
		if d := sqDist(a, x.Row(i)); best < 0 || d < least {
			best, least = i, d
		}
	}
	return best
}
