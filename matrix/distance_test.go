package matrix

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"mgd3/rng"
)

// wholes is a matrix of whole numbers in −7 … 7, whose sums are exact.
func wholes(r *rand.Rand, rows, cols int) Matrix {
	x := New(rows, cols)
	for i := range x.Data {
		x.Data[i] = float32(r.IntN(15) - 7)
	}
	return x
}

// sqDist64 is the specification of all distances here.
func sqDist64(a, b []float32) float64 {
	var s float64
	for i := range a {
		s += math.Pow(float64(a[i])-float64(b[i]), 2)
	}
	return s
}

// allDistances returns the table [N, k] of what distances tells, which calls use once per row.
func allDistances(t testing.TB, x, centres Matrix) [][]float64 {
	var mu sync.Mutex
	d := make([][]float64, x.Rows)
	DistancesWith(SquaredNorms(x), x, centres, func(i int, row []float64) {
		mu.Lock()
		defer mu.Unlock()
		if d[i] != nil {
			t.Errorf("row %d came twice", i)
		}
		d[i] = slices.Clone(row)
	})
	return d
}

// Whole numbers have exact sums: distances and assignments equal the specification's. Normal numbers
// come near it.
func FuzzDistances(f *testing.F) {
	for n := range 9 { // all tails of the four centres at once
		f.Add(uint64(n), uint8(n), uint8(3*n), uint8(n))
	}
	f.Add(uint64(9), uint8(40), uint8(255), uint8(13)) // several blocks of rows
	f.Fuzz(func(t *testing.T, seed uint64, rows, cols, k uint8) {
		r := rng.Stream(seed, "distances", uint64(rows), uint64(cols), uint64(k))
		x, centres := wholes(r, int(rows), int(cols)), wholes(r, int(k)+1, int(cols))
		for i, d := range allDistances(t, x, centres) {
			want := make([]float64, centres.Rows)
			for j := range want {
				want[j] = sqDist64(x.Row(i), centres.Row(j))
			}
			if !slices.Equal(d, want) {
				t.Errorf("whole numbers, row %d: distances are %v, want exactly %v", i, d, want)
			}
		}
		rng.Normals(r, x.Data)
		rng.Normals(r, centres.Data)
		norms, centreNorms := SquaredNorms(x), SquaredNorms(centres)
		for i, d := range allDistances(t, x, centres) {
			for j, got := range d {
				want := sqDist64(x.Row(i), centres.Row(j))
				// Each of the three sums has cols roundings relative to at most
				// |x|² + |c|²; the specification has about as many of its own.
				tol := 4 * float64(cols) * 0x1p-52 * (norms[i] + centreNorms[j])
				if math.Abs(got-want) > tol {
					t.Errorf("normals, row %d, centre %d: distance is %v, want %v ± %.1e", i, j, got, want, tol)
				}
			}
		}
	})
}

// Equal rows are at distance 0, and nothing is at less.
func TestDistanceOfEqualRows(t *testing.T) {
	x := New(33, 1000)
	rng.Normals(rng.Stream(1, "equal"), x.Data)
	for i, d := range allDistances(t, x, x) {
		if d[i] != 0 {
			t.Errorf("row %d is %v from itself, want 0", i, d[i])
		}
		if slices.Min(d) < 0 {
			t.Errorf("row %d has a negative distance", i)
		}
	}
}

func TestFirstOfEquals(t *testing.T) {
	v := []float64{2, 1, 3, 1, 3}
	if ArgMin(v) != 1 || ArgMax(v) != 2 {
		t.Errorf("least at %d, greatest at %d, want 1 and 2", ArgMin(v), ArgMax(v))
	}
}

func BenchmarkDistances(b *testing.B) {
	x := New(1300, 4096)
	rng.Normals(rng.Stream(1, "bench"), x.Data)
	norms := SquaredNorms(x)
	for _, k := range []int{1, 4, 10, 50} {
		b.Run(fmt.Sprintf("1300x4096/k=%d", k), func(b *testing.B) {
			centres := x.Slice(0, k)
			for b.Loop() {
				DistancesWith(norms, x, centres, func(int, []float64) {})
			}
			products := float64(b.N) * float64(len(x.Data)*k)
			b.ReportMetric(products/b.Elapsed().Seconds()/1e9, "products/ns")
		})
	}
}
