package coreset

import (
	"mgd3/matrix"
)

// taken says which rows cannot be chosen: those that are, and as long as there are others their equals, so that one
// picture that is there several times is not chosen several times.
type taken struct {
	chosen, closed []bool
	first          []int // of each row the first that is equal
	open           int   // rows that are not closed
}

func newTaken(x matrix.Matrix) *taken {
	first, _ := matrix.Distinct(x)
	return &taken{make([]bool, x.Rows), make([]bool, x.Rows), first, x.Rows}
}

// take chooses row i.
func (t *taken) take(i int) {
	t.chosen[i] = true
	for l, first := range t.first {
		if first == t.first[i] && !t.closed[l] {
			t.closed[l] = true
			t.open--
		}
	}
	if t.open > 0 {
		return
	}
	for l, chosen := range t.chosen { // every picture is chosen: from here on all come a second time
		if t.closed[l] = chosen; !chosen {
			t.open++
		}
	}
}
