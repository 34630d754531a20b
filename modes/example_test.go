package modes_test

import (
	"context"
	"fmt"

	"mgd3/matrix"
	"mgd3/modes"
	"mgd3/rng"
)

// Cluster your own vectors, one a row: here five points of the plane in two groups.
func Example() {
	vectors := matrix.Matrix{Rows: 5, Cols: 2, Data: []float32{
		0, 0,
		0, 1,
		9, 9,
		0, 2,
		9, 8,
	}}
	c, err := modes.Discover(context.Background(), vectors, 2, modes.Options{}, rng.Stream(7, "modes"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for j, size := range c.Sizes {
		fmt.Println("centre", c.Centres.Row(j), "has", size, "vectors; the nearest is vector", c.Nearest[j])
	}
	_, err = modes.Discover(context.Background(), vectors, 10, modes.Options{}, rng.Stream(7, "modes"))
	fmt.Println(err)
	// Output:
	// centre [0 1] has 3 vectors; the nearest is vector 1
	// centre [9 8.5] has 2 vectors; the nearest is vector 2
	// too few images: have 5, want 10
}
