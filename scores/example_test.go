package scores_test

import (
	"context"
	"fmt"

	"mgd3/matrix"
	"mgd3/scores"
)

// A class of four real samples in the plane, and two synthetic ones.
func Example() {
	ctx := context.Background()
	real := matrix.Matrix{Rows: 4, Cols: 2, Data: []float32{0, 0, 0, 1, 4, 0, 4, 1}}
	syn := matrix.Matrix{Rows: 2, Cols: 2, Data: []float32{0, 0.5, 3, 0.5}}

	diversity, _ := scores.Diversity(ctx, syn)
	representativeness, _ := scores.Representativeness(ctx, real, syn, 2)
	covered, err := scores.Coverage(ctx, real, syn, 1, scores.FairShare(4, 2))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("diversity %.2f, representativeness %.2f, coverage %v\n", diversity, representativeness, covered)
	// Output: diversity 3.00, representativeness 0.81, coverage [0.5 1]
}

// The real samples stream by; only their moments along the two synthetic ones are kept.
func ExampleFrechet() {
	ctx := context.Background()
	f, err := scores.NewFrechet(ctx, matrix.Matrix{Rows: 2, Cols: 3, Data: []float32{-1, 0, 0, 1, 0, 0}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, x := range []float32{-2, 2} {
		if err := f.Add(ctx, matrix.Matrix{Rows: 1, Cols: 3, Data: []float32{x, 0, 5}}); err != nil {
			fmt.Println(err)
			return
		}
	}
	d, err := f.Distance() // 5² between the means, (√8 − √2)² between the spreads
	fmt.Printf("%.3f %v\n", d, err)
	// Output: 27.000 <nil>
}

// Two images of a class in each of two parts: the second class says the same twice, the first does not.
func ExampleRedundancy() {
	r, err := scores.Redundancy(context.Background(), []matrix.Matrix{
		{Rows: 2, Cols: 1, Data: []float32{0, 9}},
		{Rows: 2, Cols: 1, Data: []float32{10, 10}},
	}, 2)
	fmt.Println(r, err)
	// Output: 0.75 <nil>
}

// Score two sets of the same size beside the real samples of a class: one spread over them, one that repeats itself.
func ExampleCompare() {
	ctx := context.Background()
	real := matrix.Matrix{Rows: 6, Cols: 2, Data: []float32{0, 0, 0, 1, 1, 0, 8, 8, 8, 9, 9, 8}}
	for _, set := range []struct {
		name string
		syn  matrix.Matrix
	}{
		{"spread", matrix.Matrix{Rows: 2, Cols: 2, Data: []float32{0.3, 0.3, 8.3, 8.3}}},
		{"repeats", matrix.Matrix{Rows: 2, Cols: 2, Data: []float32{0.3, 0.3, 0.4, 0.3}}},
	} {
		c, err := scores.Compare(ctx, real, set.syn)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%-8s diversity %.2f, coverage %.2f, Fréchet %.1f\n", set.name, c.Diversity, c.FairCoverage,
			c.Frechet)
	}
	// Output:
	// spread   diversity 11.31, coverage 1.00, Fréchet 3.6
	// repeats  diversity 0.10, coverage 0.50, Fréchet 70.4
}
