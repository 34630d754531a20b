package diffusion

import (
	"fmt"
	"math"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// For data from N(μ, s²), pixel by pixel, the exact denoiser is a line in x, and so is every
// step: x ← a·x + b + r·z. The mean M and the variance V of the chain then follow by
//
//	M ← a·M + b,  V ← a²·V + r²
//
// without sampling. The sampler shows its own a, b and r too: it starts one image at 0 without
// noise, one at 1, and for each step one at 0 with z = 1 in that step alone. The first ends at M,
// and the squared distances of the others to it add up to V. Nothing is random.

// gauss is the data, with the mode m they are pulled to and the variance logit of the denoiser.
type gauss struct {
	mu, s, m, v float64
	alphaBar    []float64 // of the full process
	prediction  Prediction
}

func newGauss(t *testing.T, schedule Schedule, v float64) gauss {
	t.Helper()
	betas, err := schedule.Betas()
	if err != nil {
		t.Fatal(err)
	}
	return gauss{mu: 0.7, s: 0.4, m: -0.5, v: v, alphaBar: cumulate(betas), prediction: schedule.Prediction}
}

// posterior returns the mean of x0 given x at noise level ab: Bayes' rule for two normals.
func (g gauss) posterior(x, ab float64) float64 {
	gain := math.Sqrt(ab) * g.s * g.s / (ab*g.s*g.s + 1 - ab)
	return g.mu + gain*(x-math.Sqrt(ab)*g.mu)
}

// denoiser returns the exact prediction, slope·x + offset of every timestep.
func (g gauss) denoiser(x, t, _ *Node) *Node {
	var slopes, offsets []float32
	for _, ab := range g.alphaBar {
		eps := func(x float64) float64 {
			x0 := g.posterior(x, ab)
			eps := (x - math.Sqrt(ab)*x0) / math.Sqrt(1-ab)
			if g.prediction == Velocity {
				return math.Sqrt(ab)*eps - math.Sqrt(1-ab)*x0
			}
			return eps
		}
		slopes = append(slopes, float32(eps(1)-eps(0)))
		offsets = append(offsets, float32(eps(0)))
	}
	at := ExpandDims(ConvertDType(t, dtypes.Int32), -1)
	pick := func(table []float32) *Node { return ExpandDims(Gather(Const(x.Graph(), table), at), 1, 2, 3) }
	eps := Add(Mul(pick(slopes), x), pick(offsets))
	return Concatenate([]*Node{eps, AddScalar(MulScalar(x, 0), g.v)}, 1)
}

// affine is one step, x ← a·x + b + r·z, and a bound on its rounding error in float32.
type affine struct {
	a, b, r, rounding float64
}

// step writes the rules down a second time, on plain numbers: ab and prev are ā and ā₋.
func (g gauss) step(s Settings, ab, prev, logVar float64, guided bool, last bool) affine {
	lambda := 0.0
	if guided {
		lambda = s.Lambda
	}
	root := math.Sqrt
	next := func(x, z, off float64) float64 {
		x0 := g.posterior(x, ab) + off
		eps := (x - root(ab)*x0) / root(1-ab)
		eta := s.Eta * root((1-prev)/(1-ab)*(1-ab/prev))
		switch s.Rule {
		case DDPM, DDPMSD:
			beta, sigma := 1-ab/prev, math.Exp(logVar/2)
			mean := beta*root(prev)/(1-ab)*x0 + (1-prev)*root(1-beta)/(1-ab)*x
			if last {
				z = 0
			}
			return mean + sigma*(lambda*(g.m-x0)+z)
		case DDIMPaper: // algorithm 1, letter by letter, for eta = 0
			eps -= root(1-ab) * lambda * (g.m - x0)
			return root(prev)*(x-root(1-ab)*eps)/root(ab) + root(1-prev-eta*eta)*eps + eta*z
		case DDIMX0:
			x0 += lambda * (g.m - x0)
			eps = (x - root(ab)*x0) / root(1-ab)
			return root(prev)*x0 + root(1-prev-eta*eta)*eps + eta*z
		default: // DDIMSD
			return root(prev)*x0 + lambda*root(ab)*(g.m-x0) + root(1-prev-eta*eta)*eps + eta*z
		}
	}
	b := next(0, 0, 0)
	// In float32 x0 is the difference of √(1/ā)·x and √(1/ā − 1)·ε, where x and ε are about 1;
	// its error goes on into the next x, which is a sum of terms of about 1 itself. Four
	// roundings of 2^-24 for each term.
	weight := math.Abs(next(0, 0, 1) - b)
	return affine{next(1, 0, 0) - b, b, next(0, 1, 0) - b, 0x1p-22 * (2 + weight*2/root(ab))}
}

// chain returns M, V and the rounding error of M that the recursion gives.
func (g gauss) chain(s *Sampler) (mean, variance, rounding float64) {
	steps, settings := s.Steps(), s.Settings()
	variance = 1
	for i, step := range steps {
		ab, prev, last := g.alphaBar[step.Timestep], 1.0, i == len(steps)-1
		if !last {
			prev = g.alphaBar[steps[i+1].Timestep]
		} else if settings.Rule == DDIMSD {
			prev = g.alphaBar[0]
		}
		l := g.step(settings, ab, prev, g.logVar(settings.Rule, ab, prev, steps, i), step.Guided, last)
		mean = l.a*mean + l.b
		variance = l.a*l.a*variance + l.r*l.r
		rounding = math.Abs(l.a)*rounding + l.rounding
	}
	return mean, variance, rounding
}

// logVar returns ln σ² of the i-th step: one of the two bounds.
func (g gauss) logVar(r Rule, ab, prev float64, steps []Step, i int) float64 {
	beta := 1 - ab/prev
	small := beta * (1 - prev) / (1 - ab)
	switch {
	case r == DDPMSD:
		return math.Log(max(small, 1e-20))
	case g.v == 1:
		return math.Log(beta)
	case prev == 1 && i > 0: // β̃ is 0 here, and that of the step before takes its place
		after := g.alphaBar[steps[i-1].Timestep]
		return math.Log((1 - after/ab) * (1 - ab) / (1 - after))
	}
	return math.Log(small)
}

// measure returns M, V and the sum of the distances from the sampler itself.
func (g gauss) measure(t *testing.T, s *Sampler) (mean, variance, distances float64) {
	n := len(s.Steps())
	b := Batch{Dims: [3]int{1, 1, 1}, Labels: make([]int32, n+2), Modes: make([]float32, n+2)}
	for i := range b.Modes {
		b.Modes[i] = float32(g.m)
	}
	b.Noise = func(image, step int, dst []float32) {
		dst[0] = 0
		if image == step+2 {
			dst[0] = 1
		}
	}
	x := run(t, s, g.denoiser, b)
	for _, v := range x[1:] {
		d := float64(v) - float64(x[0])
		variance += d * d
		distances += math.Abs(d)
	}
	return float64(x[0]), variance, distances
}

func TestGaussian(t *testing.T) {
	for _, rule := range Rules() {
		if formulas[rule].solver {
			continue // its steps look back: TestSolverFormula
		}
		for _, steps := range []int{1, 10, 25, 50} {
			for _, v := range []float64{-1, 1} {
				for _, lambda := range []float64{0, 0.1} {
					for _, half := range []int{-1, 0, 1, 2} { // stop: below 0, and in halves of the way
						s := start(t, rule)
						s.Lambda, s.CFG = lambda, 1
						s.Respacing, s.Stop = fmt.Sprint(steps), max(-1, half*steps/2)
						if formulas[rule].sd {
							s.Respacing, s.Stop = "leading"+s.Respacing, max(-1, half*500)
						}
						if formulas[rule].ddim && v == 1 { // v counts for nothing there
							s.Eta = 0.7
						}
						name := fmt.Sprintf("%s/n=%d,v=%v,lambda=%v,stop=%d", rule, steps, v, lambda, s.Stop)
						t.Run(name, func(t *testing.T) { checkGaussian(t, s, v) })
						s.Schedule.Prediction = Velocity
						t.Run(name+",v-prediction", func(t *testing.T) { checkGaussian(t, s, v) })
					}
				}
			}
		}
	}
}

func checkGaussian(t *testing.T, s Settings, v float64) {
	g := newGauss(t, s.Schedule, v)
	sampler := mustNew(t, s)
	mean, variance, tol := g.chain(sampler)
	haveMean, haveVariance, distances := g.measure(t, sampler)
	if !(math.Abs(haveMean-mean) <= tol) {
		t.Errorf("mean %v, want %v ± %.1e", haveMean, mean, tol)
	}
	// d² is off by 2·d times the error of d, which is that of two images.
	tol *= 4 * distances
	if !(math.Abs(haveVariance-variance) <= tol) {
		t.Errorf("variance %v, want %v ± %.1e", haveVariance, variance, tol)
	}
}

// With noise that is random, the mean over N pixels misses M by s/√N and the variance misses V
// by V·√(2/N), one standard deviation each; five pass.
func TestGaussianSampled(t *testing.T) {
	s := start(t, DDPM)
	s.Respacing, s.Stop, s.CFG = "25", 12, 1
	sampler := mustNew(t, s)
	g := newGauss(t, s.Schedule, 1)
	const n = 4 * 64 * 64
	b := Batch{Dims: [3]int{1, 64, 64}, Labels: make([]int32, 4), Modes: make([]float32, n), Noise: noise(0)}
	for i := range b.Modes {
		b.Modes[i] = float32(g.m)
	}
	var sum, squares float64
	for _, x := range run(t, sampler, g.denoiser, b) {
		sum += float64(x)
		squares += float64(x) * float64(x)
	}
	mean, variance, _ := g.chain(sampler)
	have := sum / n
	if tol := 5 * math.Sqrt(variance/n); math.Abs(have-mean) > tol {
		t.Errorf("mean %v, want %v ± %.1e", have, mean, tol)
	}
	if have, tol := squares/n-have*have, 5*variance*math.Sqrt(2.0/n); math.Abs(have-variance) > tol {
		t.Errorf("variance %v, want %v ± %.1e", have, variance, tol)
	}
}

// Unguided, the chain ends at the data: the mean is exact from a start at √ā·μ, whatever n, and
// the error of the spread shrinks about as 1/n: by a factor between 1.6 and 2.5 per doubling
// from 40 steps on, where the next order is small.
func TestOrder(t *testing.T) {
	for _, v := range []float64{-1, 1} {
		before := 0.0
		for _, steps := range []int{40, 80, 160} {
			s := start(t, DDPM)
			s.Respacing, s.Lambda, s.CFG = fmt.Sprint(steps), 0, 1
			sampler := mustNew(t, s)
			g := newGauss(t, s.Schedule, v)

			first := math.Sqrt(g.alphaBar[sampler.Steps()[0].Timestep]) * g.mu
			_, _, tol := g.chain(sampler)
			x := run(t, sampler, g.denoiser, Batch{Dims: [3]int{1, 1, 1}, Labels: []int32{0}, Modes: []float32{0},
				Noise: func(_, step int, dst []float32) {
					dst[0] = 0
					if step < 0 {
						dst[0] = float32(first)
					}
				}})
			if math.Abs(float64(x[0])-g.mu) > tol {
				t.Errorf("v=%v, n=%d: mean %v, want %v ± %.1e", v, steps, x[0], g.mu, tol)
			}

			_, variance, _ := g.measure(t, sampler)
			miss := math.Abs(math.Sqrt(variance) - g.s)
			t.Logf("v=%v, n=%d: spread misses by %.4f", v, steps, miss)
			if ratio := before / miss; before > 0 && (ratio < 1.6 || ratio > 2.5) {
				t.Errorf("v=%v, n=%d: the error of the spread shrank by %.2f, want about 2", v, steps, ratio)
			}
			before = miss
		}
	}
}
