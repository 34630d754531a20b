package matrix

import (
	"cmp"

	"mgd3/matrix/internal/kernel"
)

// Sum adds from the first number to the last.
func Sum(v []float64) float64 {
	var s float64
	for _, x := range v {
		s += x
	}
	return s
}

// Add adds a row to sums, number by number; they have the same length.
func Add(sums []float64, row []float32) { kernel.Add(sums, row) }

// ArgMin returns the index of the least number, the first of equals. There must be a number.
func ArgMin[T cmp.Ordered](v []T) int {
	best := 0
	for i, x := range v {
		if x < v[best] {
			best = i
		}
	}
	return best
}

// ArgMax returns the index of the greatest number, the first of equals. There must be a number.
func ArgMax[T cmp.Ordered](v []T) int {
	best := 0
	for i, x := range v {
		if x > v[best] {
			best = i
		}
	}
	return best
}
