package diffusion

import "math"

// Chain is a respaced process: n of the T steps of a schedule, and its tables, all [n] and
// by the step index t. Between two kept steps the noise of the skipped ones comes at once:
//
//	β = 1 − ā(τ)/ā(τ₋), with τ the kept step and τ₋ the one before (ā = 1 before the first)
type Chain struct {
	Timesteps            []int     // τ: which step of the full process, in 0..T-1, rising
	Beta                 []float64 // β
	AlphaBar             []float64 // ā, the product of 1 − β up to t: falls from 1 to 0
	AlphaBarPrev         []float64 // ā₋, that is ā of t-1; 1 at t = 0
	PosteriorVariance    []float64 // β̃ = β·(1 − ā₋)/(1 − ā); 0 at t = 0 (Ho et al. 2020, eq. 7)
	PosteriorLogVariance []float64 // ln β̃, at t = 0 that of t = 1 (ln β where n is 1)
	PosteriorMeanX0      []float64 // c1 = β·√ā₋/(1 − ā)
	PosteriorMeanX       []float64 // c2 = (1 − ā₋)·√(1 − β)/(1 − ā)
	RecipRoot            []float64 // √(1/ā)
	RecipM1Root          []float64 // √(1/ā − 1)
	FirstAlphaBar        float64   // ā of step 0 of the full process, kept or not

	full []float64 // ā of the full process, [T]

	first int // the step that is taken first: n-1, but with Settings.From

	displacement displacement // of solvers alone
	stride       int          // see ddimStride
}

// NewChain keeps the steps of a schedule that spec names; see [Respace].
func NewChain(schedule Schedule, spec string) (*Chain, error) {
	full, err := schedule.Betas()
	if err != nil {
		return nil, err
	}
	timesteps, err := Respace(spec, len(full))
	if err != nil {
		return nil, err
	}
	fullAlphaBar := cumulate(full)
	c := &Chain{Timesteps: timesteps, FirstAlphaBar: fullAlphaBar[0], full: fullAlphaBar,
		stride: ddimStride(spec, len(full), len(timesteps))}
	prev := 1.0
	for _, tau := range timesteps {
		c.Beta = append(c.Beta, 1-fullAlphaBar[tau]/prev)
		prev = fullAlphaBar[tau]
	}
	c.fill()
	c.first = c.Len() - 1
	return c, nil
}

// schedulerPrev returns the ā that diffusers' DDIM goes to in step t; one says that it is 1 at the end, and not that of
// step 0 of the full process.
func (c *Chain) schedulerPrev(t int, one bool) float64 {
	switch at := c.Timesteps[t] - c.stride; {
	case c.stride == 0 && t > 0:
		return c.AlphaBarPrev[t]
	case c.stride > 0 && at >= 0:
		return c.full[at]
	case one:
		return 1
	}
	return c.FirstAlphaBar
}

// Len returns n.
func (c *Chain) Len() int { return len(c.Timesteps) }

// fill derives all other tables from Beta.
func (c *Chain) fill() {
	c.AlphaBar = cumulate(c.Beta)
	c.AlphaBarPrev = append([]float64{1}, c.AlphaBar[:c.Len()-1]...)
	for t, beta := range c.Beta {
		ab, prev := c.AlphaBar[t], c.AlphaBarPrev[t]
		variance := posteriorVariance(ab, prev)
		c.PosteriorVariance = append(c.PosteriorVariance, variance)
		c.PosteriorLogVariance = append(c.PosteriorLogVariance, math.Log(variance))
		c.PosteriorMeanX0 = append(c.PosteriorMeanX0, beta*math.Sqrt(prev)/(1-ab))
		c.PosteriorMeanX = append(c.PosteriorMeanX, (1-prev)*math.Sqrt(1-beta)/(1-ab))
		c.RecipRoot = append(c.RecipRoot, math.Sqrt(1/ab))
		c.RecipM1Root = append(c.RecipM1Root, math.Sqrt(1/ab-1))
	}
	c.PosteriorLogVariance[0] = math.Log(c.Beta[0]) // of 0 there is no logarithm
	if c.Len() > 1 {
		c.PosteriorLogVariance[0] = c.PosteriorLogVariance[1]
	}
}

// posteriorVariance returns β̃ of a step from ā to ā₋; β is 1 − ā/ā₋.
func posteriorVariance(alphaBar, prev float64) float64 {
	return (1 - alphaBar/prev) * (1 - prev) / (1 - alphaBar)
}

// cumulate returns the products of 1 − β up to each step.
func cumulate(betas []float64) []float64 {
	products := make([]float64, len(betas))
	product := 1.0
	for i, beta := range betas {
		product *= 1 - beta
		products[i] = product
	}
	return products
}
