package scores

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mgd3/matrix"
	"mgd3/modes"
	"mgd3/rng"
)

// line is samples of one feature: what a score is can be seen.
func line(v ...float32) matrix.Matrix { return matrix.Matrix{Rows: len(v), Cols: 1, Data: v} }

// normals are n standard normal samples of d features, moved by shift.
func normals(seed uint64, n, d int, shift float32) matrix.Matrix {
	x := matrix.Matrix{Rows: n, Cols: d, Data: make([]float32, n*d)}
	rng.Normals(rng.Stream(seed, "normals"), x.Data)
	for i := range x.Data {
		x.Data[i] += shift
	}
	return x
}

func TestOnALine(t *testing.T) {
	ctx := t.Context()
	real, syn := line(0, 1, 2, 3, 10), line(0.25, 2, 2.5)
	near(t, "diversity", (1.75+0.5+0.5)/3, 1e-15)(Diversity(ctx, syn))
	near(t, "representativeness by 2", ((0.25+0.75)/2+(0+1)/2.+(0.5+0.5)/2)/3,
		1e-15)(Representativeness(ctx, real, syn, 2))
	near(t, "representativeness by all", ((0.25+0.75+1.75+2.75+9.75)/5+(2+1+0+1+8)/5.+(2.5+1.5+0.5+0.5+7.5)/5)/3,
		1e-14)(Representativeness(ctx, real, syn, Near))
	// Neighbours of 0: 1, 2, 3; of 1: 1, 1, 2; of 2: 1, 1, 2; of 3: 1, 2, 3; of 10: 7, 8, 9. Nearest synthetic: 0.25,
	// 0.75, 0, 0.5, 7.5.
	covered, err := Coverage(ctx, real, syn, 1, 2, 4, 5)
	if want := []float64{4. / 5, 1, 1}; err != nil || !slices.EqualFunc(covered[:3], want, nearly) ||
		!math.IsNaN(covered[3]) {
		t.Errorf("coverage is %v, want %v and NaN; error %v", covered, want, err)
	}
	covered, err = Coverage(ctx, line(0, 1, 2), line(3), 1)
	if err != nil || covered[0] != 0 {
		t.Errorf("coverage is %v, want 0: an equal distance does not count; error %v", covered, err)
	}
	d, err := ModeDistances(line(1, 5), line(3, 4))
	if err != nil || !slices.Equal(d, []float64{2, 1}) {
		t.Errorf("distances to the modes are %v, want 2 and 1; error %v", d, err)
	}
	if k := []int{FairShare(200, 10), FairShare(201, 10), FairShare(3, 10)}; !slices.Equal(k, []int{20, 21, 1}) {
		t.Errorf("fair shares are %v, want 20, 21, 1", k)
	}
}

func nearly(a, b float64) bool { return math.Abs(a-b) < 1e-12 }

// TestMMD on numbers so few that all pairs can be written down; it is below 0 where both sets mix.
func TestMMD(t *testing.T) {
	const gamma = 0.5
	k := func(d float64) float64 { return math.Exp(-gamma * d * d) }
	got, err := MMD(t.Context(), line(0, 1, 3), line(0, 2), gamma)
	near(t, "MMD²", (k(1)+k(3)+k(2))/3+k(2)-(k(0)+k(2)+k(1)+k(1)+k(3)+k(1))/3, 1e-15)(got.Squared, err)
	got, err = MMD(t.Context(), line(0, 1), line(10, 20), 0) // squared distances 1, 81, 100, 100, 361, 400
	near(t, "γ of the median", 1./100, 1e-9)(got.Gamma, err)
	got, err = MMD(t.Context(), line(1), line(2, 3), 0)
	if err != nil || !math.IsNaN(got.Squared) {
		t.Errorf("MMD² of one sample is %v, want NaN; error %v", got.Squared, err)
	}
	big := normals(1, MMDRows+1, 1, 0)
	if n := thin(big, 10).Rows; n != 10 {
		t.Errorf("thinned to %d, want 10", n)
	}
}

// TestMedian compares with sorting, up to the rounding to float32.
func TestMedian(t *testing.T) {
	for n := 2; n < 40; n++ {
		x := normals(uint64(n), n, 3, 0)
		var all []float64
		for i := range n {
			for j := range i {
				d := 0.0
				for c, v := range x.Row(i) {
					d += math.Pow(float64(v)-float64(x.Row(j)[c]), 2)
				}
				all = append(all, d)
			}
		}
		slices.Sort(all)
		want := all[(len(all)-1)/2]
		got, err := medianDistance(t.Context(), x)
		near(t, "median", want, want*0x1p-23)(got, err)
	}
}

// FuzzKth: the k-th smallest is where sorting puts it, and nothing before it is larger.
func FuzzKth(f *testing.F) {
	for n := range 20 {
		f.Add(uint64(n), uint8(n), uint8(n/2))
	}
	f.Fuzz(func(t *testing.T, seed uint64, size, at uint8) {
		r := rand.New(rand.NewPCG(seed, 0))
		d := make([]float64, int(size)+1)
		for i := range d {
			d[i] = float64(r.IntN(len(d))) // many are equal
		}
		k := int(at)%len(d) + 1
		sorted := slices.Sorted(slices.Values(d))
		if got := kth(d, k); got != sorted[k-1] || slices.Max(d[:k]) > got ||
			!slices.Equal(slices.Sorted(slices.Values(d)), sorted) {
			t.Errorf("got %v with %v, want %v of %v", got, d, sorted[k-1], sorted)
		}
	})
}

// TestCosines of vectors at right angles and along each other; longer ones are no nearer.
func TestCosines(t *testing.T) {
	ctx := t.Context()
	real := matrix.Matrix{Rows: 2, Cols: 2, Data: []float32{1, 0, 0, 5}}
	syn := matrix.Matrix{Rows: 2, Cols: 2, Data: []float32{3, 0, 2, 2}}
	const tol = 3e-8 // of the 1e-8 beside the norms
	near(t, "ManifoldGD diversity", 1-math.Sqrt(0.5), tol)(ManifoldDiversity(ctx, syn))
	near(t, "ManifoldGD representativeness", math.Sqrt(0.5), tol)(ManifoldRepresentativeness(ctx, real, syn))
	near(t, "Minimax representativeness", 1, tol)(MinimaxRepresentativeness(ctx, real, syn))
	near(t, "Minimax diversity", 1, tol)(MinimaxDiversity(ctx, real, syn))
	near(t, "cosine distance of the means", 1-(2.5*0.5+1*2.5)/math.Hypot(2.5, 1)/math.Hypot(0.5, 2.5),
		1e-15)(MeanCosineDistance(real, syn))
}

// TestFrechetKnown: between samples with diagonal covariances it is a sum over the features.
func TestFrechetKnown(t *testing.T) {
	// The corners of a box around a centre have the covariance diag(h²)·8/7.
	box := func(centre, half [3]float32) matrix.Matrix {
		x := matrix.Matrix{Cols: 3}
		for corner := range 8 {
			for j := range 3 {
				x.Data = append(x.Data, centre[j]+half[j]*float32(2*(corner>>j&1)-1))
			}
			x.Rows++
		}
		return x
	}
	a, b := box([3]float32{1, 2, 3}, [3]float32{1, 2, 3}), box([3]float32{1, 0, 7}, [3]float32{2, 2, 0})
	want := 4 + 16 + 8./7*(1+0+9)
	near(t, "Fréchet", want, 1e-12)(FrechetDistance(t.Context(), a, b))
	// Features that are always 0 change nothing, and make the other form the cheaper one.
	// roots of eigenvalues 0 ± 1e-16
	near(t, "Fréchet in 9 dimensions", want, 1e-6)(FrechetDistance(t.Context(), widen(a, 9), widen(b, 9)))
}

// widen adds features that are 0.
func widen(x matrix.Matrix, d int) matrix.Matrix {
	w := matrix.Matrix{Rows: x.Rows, Cols: d, Data: make([]float32, x.Rows*d)}
	for i := range x.Rows {
		copy(w.Row(i), x.Row(i))
	}
	return w
}

// TestFrechetForms: both forms give one distance, from either side.
func TestFrechetForms(t *testing.T) {
	ctx := t.Context()
	few, many := normals(1, 12, 20, 1), normals(2, 50, 20, 0)
	want, err := FrechetDistance(ctx, few, many)
	if err != nil {
		t.Fatal(err)
	}
	f, err := NewFrechet(ctx, many) // in memory, so the form in D
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Add(ctx, few); err != nil {
		t.Fatal(err)
	}
	near(t, "the form in D", want, 1e-6*want)(f.Distance())
	near(t, "the other way", want, 0)(FrechetDistance(ctx, many, few))
}

// TestSameBytes: how samples are spread over calls changes no bit, in both forms.
func TestSameBytes(t *testing.T) {
	ctx := t.Context()
	for _, n := range []int{5, 40} {
		syn, real := normals(1, n, 16, 1), normals(2, 600, 16, 0)
		var distances []float64
		for _, step := range []int{600, 1, 7, 256} {
			f, err := NewFrechet(ctx, syn)
			for lo := 0; lo < real.Rows && err == nil; lo += step {
				err = f.Add(ctx, real.Slice(lo, min(lo+step, real.Rows)))
			}
			d, errD := f.Distance()
			if err != nil || errD != nil {
				t.Fatal(err, errD)
			}
			distances = append(distances, d)
		}
		if slices.Min(distances) != slices.Max(distances) {
			t.Errorf("%d samples: %v, want equal numbers", n, distances)
		}
	}
}

// TestMomentsFar: far from the origin nothing is lost but what float32 has lost before.
func TestMomentsFar(t *testing.T) {
	const far = 1 << 20 // whole numbers around it are exact
	m := NewMoments(2)
	if err := m.Add(t.Context(), []float64{far, -far, far + 1, -far, far + 2, -far + 3}); err != nil {
		t.Fatal(err)
	}
	c := m.Covariance()
	near(t, "variance", 1, 1e-15)(c.At(0, 0), nil)
	near(t, "covariance", 1.5, 1e-15)(c.At(1, 0), nil)
	near(t, "variance", 3, 1e-15)(c.At(1, 1), nil)
	if mean := m.Mean(); !slices.Equal(mean, []float64{far + 1, -far + 1}) {
		t.Errorf("mean is %v", mean)
	}
}

func TestRedundancy(t *testing.T) {
	ctx := t.Context()
	apart := []matrix.Matrix{line(0, 1, 2, 3), line(100, 101, 102, 103)}
	near(t, "redundancy of classes far apart", 1, 0)(Redundancy(ctx, apart, 2))
	// Parts of class 0: {0, 10} and {5}, of class 1: {4, 11} and {20}. From the other part, 0 → 5 right, 10 → 5
	// right, 5 → 4 wrong, 4 → 5 wrong, 11 → 5 wrong, 20 → 11 right.
	mixed := []matrix.Matrix{line(0, 5, 10), line(4, 20, 11)}
	near(t, "redundancy of mixed classes", 0.5, 1e-15)(Redundancy(ctx, mixed, 2))
	fails(t, "redundancy in too many parts", modes.ErrTooFew)(Redundancy(ctx, apart, 5))
	fails(t, "redundancy in one part", nil)(Redundancy(ctx, apart, 1))
	fails(t, "redundancy of one class", nil)(Redundancy(ctx, apart[:1], 2))
}

func TestTopK(t *testing.T) {
	logits := matrix.Matrix{Rows: 3, Cols: 3, Data: []float32{1, 2, 3, 5, 5, 0, 0, 0, 0}}
	labels := []int{1, 1, 2}
	for k, want := range []float64{0, 0, 2. / 3, 1} {
		near(t, "accuracy", want, 1e-15)(TopK(logits, labels, k))
	}
	fails(t, "accuracy with a label outside", nil)(TopK(logits, []int{0, 1, 3}, 1))
	fails(t, "accuracy with a label too few", nil)(TopK(logits, []int{0, 1}, 1))
}

func TestKL(t *testing.T) {
	near(t, "KL of equal shapes", 0, 1e-15)(KL([]float64{1, 3}, []float64{2, 6}))
	near(t, "KL", 0.5*math.Log(0.5/0.25)+0.5*math.Log(0.5/0.75), 1e-15)(KL([]float64{1, 1}, []float64{1, 3}))
	fails(t, "KL of nothing", nil)(KL([]float64{0, 0}, []float64{1, 1}))
	fails(t, "KL of unlike bins", nil)(KL([]float64{1}, []float64{1, 1}))
	fails(t, "KL of a negative count", nil)(KL([]float64{1, -1}, []float64{1, 1}))
}

// TestRefused: what cannot be compared is an error in every score, and one sample is NaN where it takes two.
func TestRefused(t *testing.T) {
	ctx := t.Context()
	two := normals(1, 4, 2, 0)
	for name, syn := range map[string]matrix.Matrix{
		"of no samples":        {Cols: 2},
		"of another width":     normals(1, 4, 3, 0),
		"of a damaged table":   {Rows: 4, Cols: 2, Data: make([]float32, 7)},
		"with a number missed": {Rows: 1, Cols: 2, Data: []float32{0, float32(math.NaN())}},
	} {
		fails(t, "representativeness "+name, nil)(Representativeness(ctx, two, syn, 1))
		fails(t, "ManifoldGD representativeness "+name, nil)(ManifoldRepresentativeness(ctx, two, syn))
		fails(t, "Minimax representativeness "+name, nil)(MinimaxRepresentativeness(ctx, two, syn))
		fails(t, "Minimax diversity "+name, nil)(MinimaxDiversity(ctx, two, syn))
		fails(t, "distance of the means "+name, nil)(MeanDistance(two, syn))
		fails(t, "cosine distance of the means "+name, nil)(MeanCosineDistance(two, syn))
		fails(t, "Fréchet "+name, nil)(FrechetDistance(ctx, two, syn))
		if _, err := Coverage(ctx, two, syn, 1); err == nil {
			t.Errorf("coverage %s: no error", name)
		}
		if _, err := MMD(ctx, two, syn, 0); err == nil {
			t.Errorf("MMD %s: no error", name)
		}
		if _, err := ModeDistances(syn, two); err == nil {
			t.Errorf("distances to modes %s: no error", name)
		}
	}
	fails(t, "Fréchet of one sample", modes.ErrTooFew)(FrechetDistance(ctx, two, two.Slice(0, 1)))
	for _, f := range []func(context.Context, matrix.Matrix) (float64, error){Diversity, ManifoldDiversity} {
		if got, err := f(ctx, two.Slice(0, 1)); err != nil || !math.IsNaN(got) {
			t.Errorf("diversity of one sample is %v, want NaN; error %v", got, err)
		}
	}
	over, stop := context.WithCancel(ctx)
	stop()
	fails(t, "diversity with a context that is over", context.Canceled)(Diversity(over, two))
	fails(t, "Fréchet with a context that is over", context.Canceled)(FrechetDistance(over, two, two))
}

// TestCompare: every field is the score it is named after, the mean is that of the classes, and what is missing is
// null.
func TestCompare(t *testing.T) {
	ctx := t.Context()
	real, syn := normals(1, 60, 4, 0), normals(2, 7, 4, 1)
	c, err := Compare(ctx, real, syn)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "diversity", float64(c.Diversity), 0)(Diversity(ctx, syn))
	near(t, "representativeness", float64(c.Representativeness), 0)(Representativeness(ctx, real, syn, 50))
	near(t, "ManifoldGD diversity", float64(c.ManifoldDiversity), 0)(ManifoldDiversity(ctx, syn))
	near(t, "ManifoldGD representativeness", float64(c.ManifoldRepresentativeness),
		0)(ManifoldRepresentativeness(ctx, real, syn))
	near(t, "Fréchet", float64(c.Frechet), 0)(FrechetDistance(ctx, real, syn))
	near(t, "distance of the means", float64(c.MeanDistance), 0)(MeanDistance(real, syn))
	near(t, "cosine of the means", float64(c.MeanCosine), 0)(MeanCosineDistance(real, syn))
	covered, err := Coverage(ctx, real, syn, 5, 9)
	near(t, "coverage", covered[0], 0)(float64(c.Coverage), err)
	near(t, "fair coverage", covered[1], 0)(float64(c.FairCoverage), err)
	d, err := MMD(ctx, real, syn, 0)
	near(t, "MMD²", d.Squared, 0)(float64(c.MMD2), err)

	m := Mean([]Class{c, {Diversity: 2 + c.Diversity, MeanCosine: 3}})
	near(t, "mean diversity", float64(c.Diversity)+1, 1e-12)(float64(m.Diversity), nil)
	near(t, "mean cosine", float64(c.MeanCosine)/2+1.5, 1e-12)(float64(m.MeanCosine), nil)

	one, err := Compare(ctx, real, syn.Slice(0, 1))
	text, errJSON := json.Marshal(one)
	if err != nil || errJSON != nil || !bytes.Contains(text, []byte(`"diversity_mgd3":null`)) ||
		!bytes.Contains(text, []byte(`"frechet":null`)) || bytes.Contains(text, []byte(`"mean_l2":null`)) {
		t.Errorf("one sample: %s; errors %v, %v", text, err, errJSON)
	}
}
