package modes

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"mgd3/matrix"
	"mgd3/rng"
)

var allMethods = []Method{KMeans, GMM, Bisecting}

// table makes a matrix of rows of equal length.
func table(rows ...[]float32) matrix.Matrix {
	return matrix.Matrix{Rows: len(rows), Cols: len(rows[0]), Data: slices.Concat(rows...)}
}

// blobs draws n rows, row i around the corner i mod k of a simplex with edges of length
// 10·√2; the noise has standard deviation 0.1 in each of the d ≥ k columns.
func blobs(r *rand.Rand, n, k, d int) matrix.Matrix {
	x := matrix.New(n, d)
	rng.Normals(r, x.Data)
	for i := range x.Data {
		x.Data[i] *= 0.1
	}
	for i := range n {
		x.Row(i)[i%k] += 10
	}
	return x
}

// wholes draws a matrix of whole numbers from −7 to 7.
func wholes(r *rand.Rand, rows, cols int) matrix.Matrix {
	x := matrix.New(rows, cols)
	for i := range x.Data {
		x.Data[i] = float32(r.IntN(15) - 7)
	}
	return x
}

func discover(t testing.TB, x matrix.Matrix, k int, opts Options) Clustering {
	t.Helper()
	c, err := Discover(t.Context(), x, k, opts, rng.Stream(1, "test"))
	if err != nil {
		t.Fatal(err)
	}
	wantLawful(t, c, x, k)
	return c
}

// wantLawful checks what is true of every clustering.
func wantLawful(t testing.TB, c Clustering, x matrix.Matrix, k int) {
	t.Helper()
	if c.Centres.Rows != k || c.Centres.Cols != x.Cols || len(c.Centres.Data) != k*x.Cols {
		t.Fatalf("centres have shape [%d, %d] and %d numbers, want [%d, %d]", c.Centres.Rows, c.Centres.Cols,
			len(c.Centres.Data), k, x.Cols)
	}
	if len(c.Assignment) != x.Rows || len(c.Sizes) != k || len(c.Nearest) != k {
		t.Fatalf("%d assignments, %d cluster sizes, %d nearest, want %d, %d, %d", len(c.Assignment), len(c.Sizes),
			len(c.Nearest), x.Rows, k, k)
	}
	size := make([]int, k)
	var inertia float64
	for i, j := range c.Assignment {
		size[j]++ // panics on an assignment out of range
		inertia += sqDist64(x.Row(i), c.Centres.Row(j))
	}
	if !slices.Equal(c.Sizes, size) {
		t.Errorf("cluster sizes are %v, want %v", c.Sizes, size)
	}
	// All terms are positive, so D additions lose D·2⁻⁵³ at most; rows add as many roundings.
	if tol := float64(x.Cols+x.Rows) * 0x1p-52 * inertia; !(math.Abs(c.Inertia-inertia) <= tol) {
		t.Errorf("inertia is %v, want %v", c.Inertia, inertia)
	}
	for i, v := range c.Centres.Data {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			t.Fatalf("centre %d is %v at column %d", i/x.Cols, v, i%x.Cols)
		}
	}
}

// sqDist64 is the specification of all distances here.
func sqDist64(a, b []float32) float64 {
	var s float64
	for i := range a {
		s += math.Pow(float64(a[i])-float64(b[i]), 2)
	}
	return s
}

func TestRefused(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	seven := matrix.New(7, 2)
	for _, test := range []struct {
		name string
		x    matrix.Matrix
		k    int
		opts Options
		want string
	}{
		{"fewer latents than modes", seven, 10, Options{}, "too few images: have 7, want 10"},
		{"the same, said aloud", seven, 10, Options{Short: ShortError}, "too few images: have 7, want 10"},
		{"no latents", matrix.Matrix{Cols: 2}, 1, Options{}, "too few images: have 0, want 1"},
		{"no latents to repeat", matrix.Matrix{Cols: 2}, 1, Options{Short: ShortRepeat},
			"too few images: have 0, want 1"},
		{"no modes", seven, 0, Options{}, "have 0 modes, want at least 1"},
		{"less than none", seven, -1, Options{Short: ShortRepeat}, "have -1 modes, want at least 1"},
		{"NaN", table([]float32{1, 2}, []float32{3, nan}), 1, Options{},
			"latent 1 is NaN at column 1, want finite numbers"},
		{"infinite", table([]float32{1, 2}, []float32{3, 4}, []float32{inf, 0}), 1, Options{},
			"latent 2 is -Inf at column 0, want finite numbers"},
		{"no columns", matrix.Matrix{Rows: 3}, 1, Options{}, "latents of shape [3, 0] hold 0 numbers"},
		{"data cut short", matrix.Matrix{Rows: 3, Cols: 2, Data: make([]float32, 5)}, 1, Options{},
			"latents of shape [3, 2] hold 5 numbers"},
		{"rows that overflow", matrix.Matrix{Rows: math.MaxInt, Cols: 2, Data: nil}, 1, Options{}, "hold 0 numbers"},
		{"unknown method", seven, 1, Options{Method: "dbscan"},
			`unknown method "dbscan", want "kmeans", "gmm" or "bisecting"`},
		{"unknown way", seven, 1, Options{Short: "skip"}, `"skip", want "error" or "repeat"`},
		{"other pictures", seven, 1, Options{Pool: Pooling{1, 2, 2, 2}},
			"latents have 2 columns, want pictures [1, 2, 2]"},
		{"no pictures", seven, 1, Options{Pool: Pooling{P: 2}}, "have pictures [0, 0, 0]"},
	} {
		c, err := Discover(t.Context(), test.x, test.k, test.opts, rng.Stream(1, "test"))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error is %v, want %q", test.name, err, test.want)
		}
		if want := strings.HasPrefix(test.want, "too few"); errors.Is(err, ErrTooFew) != want {
			t.Errorf("%s: %v is ErrTooFew: %t, want %t", test.name, err, !want, want)
		}
		if !reflect.DeepEqual(c, Clustering{}) {
			t.Errorf("%s: a clustering came with the error", test.name)
		}
	}
}

func TestOneLatent(t *testing.T) {
	x := table([]float32{0.1, -3, 1e-30})
	for _, method := range allMethods {
		c := discover(t, x, 1, Options{Method: method})
		if !slices.Equal(c.Centres.Data, x.Data) || c.Inertia != 0 || c.Nearest[0] != 0 {
			t.Errorf("%s: centre %v, inertia %v, nearest %d; want the latent itself", method, c.Centres.Data, c.Inertia,
				c.Nearest[0])
		}
	}
}

// Every latent is a mode of its own.
func TestAsManyModesAsLatents(t *testing.T) {
	x := wholes(rng.Stream(1, "as many"), 12, 9)
	for _, method := range allMethods {
		c := discover(t, x, x.Rows, Options{Method: method})
		if c.Inertia != 0 || slices.Max(c.Sizes) != 1 {
			t.Errorf("%s: inertia %v, cluster sizes %v, want 0 and ones", method, c.Inertia, c.Sizes)
		}
	}
}

func TestOneModeIsTheMean(t *testing.T) {
	x := wholes(rng.Stream(1, "one"), 40, 5)
	want := make([]float32, x.Cols)
	for l := range want {
		for i := range x.Rows {
			want[l] += x.Row(i)[l]
		}
		want[l] /= float32(x.Rows) // one rounding: the sum is whole
	}
	for _, method := range allMethods {
		c := discover(t, x, 1, Options{Method: method})
		for l, v := range c.Centres.Data {
			// GMM weighs before it sums: 40 roundings in float64 and one in float32.
			if diff := math.Abs(float64(v - want[l])); diff > 0x1p-23*math.Abs(float64(want[l])) {
				t.Errorf("%s: column %d of the mean is %v, want %v", method, l, v, want[l])
			}
		}
	}
}

// Blobs 100 standard deviations apart: every method finds them, and their means.
func TestBlobs(t *testing.T) {
	const n, k, d = 200, 5, 16
	x := blobs(rng.Stream(1, "blobs"), n, k, d)
	corner := make([]int, n)
	for i := range corner {
		corner[i] = i % k
	}
	want := means(x, corner, k)
	for _, method := range allMethods {
		c := discover(t, x, k, Options{Method: method})
		for i, j := range c.Assignment {
			if j != c.Assignment[i%k] {
				t.Fatalf("%s: latent %d has assignment %d, want that of latent %d, %d", method, i, j, i%k,
					c.Assignment[i%k])
			}
		}
		for b := range k {
			got := c.Centres.Row(c.Assignment[b])
			// Both are means of the same rows, rounded to float32 below 2⁴; GMM's own
			// roundings are in float64.
			if dist := math.Sqrt(sqDist64(got, want.Row(b))); dist > math.Sqrt(d)*0x1p-20 {
				t.Errorf("%s: blob %d: the centre is %.1e from the mean", method, b, dist)
			}
		}
	}
}

func TestNearestTakesItsPlace(t *testing.T) {
	x := blobs(rng.Stream(1, "nearest"), 60, 3, 4)
	for _, method := range allMethods {
		plain := discover(t, x, 3, Options{Method: method})
		c := discover(t, x, 3, Options{Method: method, Nearest: true})
		for j := range 3 {
			d := make([]float64, x.Rows)
			for i := range d {
				d[i] = sqDist64(x.Row(i), plain.Centres.Row(j))
			}
			if want := matrix.ArgMin(d); c.Nearest[j] != want || plain.Nearest[j] != want {
				t.Errorf("%s: nearest to centre %d is latent %d and %d, want %d", method, j, c.Nearest[j],
					plain.Nearest[j], want)
			}
			if !slices.Equal(c.Centres.Row(j), x.Row(c.Nearest[j])) {
				t.Errorf("%s: centre %d is not latent %d", method, j, c.Nearest[j])
			}
		}
		if !slices.Equal(c.Assignment, plain.Assignment) {
			t.Errorf("%s: the assignments changed", method)
		}
	}
}

func TestNearestIsTheFirstOfEquals(t *testing.T) {
	x := table([]float32{3, 0}, []float32{1, 0}, []float32{-1, 0}, []float32{1, 0})
	if got := nearest(x, table([]float32{0, 0}, []float32{3, 0})); !slices.Equal(got, []int{1, 0}) {
		t.Errorf("nearest are latents %v, want [1 0]", got)
	}
}

// Distances are of the order of 1, the latents of the order of 8192: a product form in float32
// would be wrong by 8192²·2⁻²⁴ = 4 and more.
func TestFarFromTheOrigin(t *testing.T) {
	x := blobs(rng.Stream(1, "far"), 60, 3, 16)
	for i := range x.Data {
		x.Data[i] = float32(math.Round(float64(x.Data[i]) * 0x1p8 / 10)) // whole, 0 … 256
		x.Data[i] /= 0x1p8
	}
	far := x.Pick(identity(x.Rows))
	for i := range far.Data {
		far.Data[i] += 8192 // exact: 13 bits before the point, 8 behind
	}
	for _, method := range allMethods {
		near, got := discover(t, x, 3, Options{Method: method}), discover(t, far, 3, Options{Method: method})
		if !slices.Equal(got.Assignment, near.Assignment) {
			t.Errorf("%s: assignments far from the origin are %v, want %v", method, got.Assignment, near.Assignment)
		}
	}
}

func identity(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

func TestSameBytesOnAnyNumberOfCores(t *testing.T) {
	x := matrix.New(150, 256)
	rng.Normals(rng.Stream(1, "cores"), x.Data)
	for _, method := range allMethods {
		for _, opts := range []Options{{Method: method}, {Method: method, Nearest: true, Pool: Pooling{4, 8, 8, 2}}} {
			var want Clustering
			for _, cores := range []int{1, 2, 4} {
				before := runtime.GOMAXPROCS(cores)
				got := discover(t, x, 7, opts)
				runtime.GOMAXPROCS(before)
				if cores == 1 {
					want = got
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%+v: %d cores find other modes than one", opts, cores)
				}
			}
		}
	}
}

// Discover leaves the latents as they are, and shares no memory with them.
func TestLatentsStayAsTheyAre(t *testing.T) {
	for _, method := range allMethods {
		x := wholes(rng.Stream(1, "stay"), 9, 4)
		want := slices.Clone(x.Data)
		c := discover(t, x, 9, Options{Method: method, Nearest: true})
		clear(c.Centres.Data)
		if !slices.Equal(x.Data, want) {
			t.Errorf("%s: the latents changed", method)
		}
	}
}

// countdown is a context that is cancelled when it has been asked n times.
type countdown struct {
	context.Context
	n int
}

func (c *countdown) Err() error {
	c.n--
	if c.n < 0 {
		return context.Canceled
	}
	return nil
}

// A cancelled context is noticed wherever it is asked: in the start, between iterations, between
// splits.
func TestCancelled(t *testing.T) {
	x := matrix.New(100, 8)
	rng.Normals(rng.Stream(1, "cancelled"), x.Data)
	for _, method := range allMethods {
		asked := &countdown{t.Context(), math.MaxInt}
		c, err := Discover(asked, x, 6, Options{Method: method}, rng.Stream(1, "test"))
		if err != nil {
			t.Fatal(err)
		}
		total := math.MaxInt - asked.n
		if total < c.Iterations+1 {
			t.Errorf("%s: asked %d times in %d iterations", method, total, c.Iterations)
		}
		for n := range total {
			c, err := Discover(&countdown{t.Context(), n}, x, 6, Options{Method: method}, rng.Stream(1, "test"))
			if !errors.Is(err, context.Canceled) || !reflect.DeepEqual(c, Clustering{}) {
				t.Fatalf("%s: cancelled at question %d of %d: error is %v, want context.Canceled alone", method, n,
					total, err)
			}
		}
	}
}

// FuzzDiscover feeds it small whole numbers, so mostly duplicates and ties.
func FuzzDiscover(f *testing.F) {
	f.Add([]byte{0}, uint8(1), uint8(1), uint8(0))
	f.Add([]byte{1, 1, 1, 1, 1, 1}, uint8(1), uint8(4), uint8(1))
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7}, uint8(2), uint8(9), uint8(2))
	f.Add([]byte{0, 0, 255, 255, 0, 0, 255, 255, 9}, uint8(3), uint8(3), uint8(5))
	f.Fuzz(func(t *testing.T, data []byte, cols, k, options uint8) {
		if cols == 0 || k == 0 || len(data) < int(cols) || len(data) > 200 || k > 20 {
			t.Skip()
		}
		x := matrix.New(len(data)/int(cols), int(cols))
		for i := range x.Data {
			x.Data[i] = float32(int8(data[i]))
		}
		opts := Options{Method: allMethods[options%3], Nearest: options%2 == 1, Short: ShortRepeat}
		c := discover(t, x, int(k), opts)
		if again := discover(t, x, int(k), opts); !reflect.DeepEqual(c, again) {
			t.Error("the second call finds other modes than the first")
		}
	})
}
