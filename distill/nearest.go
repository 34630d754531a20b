package distill

import (
	"math"

	"mgd3/matrix"
)

// Nearest returns the names of the few real images nearest to each mode, the nearest first; modes are [k, D], real are
// [N, D], and names theirs.
func Nearest(modes, real matrix.Matrix, names []string, few int) [][]string {
	nearest := make([][]string, modes.Rows)
	matrix.Distances(modes, real, func(i int, d []float64) {
		for range min(few, len(d)) {
			at := matrix.ArgMin(d)
			nearest[i] = append(nearest[i], names[at])
			d[at] = math.Inf(1)
		}
	})
	return nearest
}
