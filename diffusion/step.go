package diffusion

import (
	"fmt"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
)

// Trace is one step with what led to it; all are [B, C, h, w].
type Trace struct {
	Next   *Node // x of the next step; with what else a solver keeps, see [Sampler.States], [B, S·C, h, w]
	X0     *Node // x0 as predicted, after classifier-free guidance and clipping
	Shift  *Node // x' of the DDIM family: x0 after the pull; X0 itself in the DDPM family
	Mean   *Node // μ, without the pull
	LogVar *Node // ln σ² of the DDPM step, whatever the family
}

// step takes one step from x; see the package comment. v is nil where the denoiser gives none. kept is what a solver
// keeps behind x.
func (s *Sampler) step(x *Node, kept []*Node, eps, v, mode, z *Node, c coef[*Node]) Trace {
	wantShape("eps", eps, x)
	wantShape("mode", mode, x)
	wantShape("z", z, x)

	x0 := Sub(Mul(c.A, x), Mul(c.B, eps))
	if s.settings.Clip {
		x0 = ClipScalar(x0, -1, 1)
	}
	if s.formula.unipc {
		x = corrected(x, x0, kept, c)
	}
	mean := Add(Mul(c.C1, x0), Mul(c.C2, x))
	tr := Trace{X0: x0, Shift: x0, Mean: mean, LogVar: logVariance(x, v, c)}
	switch {
	case s.formula.ddim:
		tr.Shift, tr.Next = s.ddim(x, x0, mode, z, c)
	case s.formula.solver:
		next, pull := Add(mean, Mul(c.C0, kept[0])), Mul(c.Guide, Sub(mode, x0))
		if s.formula.sde {
			tr.Next = Concatenate([]*Node{Add(Add(next, pull), Mul(c.Noise, z)), x0}, 1)
			break
		}
		d := kept[1]
		pull = Add(pull, Mul(c.Forget, d))
		keep := []*Node{Add(next, pull), x0, Add(Mul(c.C2, d), pull)}
		if s.formula.unipc {
			keep = append(keep, pull, kept[0], x)
		}
		tr.Next = Concatenate(keep, 1)
	default:
		tr.Next = ddpm(x0, mean, tr.LogVar, mode, z, c)
	}
	if s.settings.Coupled() && !s.formula.solver {
		tr.Next = Concatenate([]*Node{tr.Next, x0}, 1)
	}
	return tr
}

// corrected returns x as UniPC corrects it; kept is as [Sampler.States] has it.
func corrected(x, x0 *Node, kept []*Node, c coef[*Node]) *Node {
	last, pull, before, from := kept[0], kept[2], kept[3], kept[4]
	x = Add(Mul(c.Predicted, x), Mul(c.Last, from))
	x = Add(x, Add(Mul(c.LastX0, last), Mul(c.BeforeX0, before)))
	return Add(x, Add(Mul(c.NowX0, x0), pull))
}

// ddpm returns μ + σ·(λ·g + [t > 0]·z).
func ddpm(x0, mean, logVar, mode, z *Node, c coef[*Node]) *Node {
	sigma := Exp(MulScalar(logVar, 0.5))
	pull := Mul(c.Guide, Sub(mode, x0)) // Guide = λ·[t > stop], from the host's table
	return Add(mean, Mul(sigma, Add(pull, Mul(c.Noise, z))))
}

// ddim returns x' = x0 + k·g and √ā₋·x' + √(1 − ā₋ − σ²)·ε' + w·g + σ·z, where ε' is the noise
// in x if x' is the rest.
func (s *Sampler) ddim(x, x0, mode, z *Node, c coef[*Node]) (shifted, next *Node) {
	pull := Sub(mode, x0)
	shifted = Add(x0, Mul(c.Shift, pull))
	eps := s.rest(x, shifted, c)
	next = Add(Mul(c.Prev, shifted), Mul(c.Dir, eps))
	next = Add(next, Mul(c.Guide, pull))
	return shifted, Add(next, Mul(c.Noise, z))
}

// rest returns the noise in x if x0 is all else: (√(1/ā)·x − x0)/√(1/ā − 1), which is (x − √ā·x0)/√(1 − ā).
func (s *Sampler) rest(x, x0 *Node, c coef[*Node]) *Node {
	if s.settings.Schedule.Prediction == Velocity { // A and B are √ā and √(1 − ā), and ā may be 0
		return Div(Sub(x, Mul(c.A, x0)), c.B)
	}
	return Div(Sub(Mul(c.A, x), x0), c.B)
}

// logVariance returns ln β̃ + f·(ln β − ln β̃) with f = (v + 1)/2, not clamped; ln β̃ without v.
func logVariance(x, v *Node, c coef[*Node]) *Node {
	if v == nil {
		return BroadcastToDims(c.LogMin, x.Shape().Dimensions...)
	}
	part := MulScalar(OnePlus(v), 0.5)
	return Add(c.LogMin, Mul(part, Sub(c.LogMax, c.LogMin)))
}

func wantShape(name string, have, like *Node) {
	if !have.Shape().Equal(like.Shape()) {
		panic(fmt.Errorf("diffusion: %s has shape %s, want %s", name, have.Shape(), like.Shape()))
	}
}

func wantDims(name string, have *Node, want ...int) {
	if !slices.Equal(have.Shape().Dimensions, want) {
		panic(fmt.Errorf("diffusion: %s has shape %s, want dimensions %v", name, have.Shape(), want))
	}
}
