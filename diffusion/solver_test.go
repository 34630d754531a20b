package diffusion

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
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
// published ones of DDPM, if all steps are pulled. That is 0.001 after the last step. The error of x0, see displaced,
// is 2⁻²³ of 0.4 there, 5e-8; 0.001 of the displacement is twenty times that.
func TestSolverPull(t *testing.T) {
	still := func(float64) float64 { return 0 }
	published := start(t, DDPM)
	published.CFG, published.Stop = 1, -1
	want := displaced(t, published, still)[49]
	for _, rule := range []Rule{DPM2M, DPM2MSDE, UniPC} {
		for _, respacing := range []string{"4", "16", "trailing16", "leading20", "50", "200"} {
			s := solver(t, respacing)
			s.Rule, s.Lambda, s.Stop = rule, published.Lambda, -1
			have := displaced(t, s, still)
			if end := have[len(have)-1]; math.Abs(end/want-1) > 0.001 {
				t.Errorf("%s, %s: displaced by %v, 50 steps of DDPM by %v", rule, respacing, end, want)
			}
		}
	}
}

// TestSolverForgets: if x0 changes on the way, the published 50 steps, taken by a solver, displace images after each
// step as those of DDPM do, which forget the first pulls. With classifier-free guidance x0 does change: it is far off
// at first.
func TestSolverForgets(t *testing.T) {
	for name, x0 := range map[string]func(time float64) float64{
		"far at first": func(time float64) float64 { return -20 * time / 999 },
		"to and fro":   func(time float64) float64 { return 5 * math.Cos(time/100) },
	} {
		published := start(t, DDPM)
		published.CFG, published.Stop = 1, -1
		want := displaced(t, published, x0)
		for _, rule := range []Rule{DPM2M, DPM2MSDE, UniPC} {
			s := solver(t, "50")
			s.Rule, s.Lambda, s.Stop = rule, published.Lambda, -1
			for k, have := range displaced(t, s, x0) {
				if off := math.Abs(have - want[k]); !(off <= 0.001*math.Abs(slices.MaxFunc(want, larger))) {
					t.Errorf("x0 %s: after %d steps %s displaces by %v, DDPM by %v", name, k+1, rule, have, want[k])
				}
			}
		}
	}
}

func larger(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) }

// displaced returns how far the pull to mode 1 has displaced an image without noise after each step, if its x0 depends
// on the timestep alone. In each step x0 comes out with an error of √(1/ā)·2⁻²³ of x or less: 2e-5 in the noisiest
// step, less in each later one, and what it does to x goes with the noise. So 0.001 of the largest displacement, which
// is above 0.1, is five times that or more.
func displaced(t *testing.T, s Settings, x0 func(time float64) float64) []float64 {
	t.Helper()
	full, err := s.Schedule.Betas()
	if err != nil {
		t.Fatal(err)
	}
	var scale, shift []float32 // ε = scale·x − shift, and the variance at its upper bound
	for i, ab := range cumulate(full) {
		scale = append(scale, float32(1/math.Sqrt(1-ab)))
		shift = append(shift, float32(math.Sqrt(ab/(1-ab))*x0(float64(i))))
	}
	den := func(x, time, _ *Node) *Node {
		at := ExpandDims(ConvertDType(time, dtypes.Int32), -1)
		of := func(table []float32) *Node { return ExpandDims(Gather(Const(x.Graph(), table), at), 1, 2, 3) }
		eps := Sub(Mul(x, of(scale)), Mul(OnesLike(x), of(shift)))
		return Concatenate([]*Node{eps, OnesLike(x)}, 1)
	}
	steps := func(s Settings) (x []float64) {
		sampler := mustNew(t, s)
		exec := stepper(t, sampler, den, 0)
		_, err := sampler.Run(t.Context(), func(state, label, mode, z, coef *tensors.Tensor) (*tensors.Tensor, error) {
			next, err := exec(state, label, mode, z, coef)
			if err == nil {
				x = append(x, float64(tensors.MustCopyFlatData[float32](next)[0]))
			}
			return next, err
		}, Batch{Dims: [3]int{1, 1, 1}, Labels: []int32{0}, Modes: []float32{1},
			Noise: func(_, _ int, dst []float32) { dst[0] = 0 }})
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	free := s
	free.Lambda = 0
	d := steps(s)
	for k, x := range steps(free) {
		d[k] -= x
	}
	if most := slices.MaxFunc(d, larger); math.Abs(most) < 0.1 {
		t.Fatalf("%s displaces by %v at most, want more", s.Rule, most)
	}
	return d
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
				co := newCoef(c, whole.settings, whole.formula, k)
				has = shrink*has + (co.Guide + co.Forget*has)
				co = newCoef(stopped.chain, stopped.settings, stopped.formula, k)
				pulled := co.Guide + co.Forget*cut
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
