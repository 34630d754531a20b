package diffusion

import (
	"fmt"
	"math"
	"testing"

	"mgd3/internal/fixtures/golden"
)

// TestSolverGolden takes the chains of diffusers' schedulers for few steps, predictions given. Their ε is not that of
// the x it is given with, so x grows; the tolerance is relative to its size.
func TestSolverGolden(t *testing.T) {
	for _, c := range golden.Some(t, "sd_solvers") {
		t.Run(c.Name, func(t *testing.T) {
			var spec struct {
				Steps    []int
				Schedule struct {
					Steps      int
					Start, End float64
				}
			}
			c.Decode(t, &spec)
			const file = "io.safetensors"
			start, eps, noise := c.Float32s(t, file, "start"), c.Float32s(t, file, "eps"), c.Float32s(t, file, "noise")
			tol, report := c.Tolerance(t, "solver_relative"), c.Report(t)
			size := len(start)
			for name, own := range map[string]Settings{
				"dpm++2m": {Rule: DPM2M}, "dpm++2m-sde": {Rule: DPM2MSDE, Stop: -1}, "unipc": {Rule: UniPC},
			} {
				for _, n := range spec.Steps {
					s := solver(t, fmt.Sprint("trailing", n))
					s.Rule, s.Stop = own.Rule, own.Stop
					s.Schedule = Schedule{Kind: Linear, Steps: spec.Schedule.Steps, Start: spec.Schedule.Start,
						End: spec.Schedule.End}
					want := c.Float32s(t, file, fmt.Sprintf("%s_%d", name, n))
					sampler := mustNew(t, s)
					state := append(doubles(start), make([]float64, size*(sampler.States()-1))...)
					for k := range sampler.Steps() {
						at := func(x []float32) []float64 { return doubles(x[k*size : (k+1)*size]) }
						state = plainStep(sampler, n-1-k, state, at(eps), at(noise))
						next := want[(k+1)*size : (k+2)*size]
						have := make([]float32, size)
						for i := range have {
							have[i] = float32(state[i])
						}
						report.Compare(fmt.Sprintf("%s, %d steps, after %d", name, n, k+1), have, next, tol*size1(next))
					}
				}
			}
		})
	}
}

func doubles(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// plainStep is a step without a pull of a solver, of plain numbers: the state's parts are x and what is kept, one after
// the other.
func plainStep(s *Sampler, t int, state, eps, noise []float64) []float64 {
	c, n := newCoef(s.chain, s.settings, s.formula, t), len(eps)
	next := make([]float64, len(state))
	for i := range n {
		x, last := state[i], state[n+i]
		x0 := c.A*x - c.B*eps[i]
		if s.formula.unipc {
			before, from := state[4*n+i], state[5*n+i]
			x = c.Predicted*x + c.Last*from + c.LastX0*last + c.BeforeX0*before + c.NowX0*x0
			next[4*n+i], next[5*n+i] = last, x
		}
		next[i] = c.C1*x0 + c.C2*x + c.C0*last + c.Noise*noise[i]
		next[n+i] = x0
	}
	return next
}

// TestUniPCGraph: the graph takes the steps that TestSolverGolden has in plain numbers; ε is that of Gaussian data. In
// float32 x0 comes out as in gauss.step.
func TestUniPCGraph(t *testing.T) {
	for _, respacing := range []string{"1", "2", "3", "trailing16", "50"} {
		s := solver(t, respacing)
		s.Rule = UniPC
		g, sampler := newGauss(t, s.Schedule, 1), mustNew(t, s)
		state, tol := []float64{1, 0, 0, 0, 0, 0}, 0.0
		for _, step := range sampler.Steps() {
			ab := g.alphaBar[step.Timestep]
			eps := (state[0] - math.Sqrt(ab)*g.posterior(state[0], ab)) / math.Sqrt(1-ab)
			state = plainStep(sampler, step.Index, state, []float64{eps}, []float64{0})
			tol += 0x1p-22 * (5 + 4/math.Sqrt(ab))
		}
		have := run(t, sampler, g.denoiser, Batch{Dims: [3]int{1, 1, 1}, Labels: []int32{0}, Modes: []float32{0},
			Noise: func(_, _ int, dst []float32) { dst[0] = 1 }})
		if off := math.Abs(float64(have[0]) - state[0]); !(off <= tol) {
			t.Errorf("%s: have %v, want %v ± %.1e", respacing, have[0], state[0], tol)
		}
	}
}

// TestUniPCOrder: as TestSolverOrder, but here the error goes down with the cube, by 6 to 10 per doubling: the
// correction of a step of second order is of third.
func TestUniPCOrder(t *testing.T) {
	g := newGauss(t, DiT(1000), 1)
	spread := func(ab float64) float64 { return math.Sqrt(ab*g.s*g.s + 1 - ab) }
	before := 0.0
	for _, n := range []int{20, 40, 80, 160} {
		c := &Chain{Timesteps: make([]int, n+1), first: n}
		levels := make([]float64, n+1) // ā, falling
		for i := range levels {
			levels[i] = 1 / (1 + math.Exp(-2*(3-6*float64(i)/float64(n))))
			c.Beta = append(c.Beta, 1-levels[i]/levels[max(i-1, 0)])
		}
		c.Beta[0] = 1 - levels[0]
		c.fill()
		s := &Sampler{chain: c, formula: formulas[UniPC], settings: Settings{Rule: UniPC}}
		state := []float64{1, 0, 0, 0, 0, 0}
		for t := n; t >= 0; t-- { // the x that step 0 begins with, corrected, is the last one kept
			ab := c.AlphaBar[t]
			eps := (state[0] - math.Sqrt(ab)*g.posterior(state[0], ab)) / math.Sqrt(1-ab)
			state = plainStep(s, t, state, []float64{eps}, []float64{0})
		}
		from, to := levels[n], levels[0]
		want := math.Sqrt(to)*g.mu + spread(to)/spread(from)*(1-math.Sqrt(from)*g.mu)
		off := math.Abs(state[5] - want)
		t.Logf("n=%d: off by %.8f", n, off)
		if ratio := before / off; before > 0 && (ratio < 6 || ratio > 10) {
			t.Errorf("n=%d: the error went down by %.2f, want 6 to 10", n, ratio)
		}
		before = off
	}
}
