package modes

import (
	"math"
	"slices"
	"testing"

	"mgd3/matrix"
	"mgd3/rng"
)

// plainLloyd is lloyd with all distances and all means in every iteration.
func plainLloyd(x, centres matrix.Matrix, n int, tol float64) Clustering {
	norms := matrix.SquaredNorms(x)
	c := Clustering{Centres: centres, Assignment: make([]int, x.Rows)}
	assign := func() {
		matrix.DistancesWith(norms, x, c.Centres, func(i int, d []float64) { c.Assignment[i] = matrix.ArgMin(d) })
	}
	before := make([]int, x.Rows)
	before[0] = -1
	for c.Iterations < n {
		c.Iterations++
		assign()
		moved := means(x, relocate(x, c.Assignment, c.Centres), centres.Rows)
		shift := matrix.SqDist(moved.Data, c.Centres.Data)
		c.Centres = moved
		if slices.Equal(c.Assignment, before) {
			return c
		}
		if shift <= tol {
			break
		}
		copy(before, c.Assignment)
	}
	assign()
	return c
}

// FuzzBounds: what the triangle inequality spares changes no byte: of clouds, of whole numbers full of ties, of rows
// that come several times or lie far from the origin, of single columns, and with empty clusters.
func FuzzBounds(f *testing.F) {
	for i := range uint64(150) {
		f.Add(i)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rng.Stream(seed, "bounds")
		x := matrix.New(1+r.IntN(200), 1+r.IntN(40))
		k := 1 + r.IntN(min(x.Rows, 12))
		switch seed % 5 {
		case 0:
			for i := range x.Data {
				x.Data[i] = float32(r.IntN(3)) // ties
			}
		case 1: // clouds, which settle soon
			for i := range x.Rows {
				at := float32(10 * r.IntN(k))
				for j := range x.Row(i) {
					x.Row(i)[j] = at + float32(r.NormFloat64())
				}
			}
		case 2: // few distinct rows
			rng.Normals(r, x.Data)
			for i := range x.Rows {
				copy(x.Row(i), x.Row(i%3*min(1, x.Rows/3)))
			}
		case 3: // far away, where distances cancel
			for i := range x.Data {
				x.Data[i] = 1e4 + float32(r.NormFloat64())*1e-3
			}
		default:
			rng.Normals(r, x.Data)
		}
		start := make([]int, k)
		for j := range start {
			start[j] = r.IntN(x.Rows)
		}
		tol := []float64{0, 1e-4, 1}[r.IntN(3)]
		want := plainLloyd(x, x.Pick(start), 60, tol)
		got := lloydFrom(t, x, x.Pick(start), 60, tol)
		if got.Iterations != want.Iterations || !slices.Equal(got.Assignment, want.Assignment) ||
			!slices.Equal(got.Centres.Data, want.Centres.Data) {
			t.Errorf("%d rows of %d, %d centres: after %d iterations another result than by all distances, after %d",
				x.Rows, x.Cols, k, got.Iterations, want.Iterations)
		}
	})
}

// TestBoundsSpare: in clouds that overlap, most rows are spared once the centres are near their places.
func TestBoundsSpare(t *testing.T) {
	r := rng.Stream(1, "spare")
	x := matrix.New(300, 64)
	for i := range x.Rows {
		for j := range x.Row(i) {
			x.Row(i)[j] = float32(3*(i%5)*(j%2)) + float32(r.NormFloat64())
		}
	}
	c := lloydFrom(t, x, x.Pick([]int{0, 1, 2, 3, 4}), maxIter, 0)
	b := newBounds(x, matrix.SquaredNorms(x), 5)
	assignment := make([]int, x.Rows)
	b.assign(assignment, c.Centres)
	for i := range x.Rows {
		if !b.keeps(i, assignment[i], 1) {
			t.Fatalf("row %d is formed again although nothing moved", i)
		}
	}
	b.gone[0] = math.Inf(1)
	for i := range x.Rows {
		if b.keeps(i, assignment[i], 1) {
			t.Fatalf("row %d is kept although a centre may be anywhere", i)
		}
	}
}
