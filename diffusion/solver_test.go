package diffusion

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// solver returns settings of n steps, without label and pull.
func solver(t *testing.T, respacing string) Settings {
	t.Helper()
	s := start(t, DPM2M)
	s.Respacing, s.CFG, s.Lambda = respacing, 1, 0
	return s
}

// TestSolverFormula has the steps as the authors' program writes them, in αs and σs, on plain numbers:
//
//	x ← σ₋/σ·x − α₋·(e⁻ʰ − 1)·D0 − ½·α₋·(e⁻ʰ − 1)·D1,   D0 = x0, D1 = h/h'·(x0 − x0')
//
// for Gaussian data, whose x0 is known.
func TestSolverFormula(t *testing.T) {
	for _, respacing := range []string{"1", "2", "7", "trailing16", "leading16", "50"} {
		for _, prediction := range []Prediction{Epsilon, Velocity} {
			s := solver(t, respacing)
			s.Schedule.Prediction = prediction
			g := newGauss(t, s.Schedule, 1)
			sampler := mustNew(t, s)
			steps := sampler.Steps()
			x, before, tol := 1.0, 0.0, 0.0
			level := func(ab float64) float64 { return math.Log(math.Sqrt(ab) / math.Sqrt(1-ab)) }
			for i, step := range steps {
				ab, prev := g.alphaBar[step.Timestep], 1.0
				if i < len(steps)-1 {
					prev = g.alphaBar[steps[i+1].Timestep]
				}
				x0 := g.posterior(x, ab)
				h, alpha := level(prev)-level(ab), math.Sqrt(prev)
				next := math.Sqrt(1-prev)/math.Sqrt(1-ab)*x - alpha*(math.Exp(-h)-1)*x0
				if i > 0 && i < len(steps)-1 {
					h0 := level(ab) - level(g.alphaBar[steps[i-1].Timestep])
					next -= alpha * (math.Exp(-h) - 1) / 2 * h / h0 * (x0 - before)
				}
				x, before = next, x0
				tol += 0x1p-22 * (3 + 2/math.Sqrt(ab)) // as in gauss.step
			}
			have := run(t, sampler, g.denoiser, Batch{Dims: [3]int{1, 1, 1}, Labels: []int32{0}, Modes: []float32{0},
				Noise: func(_, _ int, dst []float32) { dst[0] = 1 }})
			if off := math.Abs(float64(have[0]) - x); !(off <= tol) {
				t.Errorf("%s, %q: have %v, want %v ± %.1e", respacing, prediction, have[0], x, tol)
			}
		}
	}
}

// TestSolverOrder: for Gaussian data the equation has a solution,
//
//	x(ā₋) = √ā₋·μ + √(V(ā₋)/V(ā))·(x(ā) − √ā·μ),   V(ā) = ā·s² + 1 − ā
//
// and over levels of equal distance in ℓ, from -3 to 3, the error goes down with the square of their number, by 3 to 5
// per doubling.
func TestSolverOrder(t *testing.T) {
	g := newGauss(t, DiT(1000), 1)
	spread := func(ab float64) float64 { return math.Sqrt(ab*g.s*g.s + 1 - ab) }
	before := 0.0
	for _, n := range []int{20, 40, 80, 160} {
		levels := make([]float64, n+1) // ā, falling
		c := &Chain{Timesteps: make([]int, n+1), first: n}
		for i := range levels {
			levels[i] = 1 / (1 + math.Exp(-2*(3-6*float64(i)/float64(n))))
			c.Beta = append(c.Beta, 1-levels[i]/levels[max(i-1, 0)])
		}
		c.Beta[0] = 1 - levels[0]
		c.fill()
		x, last := 1.0, 0.0
		for t := n; t > 0; t-- { // but the step to no noise
			x0 := g.posterior(x, c.AlphaBar[t])
			w0, w1, w2 := c.multistep(t, false)
			x, last = w0*last+w1*x0+w2*x, x0
		}
		from, to := levels[n], levels[0]
		want := math.Sqrt(to)*g.mu + spread(to)/spread(from)*(1-math.Sqrt(from)*g.mu)
		off := math.Abs(x - want)
		t.Logf("n=%d: off by %.6f", n, off)
		if ratio := before / off; before > 0 && (ratio < 3 || ratio > 5) {
			t.Errorf("n=%d: the error went down by %.2f, want 3 to 5", n, ratio)
		}
		before = off
	}
}

// TestSolverPull: of an x0 that does not change, images are displaced as much by any number of steps as by the 50
// published ones of DDPM, if all steps are pulled. x0, which is 0, comes out as √(1/ā)·2⁻²³ of x or less: 2e-5 in the
// noisiest step, less in each later one, and what it does to x goes with the noise; 0.001 is fifty of these.
func TestSolverPull(t *testing.T) {
	end := func(s Settings) float64 {
		full, err := s.Schedule.Betas()
		if err != nil {
			t.Fatal(err)
		}
		alphaBar := cumulate(full)
		// ε of x0 = 0, and the variance at its upper bound
		still := func(x, time, _ *Node) *Node {
			var scale []float32
			for _, ab := range alphaBar {
				scale = append(scale, float32(1/math.Sqrt(1-ab)))
			}
			at := ExpandDims(ConvertDType(time, dtypes.Int32), -1)
			eps := Mul(x, ExpandDims(Gather(Const(x.Graph(), scale), at), 1, 2, 3))
			return Concatenate([]*Node{eps, OnesLike(x)}, 1)
		}
		x := run(t, mustNew(t, s), still, Batch{Dims: [3]int{1, 1, 1}, Labels: []int32{0}, Modes: []float32{1},
			Noise: func(_, _ int, dst []float32) { dst[0] = 0 }})
		return float64(x[0])
	}
	published := start(t, DDPM)
	published.CFG, published.Stop = 1, -1
	want := end(published)
	if want < 0.001 {
		t.Fatalf("50 steps displace by %v, want more", want)
	}
	for _, rule := range []Rule{DPM2M, DPM2MSDE, UniPC} {
		for _, respacing := range []string{"4", "16", "trailing16", "leading20", "50", "200"} {
			s := solver(t, respacing)
			s.Rule, s.Lambda, s.Stop = rule, published.Lambda, -1
			if have := end(s); math.Abs(have/want-1) > 0.001 {
				t.Errorf("%s, %s: displaced by %v, 50 steps of DDPM by %v", rule, respacing, have, want)
			}
		}
	}
}

// TestSolverPullAtEachLevel: after each step of a solver of any number of steps, images are displaced as far as the 50
// published ones of DDPM displace them at that noise; after stop nothing is added.
func TestSolverPullAtEachLevel(t *testing.T) {
	published, err := NewChain(DiT(1000), "50")
	if err != nil {
		t.Fatal(err)
	}
	ddpm, d := map[int]float64{}, 0.0 // by the timestep that a step goes to; -1 is the end
	for k := 49; k >= 0; k-- {
		d = published.PosteriorMeanX[k]*d + math.Sqrt(published.Beta[k])
		to := -1
		if k > 0 {
			to = published.Timesteps[k-1]
		}
		ddpm[to] = d
	}
	const lambda, stop = 0.1, 500
	for _, rule := range []Rule{DPM2M, DPM2MSDE} {
		for _, respacing := range []string{"4", "8", "trailing16", "50", "200"} {
			s := solver(t, respacing)
			s.Rule, s.Lambda, s.Stop = rule, lambda, -1
			whole := mustNew(t, s)
			s.Stop = stop
			stopped := mustNew(t, s)
			common, c, has, cut := 0, whole.chain, 0.0, 0.0
			for k := c.first; k >= 0; k-- {
				shrink := math.Sqrt((1 - c.AlphaBarPrev[k]) / (1 - c.AlphaBar[k]))
				if rule == DPM2MSDE {
					shrink = c.PosteriorMeanX[k]
				}
				has = shrink*has + newCoef(c, whole.settings, whole.formula, k).Guide
				pulled := newCoef(stopped.chain, stopped.settings, stopped.formula, k).Guide
				cut = shrink*cut + pulled
				to := -1
				if k > 0 {
					to = c.Timesteps[k-1]
				}
				if want, ok := ddpm[to]; ok {
					common++
					if math.Abs(has/(lambda*want)-1) > 1e-9 {
						t.Errorf("%s, %s: at timestep %d displaced by %v, 50 steps of DDPM by %v", rule, respacing, to,
							has, lambda*want)
					}
				}
				if to >= stop && cut != has || c.Timesteps[k] <= stop && pulled != 0 {
					t.Errorf("%s, %s: stop %d, step from %d: %v pulled, displaced by %v, without stop by %v", rule,
						respacing, stop, c.Timesteps[k], pulled, cut, has)
				}
			}
			if common < 2 {
				t.Errorf("%s has no level of noise in common with the published steps but the last", respacing)
			}
		}
	}
}

// TestNoisySteps: where they are pulled the steps of DPM2MSDE have DDPM's weight of x, its weight of x0 for both
// predictions together, and its variance β̃; of as many steps as are published λ is a part of √β, as there. After stop
// they are the steps of DPM2M, and so are all if none is pulled.
func TestNoisySteps(t *testing.T) {
	for _, respacing := range []string{"1", "trailing16", "50"} {
		s := solver(t, respacing)
		s.Rule, s.Lambda, s.Stop = DPM2MSDE, 0.1, 500
		plain := s
		plain.Rule = DPM2M
		noisy, still, none := mustNew(t, s), mustNew(t, plain), s
		c := noisy.chain
		for i, step := range noisy.Steps() {
			k := step.Index
			if !step.Guided {
				if !slices.Equal(step.Coef, still.Steps()[i].Coef) || step.Noisy {
					t.Errorf("%s: step %d has %v, want that of dpm++2m", respacing, k, step)
				}
				continue
			}
			co := newCoef(c, noisy.settings, noisy.formula, k)
			for _, v := range []struct {
				name       string
				have, want float64
			}{
				{"weight of x", co.C2, c.PosteriorMeanX[k]},
				{"weight of x0", co.C0 + co.C1, c.PosteriorMeanX0[k]},
				{"variance", co.Noise * co.Noise, c.PosteriorVariance[k]},
			} {
				if !(math.Abs(v.have-v.want) <= 1e-12) {
					t.Errorf("%s: step %d: %s is %v, want %v", respacing, k, v.name, v.have, v.want)
				}
			}
			if want := 0.1 * math.Sqrt(c.Beta[k]); respacing == "50" && c.Timesteps[k-1] >= s.Stop &&
				math.Abs(co.Guide-want) > 1e-12 {
				t.Errorf("step %d of 50: w is %v, want %v", k, co.Guide, want)
			}
		}
		none.Stop, plain.Stop = 1000, 1000
		sameBits(t, respacing+", none pulled", run(t, mustNew(t, none), toy, images(3)),
			run(t, mustNew(t, plain), toy, images(3)))
	}
}
