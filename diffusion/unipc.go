package diffusion

import "math"

// UniPC (Zhao et al. 2023, arXiv:2302.04867) predicts as [DPM2M] does, which is its UniP of second order with
// B(h) = eʰ − 1. When x0 is there of the x that a step led to, UniC takes that step anew, from the x that it began
// with, at no cost of the network. With s the step before and r the one before that, ℓ as in solver.go, h = ℓ − ℓₛ,
// E = e⁻ʰ − 1 and q = (ℓᵣ − ℓₛ)/h, which is below 0,
//
//	x ← √(1 − ā)/√(1 − āₛ)·xₛ − √ā·E·( x0ₛ + ρ1·(x0ᵣ − x0ₛ)/q + ρ2·(x0 − x0ₛ) ) + pₛ
//
// where ρ1 + ρ2 = b1 and ρ1·q + ρ2 = b2, b1 = (E/−h − 1)/E and b2 = 2·((E/−h − 1)/−h − ½)/E; where there is no r, ρ1
// is 0 and ρ2 is ½. The predicted x of the next step begins there. pₛ is the pull of that step, as it was.

// correction returns the weights of xₛ, x0ₛ, x0ᵣ and x0 in the x that step t begins with. The first step corrects
// nothing.
func (c *Chain) correction(t int) (x, last, before, now float64) {
	s := t + 1
	if s > c.first {
		return 0, 0, 0, 0
	}
	ab, from := c.AlphaBar[t], c.AlphaBar[s]
	x = math.Sqrt((1 - ab) / (1 - from))
	e := x*math.Sqrt(from/ab) - 1 // e⁻ʰ − 1, -1 from no signal
	scale := -math.Sqrt(ab) * e
	rho1, rho2, q := 0.0, 0.5, 1.0
	h := logSNR(ab) - logSNR(from)
	if s < c.first && !math.IsInf(c.logSNR(s+1), -1) {
		q = (c.logSNR(s+1) - logSNR(from)) / h
		first := e/-h - 1
		b1, b2 := first/e, 2*(first/-h-0.5)/e
		rho1 = (b1 - b2) / (1 - q)
		rho2 = b1 - rho1
	}
	return x, scale * (1 - rho1/q - rho2), scale * rho1 / q, scale * rho2
}

// logSNR returns ℓ of step t.
func (c *Chain) logSNR(t int) float64 { return logSNR(c.AlphaBar[t]) }
