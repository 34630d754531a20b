package modes

import (
	"math"
	"testing"

	"mgd3/matrix"
	"mgd3/rng"
)

// A single Gaussian is fitted in one step: its likelihood is known in closed form.
func TestMixtureOfOne(t *testing.T) {
	x := table([]float32{1, 5}, []float32{3, 5}, []float32{1, 9}, []float32{3, 9}) // variances 1 and 4
	share := newTable(4, 1)
	for i := range share {
		share[i][0] = 1
	}
	m := newMixture(means(x, make([]int, 4), 1))
	m.maximise(x, share)
	got := m.expect(share, x)
	// Every row is one standard deviation off in both columns.
	want := -math.Log(2*math.Pi) - math.Log(2) - 1
	if math.Abs(got-want) > 2*varianceFloor {
		t.Errorf("mean ln p is %v, want %v", got, want)
	}
}

// Two wide components on a line, −2±1 and 2±1, overlap. EM has its fixed point near them:
// with 20,000 rows the standard error of a mean is 0.01, about doubled by the overlap; k-means,
// which cuts at 0, ends at ±2.02.
func TestMixtureOnALine(t *testing.T) {
	x := matrix.New(20000, 1)
	r := rng.Stream(1, "line")
	rng.Normals(r, x.Data)
	for i := range x.Data {
		x.Data[i] += float32(4*(i%2) - 2)
	}
	c := discover(t, x, 2, Options{Method: GMM})
	lo, hi := min(c.Centres.Data[0], c.Centres.Data[1]), max(c.Centres.Data[0], c.Centres.Data[1])
	if math.Abs(float64(lo)+2) > 0.1 || math.Abs(float64(hi)-2) > 0.1 {
		t.Errorf("means are %v and %v, want -2 and 2 ± 0.1", lo, hi)
	}
}

// A component of width 10 around one of width 0.1: rows within the narrow one belong to it, all
// others to the wide one. k-means cannot say that.
func TestWidthsDecide(t *testing.T) {
	x := table([]float32{0}, []float32{0.1}, []float32{-0.1}, []float32{20}, []float32{0.5}, []float32{-20})
	share := newTable(x.Rows, 2)
	for i, j := range []int{0, 0, 0, 1, 1, 1} {
		share[i][j] = 1
	}
	m := newMixture(matrix.New(2, 1))
	if _, err := m.climb(t.Context(), x, share); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{0, 0, 0, 1, 1, 1} {
		if got := matrix.ArgMax(share[i]); got != want {
			t.Errorf("row %d, %v, belongs to %d, want %d", i, x.Data[i], got, want)
		}
	}
}

// ln p(x) never falls between two rounds, and shares sum to 1.
func TestLikelihoodNeverFalls(t *testing.T) {
	x := matrix.New(400, 3)
	rng.Normals(rng.Stream(1, "likelihood"), x.Data)
	share := newTable(x.Rows, 3)
	for i := range share {
		share[i][i%3] = 1
	}
	m := newMixture(means(x, make([]int, x.Rows), 3))
	m.maximise(x, share)
	last := math.Inf(-1)
	for round := range 50 {
		got := m.expect(share, x)
		// The floor under the variances takes up to D·floor/2 from the likelihood.
		if got < last-3*varianceFloor {
			t.Errorf("round %d: ln p fell from %v to %v", round, last, got)
		}
		last = got
		for i := range share {
			if s := matrix.Sum(share[i]); math.Abs(s-1) > 1e-12 {
				t.Fatalf("round %d: shares of row %d sum to %v", round, i, s)
			}
		}
		m.maximise(x, share)
	}
}

// In 4096 dimensions p(x) is e to the power of thousands; nothing overflows, assignments are clear.
func TestMixtureInManyDimensions(t *testing.T) {
	x := blobs(rng.Stream(1, "many"), 24, 3, 4096)
	c := discover(t, x, 3, Options{Method: GMM})
	for j, m := range c.Sizes {
		if m != 8 {
			t.Errorf("component %d owns %d rows, want 8", j, m)
		}
	}
}

func TestLogSumExp(t *testing.T) {
	inf := math.Inf(-1)
	for _, test := range []struct {
		v    []float64
		want float64
	}{
		{[]float64{-5000}, -5000},
		{[]float64{-5000, inf}, -5000},
		{[]float64{inf, 7000, 7000}, 7000 + math.Ln2},
	} {
		if got := logSumExp(test.v); got != test.want {
			t.Errorf("logSumExp(%v) = %v, want %v", test.v, got, test.want)
		}
	}
}
