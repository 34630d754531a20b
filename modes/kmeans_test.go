package modes

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"mgd3/matrix"
	"mgd3/rng"
)

func lloydFrom(t testing.TB, x, start matrix.Matrix, n int, tol float64) Clustering {
	t.Helper()
	c, err := lloyd(t.Context(), x, start, n, tol)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Means of whole numbers are exact up to one rounding, so the order of rows cannot matter.
func TestPermutedRowsPermuteOwners(t *testing.T) {
	r := rng.Stream(1, "permuted")
	x := wholes(r, 90, 12)
	start := x.Pick([]int{3, 14, 15, 9, 26})
	c := lloydFrom(t, x, start, maxIter, 0)
	order := r.Perm(x.Rows)
	permuted := lloydFrom(t, x.Pick(order), start, maxIter, 0)
	for i, row := range order {
		if permuted.Assignment[i] != c.Assignment[row] {
			t.Errorf("latent %d, once latent %d, has assignment %d, want %d", i, row, permuted.Assignment[i],
				c.Assignment[row])
		}
	}
	if !slices.Equal(permuted.Centres.Data, c.Centres.Data) {
		t.Error("the centres depend on the order of the latents")
	}
}

func TestInertiaNeverGrows(t *testing.T) {
	x := matrix.New(300, 20)
	rng.Normals(rng.Stream(1, "inertia"), x.Data)
	start := x.Pick([]int{1, 2, 3, 4, 5, 6, 7, 8})
	end := lloydFrom(t, x, start, maxIter, 0)
	last := math.Inf(1)
	for n := range end.Iterations + 1 {
		c := lloydFrom(t, x, start, n, 0)
		inertia := matrix.Sum(ownDistances(x, c.Assignment, c.Centres))
		// The rounding of centres to float32 adds at most |x|²·2⁻⁴⁸ or so.
		if inertia > last*(1+1e-12) {
			t.Errorf("inertia after %d iterations is %v, after one less %v", n, inertia, last)
		}
		last = inertia
	}
	if end.Iterations < 5 {
		t.Errorf("only %d iterations: the test shows nothing", end.Iterations)
	}
}

// After the end no further iteration changes anything.
func TestLloydEndsAtAFixedPoint(t *testing.T) {
	x := matrix.New(100, 6)
	rng.Normals(rng.Stream(1, "fixed"), x.Data)
	c := lloydFrom(t, x, x.Pick([]int{0, 1, 2, 3}), maxIter, 0)
	again := lloydFrom(t, x, c.Centres, 1, 0)
	if !slices.Equal(again.Assignment, c.Assignment) || !slices.Equal(again.Centres.Data, c.Centres.Data) {
		t.Error("one more iteration moves the result")
	}
}

func TestNoIterations(t *testing.T) {
	x := table([]float32{0}, []float32{4}, []float32{5})
	start := table([]float32{1}, []float32{6})
	got := lloydFrom(t, x, start, 0, 0)
	if want := (Clustering{Centres: start, Assignment: []int{0, 1, 1}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want the start, %+v", got, want)
	}
}

// Clusters 1 and 3 are empty. The rows farthest from their centres are 5, then 2 and, as far, 3.
func TestRelocate(t *testing.T) {
	x := table([]float32{0}, []float32{1}, []float32{4}, []float32{-4}, []float32{10}, []float32{15})
	centres := table([]float32{0}, []float32{90}, []float32{10}, []float32{99})
	assignment := []int{0, 0, 0, 0, 2, 2}
	if got, want := relocate(x, assignment, centres), []int{0, 0, 3, 0, 2, 1}; !slices.Equal(got, want) {
		t.Errorf("assignments are %v, want %v", got, want)
	}
	if want := []int{0, 0, 0, 0, 2, 2}; !slices.Equal(assignment, want) {
		t.Errorf("the argument became %v", assignment)
	}
}

func TestRelocateHasNoReason(t *testing.T) {
	x := table([]float32{0}, []float32{7})
	full := []int{0, 1}
	if got := relocate(x, full, table([]float32{1}, []float32{2})); !slices.Equal(got, full) {
		t.Errorf("no empty cluster: assignments are %v, want %v", got, full)
	}
	if got := relocate(x, full, table([]float32{0}, []float32{7}, []float32{7})); !slices.Equal(got, full) {
		t.Errorf("all rows on their centres: assignments are %v, want %v", got, full)
	}
}

// A far centre takes the farthest row, and two clusters are found where one was empty.
func TestEmptyClusterIsFilled(t *testing.T) {
	x := table([]float32{0}, []float32{1}, []float32{2}, []float32{30})
	c := lloydFrom(t, x, table([]float32{1}, []float32{1000}), maxIter, 0)
	if want := []float32{1, 30}; !slices.Equal(c.Centres.Data, want) {
		t.Errorf("centres are %v, want %v", c.Centres.Data, want)
	}
}

func TestMeansOfAnEmptyCluster(t *testing.T) {
	x := table([]float32{1, 1}, []float32{8, 2}, []float32{9, 4})
	want := []float32{1, 1, 8.5, 3, 8.5, 3}
	if got := means(x, []int{0, 1, 1}, 3); !slices.Equal(got.Data, want) {
		t.Errorf("means are %v, want %v", got.Data, want)
	}
}

func TestVariance(t *testing.T) {
	x := table([]float32{1, 5}, []float32{3, 5}, []float32{1, 9}, []float32{3, 9}) // variances 1 and 4
	if got := variance(x); got != 2.5 {
		t.Errorf("mean variance is %v, want 2.5", got)
	}
}

// BenchmarkKMeans clusters a mixture of ten, 1300 × 4096, made by the recipe of the load kmeans_1300x4096_k10 with
// other random numbers. On two Zen 5 cores k-means took 0.025 s at best. On the same machine, busy with other work,
// it took 0.050 and 0.13 s in runs where scikit-learn, in turn with it, took 0.16 and 0.31 s.
func BenchmarkKMeans(b *testing.B) {
	r := rng.Stream(0, "bench")
	x, middle := matrix.New(1300, 4096), matrix.New(10, 4096)
	rng.Normals(r, middle.Data)
	rng.Normals(r, x.Data)
	for i := range x.Rows {
		of := middle.Row(r.IntN(10))
		for l, v := range x.Row(i) {
			x.Row(i)[l] = of[l] + 2*v
		}
	}
	for _, method := range allMethods {
		b.Run(string(method), func(b *testing.B) {
			var c Clustering
			for b.Loop() {
				var err error
				if c, err = Discover(b.Context(), x, 10, Options{Method: method}, rng.Stream(0, "bench")); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(c.Iterations), "iterations")
		})
	}
}

func BenchmarkMeans(b *testing.B) {
	x := matrix.New(1300, 4096)
	assignment := make([]int, x.Rows)
	for i := range assignment {
		assignment[i] = i % 10
	}
	for b.Loop() {
		means(x, assignment, 10)
	}
}
