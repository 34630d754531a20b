package coreset

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"mgd3/matrix"
	"mgd3/modes"
	"mgd3/rng"
)

// rows makes a matrix of points.
func rows(points ...[]float32) matrix.Matrix {
	m := matrix.Matrix{Rows: len(points), Cols: len(points[0])}
	for _, p := range points {
		m.Data = append(m.Data, p...)
	}
	return m
}

// line makes a matrix of one column.
func line(v ...float32) matrix.Matrix { return matrix.Matrix{Rows: len(v), Cols: 1, Data: v} }

// whole makes an n × d matrix of whole numbers, of which sums and squares are exact in any order.
func whole(n, d int, r *rand.Rand) matrix.Matrix {
	m := matrix.Matrix{Rows: n, Cols: d, Data: make([]float32, n*d)}
	for i := range m.Data {
		m.Data[i] = float32(r.IntN(2001) - 1000)
	}
	return m
}

// choosers are the ways that need no chance and no centres.
var choosers = map[string]func(matrix.Matrix, int) ([]int, error){"herding": Herding, "kcenter": KCenter}

// TestKnownAnswers has small cases by hand.
func TestKnownAnswers(t *testing.T) {
	spread := line(0, 1, 2, 7, 10) // mean 4
	for _, c := range []struct {
		name   string
		choose func(matrix.Matrix, int) ([]int, error)
		x      matrix.Matrix
		want   []int // of k = N
	}{
		// Targets 4, 8−2, 12−9, 16−10, and the last: the rows 2, 7, 1, 10 and 0 are nearest to them.
		{"herding", Herding, spread, []int{2, 3, 1, 4, 0}},
		{"kcenter", KCenter, spread, []int{2, 4, 3, 0, 1}}, // 2; 10 at 8; 7 at 3; 0 at 2; 1 at 1
		{"herding of one row", Herding, line(5), []int{0}},
		{"kcenter of one row", KCenter, line(5), []int{0}},
		{"herding of equal rows", Herding, line(3, 3, 3), []int{0, 1, 2}},
		{"kcenter of equal rows", KCenter, line(3, 3, 3), []int{0, 1, 2}},
		{"herding, two as near", Herding, line(-1, 1, 9, -9), []int{0, 1, 2, 3}},
		// Targets 4, 4 and so on: without the other fours, which are one picture, 5, then 1, then again a 4.
		{"herding of copies", Herding, line(4, 4, 4, 4, 5, 3), []int{0, 4, 5, 1, 2, 3}},
		{"kcenter of copies", KCenter, line(4, 4, 4, 4, 5, 3), []int{0, 4, 5, 1, 2, 3}},
		{"kcenter, two as far", KCenter, line(0, 4, -4), []int{0, 1, 2}},
		// A square about the origin and a point in it: the corners are all as far.
		{"kcenter of a square", KCenter, rows([]float32{1, 1}, []float32{-1, 1}, []float32{0, 0}, []float32{-1, -1},
			[]float32{1, -1}), []int{2, 0, 1, 3, 4}},
	} {
		for k := 1; k <= len(c.want); k++ {
			if got, err := c.choose(c.x, k); err != nil || !slices.Equal(got, c.want[:k]) {
				t.Errorf("%s, k=%d: got %v, %v, want %v", c.name, k, got, err, c.want[:k])
			}
		}
	}
}

func TestNearestKnownAnswers(t *testing.T) {
	x := line(0, 1, 2, 7, 10)
	for _, c := range []struct {
		name    string
		centres matrix.Matrix
		want    []int
	}{
		{"no conflict", line(9, 0.2), []int{4, 0}},
		{"the nearer centre has the row", line(2.4, 2.1), []int{1, 2}},
		{"in any order", line(2.1, 2.4), []int{2, 1}},
		{"of equals the first", line(2, 2, 2), []int{2, 1, 0}},
		{"half way", line(1.5), []int{1}},
		{"all rows", line(10, 10, 10, 10, 10), []int{4, 3, 2, 1, 0}},
	} {
		if got, err := Nearest(x, c.centres); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, %v, want %v", c.name, got, err, c.want)
		}
	}
}

// TestRefuses: fewer rows than wanted, none wanted, centres of another width.
// TestNearestOfCopies: of one picture that is there several times one is taken, where there are others.
func TestNearestOfCopies(t *testing.T) {
	for _, c := range []struct {
		name       string
		x, centres matrix.Matrix
		want       []int
	}{
		{"others are there", line(0, 0, 0, 5, 9), line(0, 0.1, 0.2), []int{0, 4, 3}},
		{"just as many", line(0, 0, 5), line(0, 0), []int{0, 2}},
		{"too few: all, and then again", line(0, 0, 5, 5), line(0, 0, 0), []int{0, 2, 1}},
		{"one picture", line(3, 3, 3), line(0, 0, 0), []int{0, 1, 2}},
	} {
		if got, err := Nearest(c.x, c.centres); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, %v, want %v", c.name, got, err, c.want)
		}
	}
}

// TestNoPictureTwice: as many different pictures are chosen as there are, or as are wanted.
func TestNoPictureTwice(t *testing.T) {
	r := rng.Stream(6, "coreset")
	for range 50 {
		x := matrix.Matrix{Rows: 1 + r.IntN(20), Cols: 2}
		for range x.Rows {
			x.Data = append(x.Data, float32(r.IntN(3)), float32(r.IntN(3)))
		}
		k := 1 + r.IntN(x.Rows)
		_, all := matrix.Distinct(x)
		chosen := map[string][]int{"nearest": must(Nearest(x, whole(k, 2, r)))(t)}
		for name, choose := range choosers {
			chosen[name] = must(choose(x, k))(t)
		}
		for name, rows := range chosen {
			part := matrix.Matrix{Rows: k, Cols: 2}
			for _, i := range rows {
				part.Data = append(part.Data, x.Row(i)...)
			}
			wantDistinct(t, name, rows, x.Rows, k)
			if _, n := matrix.Distinct(part); n != min(k, all) {
				t.Errorf("%s: %d different pictures in %v of %v, want %d", name, n, rows, x.Data, min(k, all))
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	x := line(1, 2)
	_, errRandom := Random(2, 3, rng.Stream(0, "test"))
	_, errHerding := Herding(x, 3)
	_, errKCenter := KCenter(x, 3)
	_, errNearest := Nearest(x, line(1, 2, 3))
	for _, err := range []error{errRandom, errHerding, errKCenter, errNearest} {
		if !errors.Is(err, modes.ErrTooFew) {
			t.Errorf("3 of 2: got error %v, want an ErrTooFew", err)
		}
	}
	_, errRandom = Random(2, 0, rng.Stream(0, "test"))
	_, errHerding = Herding(x, 0)
	_, errKCenter = KCenter(x, -1)
	_, errNearest = Nearest(x, matrix.Matrix{Cols: 1})
	_, errWidth := Nearest(x, rows([]float32{1, 2}))
	for _, err := range []error{errRandom, errHerding, errKCenter, errNearest, errWidth} {
		if err == nil || errors.Is(err, modes.ErrTooFew) {
			t.Errorf("got error %v, want one that is no ErrTooFew", err)
		}
	}
}

// TestLaws: no row twice; the first j of k are the choice of j; rows in another order are the same choice.
func TestLaws(t *testing.T) {
	r := rng.Stream(1, "coreset")
	for range 50 {
		n, d := 1+r.IntN(40), 1+r.IntN(6)
		x := whole(n, d, r)
		k := 1 + r.IntN(n)
		order := r.Perm(n) // row i of y is row order[i] of x
		y := matrix.Matrix{Rows: n, Cols: d}
		for _, i := range order {
			y.Data = append(y.Data, x.Row(i)...)
		}
		for name, choose := range choosers {
			chosen := must(choose(x, k))(t)
			wantDistinct(t, name, chosen, n, k)
			if j := 1 + r.IntN(k); !slices.Equal(must(choose(x, j))(t), chosen[:j]) {
				t.Errorf("%s: the choice of %d does not begin that of %d", name, j, k)
			}
			if d > 2 && n > 2 && !sameRows(x, chosen, y, must(choose(y, k))(t)) { // otherwise there are draws
				t.Errorf("%s: rows in another order give other rows, n=%d d=%d k=%d", name, n, d, k)
			}
		}
		centres := whole(k, d, r)
		chosen := must(Nearest(x, centres))(t)
		wantDistinct(t, "nearest", chosen, n, k)
		if d > 2 && !sameRows(x, chosen, y, must(Nearest(y, centres))(t)) {
			t.Errorf("nearest: rows in another order give other rows, n=%d d=%d k=%d", n, d, k)
		}
		seed := r.Uint64()
		random := must(Random(n, k, rng.Stream(seed, "test")))(t)
		wantDistinct(t, "random", random, n, k)
		if j := 1 + r.IntN(k); !slices.Equal(must(Random(n, j, rng.Stream(seed, "test")))(t), random[:j]) {
			t.Errorf("random: the choice of %d does not begin that of %d", j, k)
		}
	}
}

// TestHerdingIsGreedy: every row brings the mean of the choice as near to μ as any row that was left could.
func TestHerdingIsGreedy(t *testing.T) {
	x := whole(30, 4, rng.Stream(2, "coreset"))
	chosen := must(Herding(x, 12))(t)
	mu := x.Mean()
	off := func(rows []int) float64 { // |mean of rows − μ|²
		part := matrix.Matrix{Rows: len(rows), Cols: x.Cols}
		for _, i := range rows {
			part.Data = append(part.Data, x.Row(i)...)
		}
		var sum float64
		for j, v := range part.Mean() {
			sum += (v - mu[j]) * (v - mu[j])
		}
		return sum
	}
	for t1 := range chosen {
		got := off(chosen[:t1+1])
		for i := range x.Rows {
			if slices.Contains(chosen[:t1], i) {
				continue
			}
			if other := off(append(slices.Clone(chosen[:t1]), i)); other < got*(1-1e-12) {
				t.Errorf("row %d as the %d-th leaves the mean at %v, the choice at %v", i, t1, other, got)
			}
		}
	}
}

// TestKCenterCovers: the greatest distance to the choice is at most twice the least that any k rows
// reach, found by trying all.
func TestKCenterCovers(t *testing.T) {
	r := rng.Stream(3, "coreset")
	for range 20 {
		const n, k = 9, 3
		x := whole(n, 2, r)
		radius := func(rows ...int) float64 { // squared
			var worst float64
			for i := range n {
				least := sqDist(wide(x.Row(rows[0])), x.Row(i))
				for _, row := range rows[1:] {
					least = min(least, sqDist(wide(x.Row(row)), x.Row(i)))
				}
				worst = max(worst, least)
			}
			return worst
		}
		best := radius(0, 1, 2)
		for a := range n {
			for b := range a {
				for c := range b {
					best = min(best, radius(a, b, c))
				}
			}
		}
		if got := radius(must(KCenter(x, k))(t)...); got > 4*best {
			t.Errorf("squared radius %v, want at most four times the best, %v", got, best)
		}
	}
}

// TestNearestIsThatOfModes: without a conflict it agrees with the nearest rows that package modes finds.
func TestNearestIsThatOfModes(t *testing.T) {
	x := whole(60, 5, rng.Stream(4, "coreset"))
	found, err := modes.Discover(t.Context(), x, 6, modes.Options{}, rng.Stream(0, "test"))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(slices.Compact(slices.Sorted(slices.Values(found.Nearest)))); n != 6 {
		t.Fatalf("%d distinct nearest rows of 6: choose another stream", n)
	}
	if got := must(Nearest(x, found.Centres))(t); !slices.Equal(got, found.Nearest) {
		t.Errorf("got %v, want %v", got, found.Nearest)
	}
}

// TestRandomIsFair: each of the numbers comes as often as the others, within five standard deviations.
func TestRandomIsFair(t *testing.T) {
	const n, k, trials = 10, 3, 20000
	count := make([]int, n)
	r := rng.Stream(5, "coreset")
	for range trials {
		for _, i := range must(Random(n, k, r))(t) {
			count[i]++
		}
	}
	const p = float64(k) / n
	for i, c := range count {
		if off := float64(c) - trials*p; off*off > 25*trials*p*(1-p) {
			t.Errorf("number %d came %d times in %d, want about %v", i, c, trials, trials*p)
		}
	}
}

// must returns the choice, or ends the test.
func must(chosen []int, err error) func(*testing.T) []int {
	return func(t *testing.T) []int {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return chosen
	}
}

func wantDistinct(t *testing.T, name string, chosen []int, n, k int) {
	t.Helper()
	sorted := slices.Compact(slices.Sorted(slices.Values(chosen)))
	if len(chosen) != k || len(sorted) != k || sorted[0] < 0 || sorted[k-1] >= n {
		t.Errorf("%s: chose %v, want %d distinct rows of %d", name, chosen, k, n)
	}
}

// sameRows reports whether two choices are the same rows in the same order.
func sameRows(x matrix.Matrix, a []int, y matrix.Matrix, b []int) bool {
	return slices.EqualFunc(a, b, func(i, j int) bool { return slices.Equal(x.Row(i), y.Row(j)) })
}
