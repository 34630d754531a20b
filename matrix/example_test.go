package matrix_test

import (
	"fmt"

	"mgd3/matrix"
)

// Find the nearest of some points for each of others.
func ExampleDistances() {
	points := matrix.Matrix{Rows: 3, Cols: 2, Data: []float32{0, 0, 3, 4, 10, 0}}
	from := matrix.Matrix{Rows: 2, Cols: 2, Data: []float32{1, 1, 8, 0}}
	nearest := make([]int, from.Rows)
	matrix.Distances(from, points, func(i int, d []float64) { nearest[i] = matrix.ArgMin(d) })
	fmt.Println(nearest)
	// Output: [0 2]
}
