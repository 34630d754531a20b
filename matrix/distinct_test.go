package matrix

import (
	"slices"
	"testing"

	"mgd3/rng"
)

func TestDistinct(t *testing.T) {
	for name, c := range map[string]struct {
		x     Matrix
		first []int
		n     int
	}{
		"none":        {Matrix{0, 2, nil}, []int{}, 0},
		"one":         {Matrix{1, 2, []float32{1, 2}}, []int{0}, 1},
		"all equal":   {Matrix{3, 2, []float32{1, 2, 1, 2, 1, 2}}, []int{0, 0, 0}, 1},
		"all other":   {Matrix{3, 1, []float32{3, 1, 2}}, []int{0, 1, 2}, 3},
		"between":     {Matrix{5, 1, []float32{7, 8, 7, 9, 8}}, []int{0, 1, 0, 3, 1}, 3},
		"the last":    {Matrix{2, 3, []float32{1, 2, 3, 1, 2, 4}}, []int{0, 1}, 2},
		"one swapped": {Matrix{2, 2, []float32{1, 2, 2, 1}}, []int{0, 1}, 2},
	} {
		if first, n := Distinct(c.x); !slices.Equal(first, c.first) || n != c.n {
			t.Errorf("%s: got %v, %d, want %v, %d", name, first, n, c.first, c.n)
		}
	}
}

// TestDistinctIsOfPairs: the definition, on rows of few values.
func TestDistinctIsOfPairs(t *testing.T) {
	r := rng.Stream(1, "distinct")
	for range 50 {
		x := Matrix{Rows: 1 + r.IntN(20), Cols: 1 + r.IntN(3)}
		for range x.Rows * x.Cols {
			x.Data = append(x.Data, float32(r.IntN(3)))
		}
		first, n := Distinct(x)
		heads := 0
		for i := range x.Rows {
			want := i
			for j := range i {
				if slices.Equal(x.Row(i), x.Row(j)) {
					want = j
					break
				}
			}
			if want == i {
				heads++
			}
			if first[i] != want {
				t.Fatalf("%v: the first of row %d is %d, want %d", x, i, first[i], want)
			}
		}
		if n != heads {
			t.Fatalf("%v: %d different rows, want %d", x, n, heads)
		}
	}
}
