package diffusion

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// coef holds the scalars of one step: float64 on the host, scalar nodes in the graph. Between
// the two they are a float32 vector, in the order of all.
type coef[T any] struct {
	Time           T // timestep in the full process: what the network is told
	A, B           T // x0 = A·x − B·ε, or A·x − B·v
	C1, C2         T // μ = C1·x0 + C2·x, and C0·x0 of the step before in a solver
	C0             T
	LogMin, LogMax T // ln σ² at v = -1 and at v = 1
	Shift          T // k: how far x0 goes to the mode; 0 in the DDPM family and where not guided
	Guide          T // λ in the DDPM family, w in the DDIM family, κ·λ in a solver; 0 where not guided
	Forget         T // ρ − r of a solver
	Prev, Dir      T // √ā₋ and √(1 − ā₋ − σ²) of the DDIM family
	Noise          T // [t > 0] in the DDPM family, σ in the DDIM family, that of z in a solver

	// of UniPC: the weights in the corrected x of x as predicted, of the x before, of the x0 before, before that
	// and now
	Predicted, Last, LastX0, BeforeX0, NowX0 T
}

// coefLen is the length of the vector.
var coefLen = len(new(coef[float64]).all())

func (c *coef[T]) all() []*T {
	return []*T{&c.Time, &c.A, &c.B, &c.C1, &c.C2, &c.C0, &c.LogMin, &c.LogMax,
		&c.Shift, &c.Guide, &c.Forget, &c.Prev, &c.Dir, &c.Noise,
		&c.Predicted, &c.Last, &c.LastX0, &c.BeforeX0, &c.NowX0}
}

// vector is the only place where the tables become float32.
func vector(c coef[float64]) []float32 {
	var v []float32
	for _, field := range c.all() {
		v = append(v, float32(*field))
	}
	return v
}

// scalars is vector undone, in the graph: v is [K].
func scalars(v *Node) coef[*Node] {
	wantDims("coef", v, coefLen)
	var c coef[*Node]
	for i, field := range c.all() {
		*field = Reshape(Slice(v, AxisRange(i, i+1)))
	}
	return c
}

// newCoef returns the scalars of step t.
func newCoef(c *Chain, s Settings, r formula, t int) coef[float64] {
	co := coef[float64]{
		Time: float64(c.Timesteps[t]),
		A:    c.RecipRoot[t], B: c.RecipM1Root[t],
		C1: c.PosteriorMeanX0[t], C2: c.PosteriorMeanX[t],
		LogMin: c.PosteriorLogVariance[t], LogMax: math.Log(c.Beta[t]),
	}
	if s.Schedule.Prediction == Velocity {
		co.A, co.B = math.Sqrt(c.AlphaBar[t]), math.Sqrt(1-c.AlphaBar[t])
	}
	if r.sd { // the scheduler has no say of the network, and no other bound below than 1e-20
		co.LogMin = math.Log(max(c.PosteriorVariance[t], 1e-20))
		co.LogMax = co.LogMin
	}
	if r.solver {
		noisy := r.sde && r.guided(c, t, s)
		co.C0, co.C1, co.C2 = c.multistep(t, noisy)
		co.Guide, co.Forget = c.displacement.pull(c, t, s.Stop, noisy)
		co.Guide *= s.Lambda * s.shaped(r, c, t)
		if noisy {
			co.Noise = c.anew(t)
		}
		co.Predicted = 1
		if t < c.first {
			co.Predicted = 0
			co.Last, co.LastX0, co.BeforeX0, co.NowX0 = c.correction(t)
		}
		return co
	}
	if r.guided(c, t, s) {
		k, w := r.pull(c.AlphaBar[t])
		lambda := s.Lambda * s.shaped(r, c, t)
		co.Shift, co.Guide = lambda*k, lambda*w
	}
	if r.ddim {
		prev := c.AlphaBarPrev[t]
		if r.sd {
			prev = c.schedulerPrev(t, s.AlphaToOne)
		}
		variance := s.Eta * s.Eta * posteriorVariance(c.AlphaBar[t], prev)
		co.Prev, co.Dir = math.Sqrt(prev), math.Sqrt(1-prev-variance)
		co.Noise = math.Sqrt(variance)
	} else if t > 0 {
		co.Noise = 1
	}
	return co
}
