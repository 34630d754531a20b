package coreset

import (
	"mgd3/matrix"
)

// KCenter returns k rows such that every row is near to one of them: from the one nearest to the mean,
// always the farthest from all before. The greatest distance of a row to the choice is at most twice the
// least that any k rows reach (Gonzalez 1985).
func KCenter(x matrix.Matrix, k int) ([]int, error) {
	if err := check(x.Rows, k); err != nil {
		return nil, err
	}
	const taken = -1
	toChoice := make([]float64, x.Rows) // squared distance of each row to the nearest chosen one, or taken
	i := closest(x, x.Mean(), make([]bool, x.Rows))
	chosen := []int{i}
	from := wide(x.Row(i))
	for l := range toChoice {
		toChoice[l] = sqDist(from, x.Row(l))
	}
	toChoice[i] = taken
	for len(chosen) < k {
		i = farthest(toChoice)
		chosen = append(chosen, i)
		from = wide(x.Row(i))
		for l, d := range toChoice {
			toChoice[l] = min(d, sqDist(from, x.Row(l)))
		}
		toChoice[i] = taken
	}
	return chosen, nil
}

// farthest returns the index of the greatest number, the first of equals.
func farthest(d []float64) int {
	best := 0
	for i, v := range d {
		if v > d[best] {
			best = i
		}
	}
	return best
}
