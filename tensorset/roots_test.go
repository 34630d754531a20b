package tensorset

import (
	"math"
	"slices"
	"testing"

	"mgd3/rng"
)

// covariance is Σ xxᵀ/n of n rows whose numbers fall like those of images, plus epsilonZCA: eigenvalues from 0.1 to
// about size.
func covariance(t *testing.T, d, n int, size float64) []float64 {
	t.Helper()
	p, err := newProducts(d)
	if err != nil {
		t.Fatal(err)
	}
	defer p.engine.Close()
	x := make([]float32, n*d)
	rng.Normals(rng.Stream(1, "rows"), x)
	for i := range n { // neighbours alike, as pixels are
		row := x[i*d : (i+1)*d]
		for j := 1; j < d; j++ {
			row[j] = 0.95*row[j-1] + 0.05*row[j]
		}
		row[0] *= 3
	}
	a := make([]float64, d*d)
	if err := p.addGram(a, x); err != nil {
		t.Fatal(err)
	}
	trace := 0.0
	for i := range d {
		trace += a[i*d+i]
	}
	for i := range a {
		a[i] *= size / trace
	}
	for i := range d {
		a[i*d+i] += epsilonZCA
	}
	return a
}

// TestRoots: the iteration gives what eigenvectors give, within the bound that it says of itself, and that bound is one
// of images' numbers.
func TestRoots(t *testing.T) {
	for _, test := range []struct {
		d    int
		size float64
	}{{1, 3}, {7, 0.01}, {192, 20}, {300, 500}} {
		a := covariance(t, test.d, 2*test.d, test.size)
		p, err := newProducts(test.d)
		if err != nil {
			t.Fatal(err)
		}
		root, inverse, err := p.roots(a, epsilonZCA)
		p.engine.Close()
		if err != nil {
			t.Fatal(err)
		}
		wantRoot, wantInverse, err := eigenRoots(slices.Clone(a), test.d)
		if err != nil {
			t.Fatal(err)
		}
		far := func(got, want []float32) float64 {
			sum := 0.0
			for i, v := range got {
				sum += float64(v-want[i]) * float64(v-want[i])
			}
			return math.Sqrt(sum / float64(test.d))
		}
		ofRoot, ofInverse := rootError(a, root, inverse, test.d, epsilonZCA)
		// eigenvectors of float64, rounded to float32: √D numbers of a row, each up to 2⁻²⁴ of the largest
		rounding := 0x1p-24 * math.Sqrt(test.size+epsilonZCA) * math.Sqrt(float64(test.d))
		t.Logf("%d numbers: errors %.1e and %.1e, bounds %.1e and %.1e", test.d, far(root, wantRoot),
			far(inverse, wantInverse), ofRoot, ofInverse)
		// the bounds are estimates of eight probes, each of a relative variance of at most 2: half of it is not met
		if d := far(root, wantRoot); d > 2*ofRoot+rounding {
			t.Errorf("%d numbers: the root differs by %g, its bound is %g", test.d, d, ofRoot)
		}
		if d := far(inverse, wantInverse); d > 2*ofInverse+rounding/epsilonZCA {
			t.Errorf("%d numbers: the inverse differs by %g, its bound is %g", test.d, d, ofInverse)
		}
		if ofRoot > mostError || ofInverse > mostError {
			t.Errorf("%d numbers: bounds of %g and %g", test.d, ofRoot, ofInverse)
		}
	}
}
