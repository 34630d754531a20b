package glyphs

import (
	"math/rand/v2"
	"testing"

	"mgd3/rng"
)

func stream(i int) *rand.Rand { return rng.Stream(0, "glyphs test", uint64(i)) }

func square(low, high int64) []point {
	return []point{{low, low}, {high, low}, {high, high}, {low, high}}
}

func reversed(p []point) []point {
	q := make([]point, len(p))
	for i := range p {
		q[len(p)-1-i] = p[i]
	}
	return q
}

// TestFill compares whole and half pixels with what they must be.
func TestFill(t *testing.T) {
	inner, outer := square(10*one, 20*one), square(4*one, 28*one)
	for _, c := range []struct {
		name          string
		polygons      [][]point
		in, edge, out int64 // at pixels 15, 10 and 2 of the diagonal
		total         int64 // pixels
	}{
		{"nothing", nil, 0, 0, 0, 0},
		{"square", [][]point{inner}, full, full, 0, 100},
		{"anticlockwise", [][]point{reversed(inner)}, full, full, 0, 100},
		{"hole", [][]point{outer, reversed(inner)}, 0, 0, 0, 24*24 - 100},
		{"overlap", [][]point{outer, inner}, full, full, 0, 24 * 24},
		{"half a pixel", [][]point{square(10*one+one/2, 20*one)}, full, full / 4, 0, 0},
		{"beyond the border", [][]point{square(-100*one, 100*one)}, full, full, full, Size * Size},
		{"outside", [][]point{square(40*one, 50*one)}, 0, 0, 0, 0},
		{"without area", [][]point{{{0, 0}, {30 * one, 30 * one}}, {{5, 5}}}, 0, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := new(filler).fill(c.polygons)
			at := func(i int) int64 { return got[i*Size+i] }
			if at(15) != c.in || at(10) != c.edge || at(2) != c.out {
				t.Errorf("pixels 15, 10, 2: %d, %d, %d; want %d, %d, %d", at(15), at(10), at(2), c.in, c.edge, c.out)
			}
			var total int64
			for _, v := range got {
				total += v
			}
			if c.total != 0 && total != c.total*full {
				t.Errorf("covers %d, want %d", total, c.total*full)
			}
		})
	}
}

// TestFillHasTheArea: the cover of a triangle sums to its area, within what 8 lines a pixel leave open: a
// line stands for a strip one/8 high, in which an edge moves by at most the triangle's width, at each of
// the three corners; along an edge the midpoint of a strip is exact but for the rounding of x, two a line.
func TestFillHasTheArea(t *testing.T) {
	r := stream(0)
	f := new(filler)
	for range 500 {
		var p []point
		for range 3 {
			p = append(p, point{between(r, 0, Size*one), between(r, 0, Size*one)})
		}
		area := (p[1].x-p[0].x)*(p[2].y-p[0].y) - (p[2].x-p[0].x)*(p[1].y-p[0].y)
		want := max(area, -area) / 2 / (one / rows) // in the unit of a cover: 1/one of a line
		var got int64
		for _, v := range f.fill([][]point{p}) {
			got += v
		}
		low, high := box([][]point{p})
		slack := 3*(high.x-low.x) + 2*rows*Size
		if d := got - want; d > slack || d < -slack {
			t.Errorf("triangle %v covers %d, want %d ± %d", p, got, want, slack)
		}
	}
}

// TestTurn: a rotation keeps lengths, to the rounding of both products, and has the angle of its name.
func TestTurn(t *testing.T) {
	for _, c := range []struct {
		t    int64
		want point
	}{
		{0, point{1000, 0}},
		{1 << 16, point{0, 1000}},
		{-1 << 16, point{0, -1000}},
		{27146, point{707, 707}}, // tan(22.5°)·65536
	} {
		got := newTurn(c.t).apply(point{1000, 0})
		if d := max(got.x-c.want.x, c.want.x-got.x, got.y-c.want.y, c.want.y-got.y); d > 1 {
			t.Errorf("turn %d: got %v, want %v", c.t, got, c.want)
		}
	}
}

// TestNormal: mean 0 and deviation 1 within five standard errors, and what rounding to 1/one adds.
func TestNormal(t *testing.T) {
	const n = 1 << 16
	var sum, squares float64
	r := stream(1)
	for range n {
		v := float64(normal(r)) / one
		sum += v
		squares += v * v
	}
	if mean := sum / n; mean > 5./256+1./one || mean < -5./256-1./one {
		t.Errorf("mean %v, want 0", mean)
	}
	if variance := squares / n; variance > 1.05 || variance < 0.95 {
		t.Errorf("variance %v, want 1", variance)
	}
}
