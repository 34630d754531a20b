package diffusion

import (
	"fmt"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
)

// Sampler is settings with their tables. It is not changed by use.
type Sampler struct {
	settings Settings
	formula  formula
	chain    *Chain
	steps    []Step
}

// Step is one step of the loop, with all that the graph must be told of it.
type Step struct {
	Index    int       // t, counting down to 0
	Timestep int       // of the full process
	Guided   bool      // t > stop, whatever λ is
	Plain    bool      // whether [Sampler.Plain] takes it
	Noisy    bool      // whether z counts: not at the last step, nor in DDIM with eta 0
	Coef     []float32 // [K], the graph's input of this name
}

// New checks the settings and computes their tables.
func New(s Settings) (*Sampler, error) {
	r, err := s.Rule.formula()
	if err != nil {
		return nil, err
	}
	if s.Schedule == (Schedule{}) {
		s.Schedule = r.published.Schedule
	}
	if err := s.check(r); err != nil {
		return nil, err
	}
	chain, err := NewChain(s.Schedule, s.Respacing)
	if err != nil {
		return nil, err
	}
	if last := chain.AlphaBar[chain.Len()-1]; s.Schedule.Prediction == Epsilon && last == 0 {
		return nil, fmt.Errorf("respacing %q takes step %d, after which nothing of the image is left: a network that "+
			"predicts the noise says nothing of it, want one that predicts %s, or leading steps",
			s.Respacing, chain.Timesteps[chain.Len()-1], Velocity)
	}
	if r.solver {
		if chain.displacement, err = newDisplacement(s.Schedule); err != nil {
			return nil, err
		}
	}
	if s.From > chain.Len() {
		return nil, fmt.Errorf("from is %d, want at most %d, the number of steps", s.From, chain.Len())
	}
	if s.Noised > chain.Len() {
		return nil, fmt.Errorf("noised is %d, want at most %d, the number of steps", s.Noised, chain.Len())
	}
	if s.From != 0 {
		chain.first = max(s.From, 0) - 1
	}
	sampler := &Sampler{settings: s, formula: r, chain: chain}
	for t := chain.first; t >= 0; t-- {
		c := newCoef(chain, s, r, t)
		sampler.steps = append(sampler.steps, Step{
			Index: t, Timestep: chain.Timesteps[t], Coef: vector(c),
			Guided: r.guided(chain, t, s), Noisy: c.Noise != 0,
			Plain: s.CFG != 1 && !s.CFGInterval.has(chain.AlphaBar[t]),
		})
	}
	return sampler, nil
}

// Settings returns the settings with nothing left to a default.
func (s *Sampler) Settings() Settings { return s.settings }

// Steps returns the steps in the order of their execution.
func (s *Sampler) Steps() []Step { return s.steps }

// AlphaBar returns ā of step t, a [Step]'s Index.
func (s *Sampler) AlphaBar(t int) float64 { return s.chain.AlphaBar[t] }

// CoefLen returns K, the length of the graph's input coef.
func (s *Sampler) CoefLen() int { return coefLen }

// Plain returns the sampler whose graph takes the steps without classifier-free guidance, those outside of
// Settings.CFGInterval; nil if there are none.
func (s *Sampler) Plain() *Sampler {
	if !slices.ContainsFunc(s.steps, func(step Step) bool { return step.Plain }) {
		return nil
	}
	plain := *s
	plain.settings.CFG = 1
	return &plain
}

// States returns S: how many latents an image has between two steps. A solver keeps, behind x, the x0 of the step
// before, and one without noise by how much the pulls have displaced x; UniPC the pull of the step before, too, the x0
// before that, and x of the step before. Coupled images keep x0 in every rule.
func (s *Sampler) States() int {
	switch {
	case s.formula.unipc:
		return 6
	case s.formula.solver && !s.formula.sde:
		return 3
	case s.formula.solver || s.settings.Coupled():
		return 2
	}
	return 1
}

// displaced are the places in a state, as States has it, of what changes with x if somebody moves it: x, the
// displacement and the pull.
func (s *Sampler) displaced() []int {
	switch {
	case s.formula.unipc:
		return []int{0, 2, 3}
	case s.formula.solver && !s.formula.sde:
		return []int{0, 2}
	}
	return []int{0}
}

// Graph builds one step of B images, the same graph for every step:
//
//	x           [B, S·C, h, w]  float32: the images' latents, see [Sampler.States]
//	mode, z     [B, C, h, w]  float32: their modes, the step's noise
//	label       [B]           int32; null is the label that means none; or [B, 2, D], see labels.go
//	coef        [K]           float32: Step.Coef
//	result      [B, S·C, h, w]  the next x
//
// Like all graph functions it panics on wrong shapes. Its own arithmetic is element by element,
// so an image's result depends on its row alone where the denoiser's does.
func (s *Sampler) Graph(den Denoiser, null int32, x, label, mode, z, coef *Node) *Node {
	return s.Trace(den, null, x, label, mode, z, coef).Next
}

// Trace is Graph with what led to its result.
func (s *Sampler) Trace(den Denoiser, null int32, x, label, mode, z, coef *Node) Trace {
	c := scalars(coef)
	var kept []*Node
	if n := s.States(); n > 1 {
		state, channels := x, x.Shape().Dim(1)/n
		for i := range n {
			kept = append(kept, Slice(state, AxisRange(), AxisRange(i*channels, (i+1)*channels)))
		}
		x, kept = kept[0], kept[1:]
	}
	eps, v := predict(den, x, c.Time, label, null, s.settings.CFG, s.settings.CFGChannels)
	return s.step(x, kept, eps, v, mode, z, c)
}
