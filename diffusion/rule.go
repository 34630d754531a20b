package diffusion

import (
	"fmt"
	"math"
	"strings"
)

// Rule names a way of taking a step and of pulling it towards the mode. The same λ means
// different things in them. g is [t > stop]·(m − x0). TestGaussian, the known answer for Gaussian
// data, pins them all; further tests are named with each.
type Rule string

const (
	// DDPM is MGD3 as published, in figure 3 and in the authors' program:
	//
	//	x ← μ + σ·(λ·g + [t > 0]·z),   σ = exp(½·ln σ²)
	//
	// with ln σ² between ln β̃ and ln β as the network says, per channel and pixel (Nichol and
	// Dhariwal 2021, eq. 15), or ln β̃ where it says nothing. λ counts in standard deviations
	// of the step's own noise. Pinned by TestStepGolden.
	DDPM Rule = "ddpm"

	// DDPMSD is the DDPM scheduler of the authors' program for Stable Diffusion: DDPM with the
	// fixed variance β̃, and stop counts on the scale of the full process: guided while
	// the original timestep is above it. Its chain is pinned by TestSchedulerGolden.
	DDPMSD Rule = "ddpm-sd"

	// DDIMPaper is algorithm 1 of MGD3:
	//
	//	ε̂ = ε − √(1 − ā)·λ·g,   x ← √ā₋·(x − √(1 − ā)·ε̂)/√ā + √(1 − ā₋)·ε̂
	//
	// which is a shift of x0 by k·g with k = λ·(1 − ā)/√ā. The algorithm writes no stop; it is
	// honoured here as in all rules. TestGaussian has the formula above.
	DDIMPaper Rule = "ddim-paper"

	// DDIMX0 is ManifoldGD's, on whose program TestStepGolden pins it: x0 goes the part k = λ
	// of the way to the mode, then ε follows from x0.
	DDIMX0 Rule = "ddim-x0"

	// DDIMSD is the DDIM scheduler of the authors' program for Stable Diffusion: w·g with
	// w = λ·√ā is added to the next x. stop counts as in DDPMSD, and the last step goes to the
	// noise level of the first step of the full process instead of to none. Its chain is pinned
	// by TestSchedulerGolden.
	DDIMSD Rule = "ddim-sd"

	// DPM2M takes few steps: DPM-Solver++ of second order, which looks one step back (Lu et al. 2022,
	// arXiv:2211.01095, Algorithm 2); see solver.go, which also says what λ means here: in any number of steps x is
	// pulled as far as by the 50 of DDPM, at every level of noise. stop counts as in DDPMSD. It draws no noise but the
	// first. TestSolverOrder pins its order, TestSolverFormula its steps, TestSolverPull, TestSolverForgets and
	// TestSolverPullAtEachLevel the pull.
	DPM2M Rule = "dpm++2m"

	// DPM2MSDE is DPM2M, but the steps that are pulled are noisy, as those of DDPM; see solver.go. After stop the steps
	// are those of DPM2M. TestSolverGolden pins the noisy steps, TestSolverPull, TestSolverPullAtEachLevel and
	// TestNoisySteps the pull.
	DPM2MSDE Rule = "dpm++2m-sde"

	// UniPC takes few steps as well: the same step, after which the prediction that it leads to corrects it (Zhao et
	// al. 2023, arXiv:2302.04867, Algorithm 1 with B(h) = eʰ − 1, of second order); see unipc.go. λ and stop are as in
	// DPM2M. TestUniPCOrder pins its order, TestSolverGolden its steps, TestSolverPull the pull.
	UniPC Rule = "unipc"
)

// Rules lists all rules.
func Rules() []Rule { return []Rule{DDPM, DDPMSD, DDIMPaper, DDIMX0, DDIMSD, DPM2M, DPM2MSDE, UniPC} }

// CountsTimesteps reports whether the rule's stop counts steps of the full process, in place of those that are taken.
func (r Rule) CountsTimesteps() bool { return formulas[r].timesteps() }

// FewSteps reports whether the rule is one for few steps, whose λ means the same in any number of them.
func (r Rule) FewSteps() bool { return formulas[r].solver }

// formula is what a rule is made of.
type formula struct {
	ddim   bool // the family; that of DDPM if neither this
	solver bool // nor this
	sde    bool // a solver whose steps are noisy while they are pulled
	unipc  bool // a solver whose steps are corrected
	sd     bool // Stable Diffusion's schedulers: stop in timesteps, fixed variance, last level

	// pull gives the weights of g in x0 (k) and in the next x (w, or the factor of σ in the
	// DDPM family), for λ = 1.
	pull func(alphaBar float64) (k, w float64)

	published Settings
}

var formulas = map[Rule]formula{
	DDPM: {
		pull:      func(float64) (k, w float64) { return 0, 1 },
		published: published(DDPM),
	},
	DDPMSD: {
		sd:        true,
		pull:      func(float64) (k, w float64) { return 0, 1 },
		published: publishedSD(DDPMSD),
	},
	DDIMPaper: {
		ddim:      true,
		pull:      func(alphaBar float64) (k, w float64) { return (1 - alphaBar) / math.Sqrt(alphaBar), 0 },
		published: published(DDIMPaper),
	},
	DDIMX0: {
		ddim:      true,
		pull:      func(float64) (k, w float64) { return 1, 0 },
		published: published(DDIMX0),
	},
	DDIMSD: {
		ddim: true, sd: true,
		pull:      func(alphaBar float64) (k, w float64) { return 0, math.Sqrt(alphaBar) },
		published: publishedSD(DDIMSD),
	},
	DPM2M: {
		solver:    true,
		published: publishedSolver(DPM2M),
	},
	DPM2MSDE: {
		solver: true, sde: true,
		published: publishedSolver(DPM2MSDE),
	},
	UniPC: {
		solver: true, unipc: true,
		published: publishedSolver(UniPC),
	},
}

// timesteps reports whether stop counts steps of the full process.
func (r formula) timesteps() bool { return r.sd || r.solver }

// formula returns what the rule is made of.
func (r Rule) formula() (formula, error) {
	rec, ok := formulas[r]
	if !ok {
		var names []string
		for _, known := range Rules() {
			names = append(names, string(known))
		}
		return formula{}, fmt.Errorf("rule %q: want one of %s", r, strings.Join(names, ", "))
	}
	return rec, nil
}

// guided reports whether step t is pulled towards the mode. The test of stop is strict, and t counts
// down: stop 25 of 50 guides t = 49 to 26, the first 24 steps.
func (r formula) guided(c *Chain, t int, s Settings) bool {
	if r.timesteps() {
		t = c.Timesteps[t]
	}
	return t > s.Stop && (s.Start == 0 || t <= s.Start)
}
