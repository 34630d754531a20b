package diffusion

import (
	"math"
	"sort"
)

// A solver takes x along the ordinary differential equation of the process, exactly but for x0, which it takes for a
// line in ℓ = ln(√ā/√(1 − ā)) through the last two predictions (Lu et al. 2022, arXiv:2211.01095, Algorithm 2). From ā
// to ā₋, with h = ℓ₋ − ℓ, h' that of the step before, and x0' the prediction there,
//
//	D = x0 + h/(2h')·(x0 − x0')
//	x ← r·x + (√ā₋ − r·√ā)·D + p,   r = √((1 − ā₋)/(1 − ā))
//
// where p is the pull.
//
// The first step has nothing behind it and the last, to ā₋ = 1, no h: there D = x0.
//
// A noisy step is that of the stochastic equation, SDE-DPM-Solver++(2M) of the same paper: of the noise in x less is
// left, and so much is drawn anew that ā₋ has its own,
//
//	x ← r·x + (√ā₋ − r·√ā)·D + √(1 − ā₋ − r²·(1 − ā))·z + p,   r = (1 − ā₋)/(1 − ā)·√(ā/ā₋)
//
// which is DDPM's with the variance β̃ where D = x0.
//
// What p must be for λ to mean one thing in any number of steps: DDPM, whose λ is published, displaces x by
//
//	d ← c2·d + σ·λ·g,   d = 0 at the start
//
// from where it would be. So each of its steps forgets a part of the pulls before it, as it forgets a part of the noise
// in x. Its steps between two levels of noise leave ρ·d of d, where ρ is r of a noisy step, and add κ·λ·g where g does
// not change. Here x is displaced as much at every level. The step itself leaves r·d, so
//
//	d₋ = ρ·d + κ·λ·g,   p = d₋ − r·d = κ·λ·g + (ρ − r)·d
//
// In a noisy step ρ = r. In the others d is kept with x: there r is larger than ρ, and without the second term the
// pulls of the first steps would stay. With classifier-free guidance those are large: x0 is far off there.
//
// A step across stop is as one to stop, of whose d the rest of the step leaves its r.

// left returns r of a step between two levels of noise.
func left(alphaBar, prev float64, noisy bool) float64 {
	if noisy {
		return (1 - prev) / (1 - alphaBar) * math.Sqrt(alphaBar/prev)
	}
	return math.Sqrt((1 - prev) / (1 - alphaBar))
}

// anew returns the standard deviation of the noise that a noisy step draws.
func (c *Chain) anew(t int) float64 {
	ab, prev := c.AlphaBar[t], c.AlphaBarPrev[t]
	r := left(ab, prev, true)
	return math.Sqrt(1 - prev - r*r*(1-ab))
}

// multistep returns the weights of x0 of the step before, of x0 and of x.
func (c *Chain) multistep(t int, noisy bool) (before, now, x float64) {
	ab, prev := c.AlphaBar[t], c.AlphaBarPrev[t]
	x = left(ab, prev, noisy)
	now = math.Sqrt(prev) - x*math.Sqrt(ab)
	if t == 0 || t == c.first {
		return 0, now, x
	}
	h, last := logSNR(prev)-logSNR(ab), logSNR(ab)-logSNR(c.AlphaBar[t+1])
	part := now * h / (2 * last) // 0 where the step before began without signal: last is infinite
	return -part, now + part, x
}

// logSNR returns ℓ = ln(√ā/√(1 − ā)); -∞ where ā is 0.
func logSNR(alphaBar float64) float64 { return (math.Log(alphaBar) - math.Log1p(-alphaBar)) / 2 }

// displacement is d/(λ·g) of the published steps, for a g that does not change, by the timestep in the full process:
// at[i] when the steps down to timesteps[i] are taken, both rising in the timestep; 0 at the last timestep, where all
// begin.
type displacement struct {
	timesteps []float64
	at        []float64
}

// newDisplacement adds up what the 50 steps of DDPM do, or all steps of a shorter process. σ is taken at its upper
// bound, which the steps that are pulled hardly differ from.
func newDisplacement(schedule Schedule) (displacement, error) {
	respacing := published(DDPM).Respacing
	if schedule.Steps < publishedSteps {
		respacing = ""
	}
	c, err := NewChain(schedule, respacing)
	if err != nil {
		return displacement{}, err
	}
	n := c.Len()
	d := displacement{make([]float64, n+1), make([]float64, n+1)}
	for t := n - 1; t >= 0; t-- {
		d.timesteps[t+1] = float64(c.Timesteps[t])
		d.at[t] = c.PosteriorMeanX[t]*d.at[t+1] + math.Sqrt(c.Beta[t])
	}
	d.timesteps[0] = -1 // after the last step
	return d, nil
}

// level returns the displacement at a timestep, on the line between its neighbours.
func (d displacement) level(timestep float64) float64 {
	i := sort.SearchFloat64s(d.timesteps, timestep)
	if i == len(d.timesteps) {
		return 0 // noise of more than the published steps begin with
	}
	if i == 0 || d.timesteps[i] == timestep {
		return d.at[i]
	}
	part := (timestep - d.timesteps[i-1]) / (d.timesteps[i] - d.timesteps[i-1])
	return d.at[i-1] + part*(d.at[i]-d.at[i-1])
}

// pull returns κ and ρ − r of step t; 0 and 0 if it is not pulled.
func (d displacement) pull(c *Chain, t, stop int, noisy bool) (adds, forgets float64) {
	from := c.Timesteps[t]
	if from <= stop {
		return 0, 0
	}
	to, end := -1, 1.0 // where the pull ends, and its ā
	if t > 0 {
		to, end = c.Timesteps[t-1], c.AlphaBar[t-1]
	}
	if stop > to {
		to, end = stop, c.full[stop]
	}
	ab, prev := c.AlphaBar[t], c.AlphaBarPrev[t]
	r, after := left(ab, prev, noisy), d.level(float64(to))
	rho := left(ab, end, true)
	if end < 1 {
		rest := left(end, prev, noisy)
		after, rho = after*rest, rho*rest
	}
	if noisy {
		rho = r // as it is but for rounding
	}
	if t < c.Len()-1 {
		after -= rho * d.level(float64(from))
	}
	return after, rho - r
}
