package scores

import (
	"context"
	"fmt"
	"math"

	"mgd3/matrix"
	"mgd3/modes"
)

// Parts is into how many parts LGD splits a set: one of 50 images per class into five of 10.
const Parts = 5

// Part is the part of n that the j-th sample of a class belongs to: j mod n. Modes come in no particular order, so the
// parts are alike.
func Part(j, n int) int { return j % n }

// Redundancy splits a set into parts and returns how well one tells the classes of another (LGD, which trains a
// network on each part; here the nearest neighbour decides): for each sample and each of the other parts, is the
// nearest sample of that part of the same class? The share of yes over all of them. Near 1, the parts say the same
// and one of them would do; a set of varied samples has less, as the real set has. classes [classes][M, D] must have
// at least n samples each.
//
// It takes R²·D multiplications for R samples in all, and holds them once more and 16·R numbers per core.
func Redundancy(ctx context.Context, classes []matrix.Matrix, n int) (float64, error) {
	if err := check(classes...); err != nil {
		return 0, err
	}
	if len(classes) < 2 || n < 2 {
		return 0, fmt.Errorf("redundancy of %d classes in %d parts, want at least 2 of each", len(classes), n)
	}
	all := matrix.Matrix{Cols: classes[0].Cols}
	var class, part []int // of each row of all
	for c, x := range classes {
		if x.Rows < n {
			return 0, fmt.Errorf("%w: class %d has %d samples for %d parts", modes.ErrTooFew, c, x.Rows, n)
		}
		all.Rows += x.Rows
		all.Data = append(all.Data, x.Data...)
		for j := range x.Rows {
			class, part = append(class, c), append(part, Part(j, n))
		}
	}
	right := make([]float64, all.Rows)
	err := pairs(ctx, all, all, func(i int, d []float64) {
		nearest, at := make([]float64, n), make([]int, n)
		for p := range nearest {
			nearest[p] = math.Inf(1)
		}
		for j, square := range d {
			if p := part[j]; square < nearest[p] {
				nearest[p], at[p] = square, j
			}
		}
		for p := range n {
			if p != part[i] && class[at[p]] == class[i] {
				right[i] += 1 / float64(n-1)
			}
		}
	})
	return mean(right), err
}
