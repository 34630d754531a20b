package diffusion

import (
	"fmt"
	"math"
	"sort"
)

// publishedSteps is the number of steps that every published λ and stop belong to.
const publishedSteps = 50

// Warnings lists settings that are allowed but hardly meant. λ acts once per step, so how far a
// run pulls in all depends on the number of steps, and in each rule differently: in the DDPM
// family as √n, since σ goes as 1/√n; in [DDIMSD] as n; in [DDIMPaper] and [DDIMX0] hardly,
// since there a step goes only as far as the noise falls. The warning gives the λ whose pulls
// add up to those of 50 steps down to the same noise. That is about as far, not exactly: later
// steps forget a part of each pull, and a learned σ is taken at its upper bound.
//
// A stop counts steps too, except in the SD rules: the published one, kept beside another number
// of steps, gets a warning of its own, and so does one that leaves no step guided.
//
// A rule that was published for models of another noise gets one as well. Those for few steps are none of these: their
// λ and stop mean the same in any number of steps, of any noise.
func (s Settings) Warnings() (warnings []string) {
	sampler, err := New(s)
	if err != nil {
		return nil
	}
	if of, is := sampler.formula.published.Schedule, sampler.settings.Schedule; !of.sameFamily(is) &&
		!sampler.formula.solver {
		warnings = append(warnings, fmt.Sprintf("rule %s was published with %v; this model was trained with %v, "+
			"which is kept, but the rule's lambda, stop and cfg belong to the other",
			s.Rule, of, is))
	}
	warnings = append(warnings, sampler.intervalWarnings()...)
	n, pull := sampler.chain.Len(), sampler.pull()
	if len(sampler.steps) == 0 {
		return warnings
	}
	if sampler.formula.solver {
		if s.Lambda > 0 && pull == 0 {
			warnings = append(warnings, s.nothingGuided(n))
		}
		return warnings
	}
	if s.Lambda == 0 || n == publishedSteps && pull > 0 {
		return warnings
	}
	if stop := sampler.formula.published.Stop; !sampler.formula.sd && s.Stop == stop && n != publishedSteps {
		warnings = append(warnings, fmt.Sprintf("stop %d counts steps and was set for %d, not %d: %d is about the "+
			"same place",
			stop, publishedSteps, n, stop*n/publishedSteps))
	}
	if pull == 0 {
		return append(warnings, s.nothingGuided(n))
	}
	text := fmt.Sprintf("lambda %v acts once per step and was set for %d steps, not %d", s.Lambda, publishedSteps, n)
	if published, err := sampler.published(); err == nil {
		ratio := pull / published.pull()
		text += fmt.Sprintf(": these pull about %.2g times as far in all, lambda %.2g about equally far", ratio,
			s.Lambda/ratio)
	}
	return append(warnings, text)
}

// intervalWarnings says where an interval of classifier-free guidance decides nothing, or nothing is guided.
func (s *Sampler) intervalWarnings() []string {
	v, plain := s.settings.CFGInterval, 0
	for _, step := range s.steps {
		if step.Plain {
			plain++
		}
	}
	switch {
	case v == Interval{}:
		return nil
	case s.settings.CFG == 1:
		return []string{fmt.Sprintf("the interval %v of classifier-free guidance has no effect: cfg is 1, without", v)}
	case plain == 0:
		return []string{fmt.Sprintf("all %d steps are in the interval %v of classifier-free guidance", len(s.steps), v)}
	case plain == len(s.steps):
		return []string{fmt.Sprintf("none of the %d steps is in the interval %v of classifier-free guidance",
			plain, v)}
	}
	return nil
}

func (s Settings) nothingGuided(steps int) string {
	if s.Start > 0 {
		return fmt.Sprintf("lambda is %v but start %d and stop %d leave none of the %d steps guided", s.Lambda, s.Start,
			s.Stop, steps)
	}
	return fmt.Sprintf("lambda is %v but stop %d leaves none of the %d steps guided", s.Lambda, s.Stop, steps)
}

// published returns the sampler of 50 steps that stops at the same noise.
func (s *Sampler) published() (*Sampler, error) {
	settings := s.settings
	settings.Respacing = s.formula.published.Respacing
	if !s.formula.sd && settings.Stop >= 0 {
		chain, err := NewChain(settings.Schedule, settings.Respacing)
		if err != nil {
			return nil, err
		}
		last := s.chain.Timesteps[settings.Stop] // the first timestep that is not guided
		settings.Stop = sort.SearchInts(chain.Timesteps, last+1) - 1
		if settings.Start > 0 {
			last = s.chain.Timesteps[min(settings.Start, s.chain.Len()-1)]
			settings.Start = sort.SearchInts(chain.Timesteps, last+1) - 1
		}
	}
	return New(settings)
}

// pull adds up how far the steps move x, per distance to the mode.
func (s *Sampler) pull() float64 {
	sum := 0.0
	for t := range s.steps {
		c := newCoef(s.chain, s.settings, s.formula, t)
		if s.formula.ddim {
			rest := 1 / c.B // how far ε' falls as x' rises, see Sampler.rest
			if s.settings.Schedule.Prediction == Velocity {
				rest = c.A / c.B
			}
			sum += c.Shift*(c.Prev-c.Dir*rest) + c.Guide
		} else {
			sum += c.Guide * math.Exp(c.LogMax/2)
		}
	}
	return sum
}
