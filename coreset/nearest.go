package coreset

import (
	"fmt"
	"math"

	"mgd3/matrix"
)

// Nearest returns, for each centre, a row near to it. Where two centres want the same row, the nearer one
// has it and the other looks on, so that the order of the centres decides nothing but a draw, which the
// first wins. Without such a conflict it is [modes.Clustering.Nearest].
func Nearest(x, centres matrix.Matrix) ([]int, error) {
	if err := check(x.Rows, centres.Rows); err != nil {
		return nil, err
	}
	if centres.Cols != x.Cols {
		return nil, fmt.Errorf("centres have %d columns, rows %d", centres.Cols, x.Cols)
	}
	chosen := make([]int, centres.Rows)
	taken := newTaken(x)
	open := make([][]float64, centres.Rows) // the centres that have no row yet
	for j := range open {
		open[j] = wide(centres.Row(j))
	}
	wish := make([]int, centres.Rows) // the nearest row that is left for each centre
	for j, c := range open {
		wish[j] = closest(x, c, taken.closed)
	}
	for range open {
		best, least := -1, math.Inf(1)
		for j, c := range open {
			if c == nil {
				continue
			}
			if taken.closed[wish[j]] {
				wish[j] = closest(x, c, taken.closed)
			}
			if d := sqDist(c, x.Row(wish[j])); best < 0 || d < least {
				best, least = j, d
			}
		}
		chosen[best], open[best] = wish[best], nil
		taken.take(wish[best])
	}
	return chosen, nil
}
