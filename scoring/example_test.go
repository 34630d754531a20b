package scoring_test

import (
	"context"
	"fmt"

	"mgd3/matrix"
	"mgd3/scoring"
)

// square is the corners of a square, moved to the right.
func square(right float32) scoring.Source {
	return func(context.Context, string) (matrix.Matrix, error) {
		return matrix.Matrix{Rows: 4, Cols: 2, Data: []float32{right, 0, right, 1, right + 1, 0, right + 1, 1}}, nil
	}
}

// Score two sets beside the real samples, with features of one's own.
func ExampleSpace_Compare() {
	s := scoring.Space{Features: "two numbers", Classes: []string{"cat"}, Real: square(0), Sets: []*scoring.Set{
		{Name: "near", Features: square(0.1)},
		{Name: "far", Features: square(5)},
	}}
	results, err := s.Compare(context.Background(), 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range results {
		fmt.Printf("%-4s  diversity %.1f, Fréchet distance %.2f\n", r.Set, r.Mean.Diversity, r.All.Frechet)
	}
	// Output:
	// near  diversity 1.0, Fréchet distance 0.01
	// far   diversity 1.0, Fréchet distance 25.00
}
