package diffusion

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"mgd3/rng"
)

// TestTransport: rows of the plan sum to 1, columns to n times the sizes' shares when the rounds have converged, which
// they have at once where the problem is symmetric: two images, each at one of two centres, share 1/(1 + e^(−C/ε)).
func TestTransport(t *testing.T) {
	class := Class{Centres: []float32{0, 0, 3, 4}, Sizes: []float64{5, 5}}
	plan := transport(class.costs([]float32{0, 0, 3, 4}, 2), 2, class.Sizes)
	own := 1 / (1 + math.Exp(-2/sinkhornEps)) // the mean of the costs 0, 25, 25 and 0 is half of 25
	for i, want := range []float64{own, 1 - own, 1 - own, own} {
		if math.Abs(plan[i]-want) > 1e-12 {
			t.Errorf("symmetric plan: %d is %v, want %v", i, plan[i], want)
		}
	}
	// Four images in the middle between centres of sizes 1 and 3: a quarter of each goes to the first.
	class.Sizes = []float64{1, 3}
	plan = transport(class.costs([]float32{1.5, 2, 1.5, 2, 1.5, 2, 1.5, 2}, 2), 4, class.Sizes)
	for i, p := range plan {
		if want := []float64{0.25, 0.75}[i%2]; math.Abs(p-want) > 1e-12 {
			t.Errorf("plan from the middle: %d is %v, want %v", i, p, want)
		}
	}
	// A centre without size gets nothing, and an image at it goes elsewhere; one centre gets all, to the bit.
	class.Sizes = []float64{1, 0}
	if to := class.barycentres([]float32{3, 4, 3, 4}, 2); !slices.Equal(to, []float32{0, 0, 0, 0}) {
		t.Errorf("a centre without size attracts: %v", to)
	}
	one := Class{Centres: []float32{0.1, 0.7}, Sizes: []float64{9}}
	if to := one.barycentres([]float32{3, 4, -1, 2}, 2); !slices.Equal(to, []float32{0.1, 0.7, 0.1, 0.7}) {
		t.Errorf("one centre: %v", to)
	}
	// All at one point: no cost is left to divide by.
	if to := (Class{Centres: []float32{1, 1}, Sizes: []float64{1, 1}}).barycentres([]float32{1}, 1); to[0] != 1 {
		t.Errorf("no cost: %v", to)
	}
}

// TestTransportSizes: after the last round columns are within a tenth of the sizes on random points, where equal
// shares would be three times off.
func TestTransportSizes(t *testing.T) {
	const n, k, d = 20, 4, 8
	r := rng.Stream(3, "transport")
	class := Class{Centres: normals(r, k*d), Sizes: []float64{1, 2, 3, 14}}
	plan := transport(class.costs(normals(r, n*d), d), n, class.Sizes)
	for j, m := range class.Sizes {
		column := 0.0
		for i := range n {
			column += plan[i*k+j] / n
		}
		if want := m / 20; math.Abs(column-want) > 0.1*want+0.01 {
			t.Errorf("centre %d has %v of the images, want %v", j, column, want)
		}
	}
}

// TestForces holds the directions against differences of the energies, by 2⁻¹⁰: of second order, so off by about 1e-6
// of the third derivative, where float32 leaves 1e-4.
func TestForces(t *testing.T) {
	const n, d, h = 4, 5, 0x1p-10
	x := normals(rng.Stream(5, "forces"), n*d)
	cosine := func(x []float32, i, j int) float64 {
		dot, a, b := 0.0, 0.0, 0.0
		for l := range d {
			u, v := float64(x[i*d+l]), float64(x[j*d+l])
			dot, a, b = dot+u*v, a+u*u, b+v*v
		}
		return dot / math.Sqrt(a*b)
	}
	logDet := func(x []float32) float64 { // by elimination
		var m [n][n]float64
		for i := range n {
			for j := range n {
				m[i][j] = cosine(x, i, j)
			}
			m[i][i] += determinantEps
		}
		sum := 0.0
		for i := range n {
			sum += math.Log(m[i][i])
			for k := i + 1; k < n; k++ {
				f := m[k][i] / m[i][i]
				for l := i; l < n; l++ {
					m[k][l] -= f * m[i][l]
				}
			}
		}
		return sum
	}
	var all []float64
	for i := range n {
		for j := range i {
			all = append(all, squaredDistance(x[i*d:(i+1)*d], x[j*d:(j+1)*d]))
		}
	}
	slices.Sort(all)
	width := all[len(all)/2]
	repulsion := func(x []float32) float64 {
		sum := 0.0
		for i := range n {
			for j := range i {
				sum -= math.Exp(-squaredDistance(x[i*d:(i+1)*d], x[j*d:(j+1)*d]) / (2 * width))
			}
		}
		return sum
	}
	for name, c := range map[string]struct {
		have   []float64
		energy func([]float32) float64
	}{"determinant": {determinantForce(x, d), logDet}, "rbf": {rbfForce(x, d), repulsion}} {
		for i := range x {
			up, down := slices.Clone(x), slices.Clone(x)
			up[i] += h
			down[i] -= h
			want := (c.energy(up) - c.energy(down)) / (float64(up[i]) - float64(down[i]))
			if math.Abs(c.have[i]-want) > 1e-3*(1+math.Abs(want)) {
				t.Errorf("%s: direction %d is %v, the energy says %v", name, i, c.have[i], want)
			}
		}
	}
}

// TestApart: s = 0 and one image change nothing, s moves by the spread, and the means meet.
func TestApart(t *testing.T) {
	const n, d = 3, 4
	r := rng.Stream(6, "apart")
	modes, x0 := normals(r, n*d), normals(r, n*d)
	class := Class{Centres: modes, Sizes: []float64{1, 1, 1}}
	for _, kind := range Togethers() {
		s := Settings{Together: kind}
		if to := s.aims(class, modes, x0, d); !slices.Equal(to, modes) {
			t.Errorf("%s: scale 0 moves what images are pulled to", kind)
		}
		s.TogetherScale = 0.5
		if to := s.aims(class, modes[:d], x0[:d], d); !slices.Equal(to, modes[:d]) {
			t.Errorf("%s: one image is moved", kind)
		}
		to, moved, spread := s.aims(class, modes, x0, d), 0.0, 0.0
		mean, mu := meanOf(x0, d), class.mean(d)
		for i := range to {
			by := float64(to[i]) - float64(modes[i]) - 0.5*(mu[i%d]-mean[i%d])
			moved += by * by
			off := float64(x0[i]) - mean[i%d]
			spread += off * off
		}
		if ratio := math.Sqrt(moved / spread); math.Abs(ratio-0.5) > 1e-5 {
			t.Errorf("%s: moved by %v of the spread, want 0.5", kind, ratio)
		}
	}
}

// TestCoupledLaws: in graphs of any number of rows coupled images come out the same to the bit; with one centre for
// one image, no λ or no scale they are those of MGD3; else they are others.
func TestCoupledLaws(t *testing.T) {
	const n = 5
	draw := func(s Settings, rows, n int) []float32 {
		b := images(n)
		for i := range b.Labels {
			b.Labels[i] = 2
		}
		sizes := make([]float64, n)
		for i := range sizes {
			sizes[i] = float64(i + 1)
		}
		b.Rows, b.Class = rows, &Class{Centres: b.Modes, Sizes: sizes}
		b.Cloud = func(image, step int, dst, radii []float32) {
			copy(dst, normals(rng.Stream(1, "cloud", uint64(image), uint64(step)), len(dst)))
			for i := range radii {
				radii[i] = float32(i) / float32(len(radii))
			}
		}
		return run(t, mustNew(t, s), toy, b)
	}
	for _, rule := range Rules() {
		plain := start(t, rule)
		plain.Respacing, plain.Stop, plain.Lambda = "trailing6", 0, 0.3
		want, alone := draw(plain, 0, n), draw(plain, 0, 1)
		unguided := plain
		unguided.Lambda = 0
		free := draw(unguided, 0, n)
		for name, change := range map[string]func(*Settings){
			"ot":          func(s *Settings) { s.Guide = OT },
			"determinant": func(s *Settings) { s.Together, s.TogetherScale = Determinant, 0.5 },
			"rbf":         func(s *Settings) { s.Together, s.TogetherScale = RBF, 0.5 },
			"manifold":    func(s *Settings) { s.Guide, s.GuideScale = Manifold, 0.5 },
		} {
			name := fmt.Sprint(rule, ", ", name)
			s := plain
			change(&s)
			all := draw(s, 0, n)
			for _, rows := range []int{1, 2, 7} {
				sameBits(t, fmt.Sprint(name, ", rows ", rows), draw(s, rows, n), all)
			}
			if slices.Equal(all, want) {
				t.Errorf("%s: as without", name)
			}
			if s.Coupled() {
				sameBits(t, name+", alone", draw(s, 0, 1), alone)
				s.Lambda = 0
				sameBits(t, name+", lambda 0", draw(s, 0, n), free)
				s.Lambda = plain.Lambda
			}
			if s.Guide != OT {
				s.GuideScale, s.TogetherScale = 0, 0
				sameBits(t, name+", scale 0", draw(s, 0, n), want)
			}
		}
	}
}

// TestFrom: from no step the latent is the mode, to the bit; all steps from the noised mode are not all from noise, and
// as many are taken as were asked for, by the steps' own noise.
func TestFrom(t *testing.T) {
	for _, rule := range Rules() {
		s := start(t, rule)
		b := images(2)
		s.From = -1
		sameBits(t, string(rule)+", no step", run(t, mustNew(t, s), toy, b), b.Modes)
		s.From = 3
		sampler := mustNew(t, s)
		if steps := sampler.Steps(); len(steps) != 3 || steps[0].Index != 2 || steps[2].Index != 0 {
			t.Errorf("%s: from 3 takes %+v", rule, steps)
		}
		// from the mode, noised to the level of step 2, without any noise drawn
		b.Noise = func(_, _ int, dst []float32) { clear(dst) }
		x := sampler.start(b)
		if want := float32(math.Sqrt(sampler.chain.AlphaBar[2]) * float64(b.Modes[0])); x[0] != want {
			t.Errorf("%s: begins at %v, want %v", rule, x[0], want)
		}
		near := run(t, sampler, toy, b)
		if slices.Equal(near, b.Modes) {
			t.Errorf("%s: from 3 does nothing", rule)
		}
		s.From = sampler.chain.Len() + 1
		if _, err := New(s); err == nil {
			t.Errorf("%s: no error from beyond the steps", rule)
		}
	}
}

// TestShapes: the mean of λ over the steps is λ, and the shapes fall.
func TestShapes(t *testing.T) {
	for _, shape := range append(Shapes(), Constant) {
		for _, n := range []int{1, 2, 7, 24} {
			mean := 0.0
			for k := range n {
				mean += shape.at(k, n) / float64(n)
				if k > 0 && shape != Constant && shape.at(k, n) >= shape.at(k-1, n) {
					t.Errorf("%q, %d steps: it rises at %d", shape, n, k)
				}
			}
			if math.Abs(mean-1) > 1e-12 {
				t.Errorf("%q, %d steps: mean %v, want 1", shape, n, mean)
			}
		}
	}
	s := start(t, DDPM)
	s.Shape = Falling
	sampler := mustNew(t, s)
	for t49, want := range map[int]float64{49: 0.1 * 2 * (1 - 0.5/24), 26: 0.1 * 2 * 0.5 / 24, 25: 0} {
		c := newCoef(sampler.chain, s, sampler.formula, t49)
		if math.Abs(c.Guide-want) > 1e-12 {
			t.Errorf("step %d pulls by %v, want %v", t49, c.Guide, want)
		}
	}
}

func TestAimSettings(t *testing.T) {
	for _, change := range []func(*Settings){
		func(s *Settings) { s.Guide = "x" },
		func(s *Settings) { s.Together = "x" },
		func(s *Settings) { s.Shape = "x" },
		func(s *Settings) { s.GuideScale = 1 },
		func(s *Settings) { s.TogetherScale = 1 },
		func(s *Settings) { s.Guide, s.GuideScale = Manifold, math.NaN() },
		func(s *Settings) { s.Together, s.TogetherScale = RBF, -1 },
	} {
		s := start(t, DDPM)
		change(&s)
		if s.Check() == nil {
			t.Errorf("%+v: no error", s)
		}
	}
	s := start(t, DDPM)
	s.Guide = OT
	b := images(2)
	for _, class := range []*Class{nil, {}, {Centres: b.Modes, Sizes: []float64{0, 0}},
		{Centres: b.Modes, Sizes: []float64{1}}} {
		b.Class = class
		if _, err := mustNew(t, s).Run(t.Context(), nil, b); err == nil {
			t.Errorf("no error of class %+v", class)
		}
	}
	s.Guide = Manifold
	if _, err := mustNew(t, s).Run(t.Context(), nil, b); err == nil {
		t.Error("no error without a cloud")
	}
}
