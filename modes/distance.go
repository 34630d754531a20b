package modes

import (
	"mgd3/matrix"
)

// block is the number of rows that a core takes at a time.
const block = 16

// ownDistances returns the squared distance of each row to its centre, without cancellation.
func ownDistances(x matrix.Matrix, assignment []int, centres matrix.Matrix) []float64 {
	d := make([]float64, x.Rows)
	matrix.InBlocks(x.Rows, block, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			d[i] = matrix.SqDist(x.Row(i), centres.Row(assignment[i]))
		}
	})
	return d
}

// nearest returns the row of x nearest to each centre, the first of equals.
func nearest(x, centres matrix.Matrix) []int {
	d := make([][]float64, centres.Rows) // d[j][i]
	for j := range d {
		d[j] = make([]float64, x.Rows)
	}
	matrix.Distances(x, centres, func(i int, toCentre []float64) {
		for j, v := range toCentre {
			d[j][i] = v
		}
	})
	rows := make([]int, centres.Rows)
	for j := range rows {
		rows[j] = matrix.ArgMin(d[j])
	}
	return rows
}
