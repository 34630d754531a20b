package coreset_test

import (
	"fmt"

	"mgd3/coreset"
	"mgd3/matrix"
)

func ExampleHerding() {
	// Five numbers with the mean 4; the means of the first two, three and four chosen ones are 4.5, 3.33 and 5.
	x := matrix.Matrix{Rows: 5, Cols: 1, Data: []float32{0, 1, 2, 7, 10}}
	rows, err := coreset.Herding(x, 4)
	if err != nil {
		panic(err)
	}
	for _, i := range rows {
		fmt.Print(x.Row(i)[0], " ")
	}
	// Output: 2 7 1 10
}

func ExampleKCenter() {
	// From the one nearest to the mean, always the farthest from those before.
	x := matrix.Matrix{Rows: 5, Cols: 1, Data: []float32{0, 1, 2, 7, 10}}
	rows, err := coreset.KCenter(x, 3)
	if err != nil {
		panic(err)
	}
	for _, i := range rows {
		fmt.Print(x.Row(i)[0], " ")
	}
	// Output: 2 10 7
}
