package modes

import (
	"math"
	"slices"
	"testing"

	"mgd3/matrix"
	"mgd3/rng"
)

func start(t testing.TB, x matrix.Matrix, k, first int, uniform func() float64) []int {
	t.Helper()
	rows, err := plusPlus(t.Context(), x, k, first, uniform)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestDraw(t *testing.T) {
	weights := []float64{0, 1, 0, 2, 0}
	for _, test := range []struct {
		v    float64
		want int
	}{{0, 0}, {0.5, 1}, {1, 1}, {1.1, 3}, {3, 3}, {3.1, 4}} {
		if got := draw(weights, test.v); got != test.want {
			t.Errorf("draw at %v of 3 is %d, want %d", test.v, got, test.want)
		}
	}
}

// By hand: rows 0, 1, 4, 9 on a line, two candidates a step (2+⌊ln 2⌋), the first row is 0, so the
// running sums of squares are 0, 1, 17, 98. The draws 0.5 and 0.1 of 98 fall on rows 3 and 2,
// which leave 0+1+16+0 = 17 and 0+1+0+25 = 26: row 3 is better.
func TestPlusPlusByHand(t *testing.T) {
	x := table([]float32{0}, []float32{1}, []float32{4}, []float32{9})
	draws := []float64{0.5, 0.1}
	got := start(t, x, 2, 0, func() float64 {
		u := draws[0]
		draws = draws[1:]
		return u
	})
	if want := []int{0, 3}; !slices.Equal(got, want) {
		t.Errorf("chosen rows are %v, want %v", got, want)
	}
	if len(draws) != 0 {
		t.Errorf("%d draws are left, want none", len(draws))
	}
}

// A row that is chosen, or a copy of one, has no weight: until they are exhausted only new
// values are chosen, then row 0.
func TestPlusPlusChoosesDistinctRows(t *testing.T) {
	x := wholes(rng.Stream(1, "distinct"), 10, 300)
	copies := x.Pick(append(identity(10), identity(10)...))
	r := rng.Stream(1, "draws")
	rows := start(t, copies, 12, 4, r.Float64)
	distinct := map[int]bool{}
	for _, row := range rows[:10] {
		distinct[row%10] = true
	}
	if len(distinct) != 10 || !slices.Equal(rows[10:], []int{0, 0}) {
		t.Errorf("chosen rows are %v, want ten distinct and then 0, 0", rows)
	}
}

// On average over 20 of each, greedy starts leave less than half the sum of squares of random rows.
func TestPlusPlusBeatsRandomRows(t *testing.T) {
	r := rng.Stream(1, "random rows")
	x := blobs(r, 200, 8, 10)
	left := func(rows []int) float64 {
		closest := slices.Repeat([]float64{math.Inf(1)}, x.Rows)
		for _, d := range closer(closest, x, matrix.SquaredNorms(x), rows) {
			for i := range d {
				closest[i] = min(closest[i], d[i])
			}
		}
		return matrix.Sum(closest)
	}
	var greedy, random float64
	for range 20 {
		greedy += left(start(t, x, 8, r.IntN(x.Rows), r.Float64))
		random += left(r.Perm(x.Rows)[:8])
	}
	if greedy > random/2 {
		t.Errorf("greedy starts leave %v, random rows %v", greedy, random)
	}
}
