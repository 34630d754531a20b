package diffusion

import (
	"errors"
	"fmt"
	"math"
)

// Settings say how to sample. [Published] has the settings to start from.
type Settings struct {
	Rule Rule `json:"rule"` // how a step is taken; there is no default

	// Schedule is the noise the network was trained with: it belongs to the network, and not to the
	// rule. Zero means that of the networks that the rule was published for.
	Schedule Schedule `json:"schedule"`

	// Respacing says which steps of the schedule are taken, see [Respace]; "" means all.
	Respacing string `json:"respacing"`

	// Lambda is the strength of the pull, per step and at least 0, in the unit of the rule;
	// 0.1 is published for 50 steps. 0 means no pull.
	Lambda float64 `json:"lambda"`

	// Stop ends the pull: steps with t > Stop are pulled, where t counts down from n-1 to 0 (in
	// the SD rules: steps whose timestep in the full process is above Stop). 25 is published
	// for 50 steps, 500 for SD. 0 means that all are pulled but t = 0, less than 0 all.
	Stop int `json:"stop"`

	// Start is where the pull begins, counted as Stop is: of the steps that Stop leaves those with t <= Start are
	// pulled. 0 begins with the first step. DIVER (arXiv:2605.12649) pulls in 40 ≥ t ≥ 25: Start 40, Stop 24. Rules for
	// few steps have none.
	Start int `json:"start,omitempty"`

	// CFG is the scale of classifier-free guidance, at least 0; 4 is published, 8 for SD. 1 is
	// without, at half the work; 0 means that the label counts for nothing on these channels.
	CFG float64 `json:"cfg"`

	// CFGChannels is how many channels of ε are guided so, from the first one on; the DiT
	// programs guide 3 of 4. 0 means all.
	CFGChannels int `json:"cfg_channels"`

	// From begins at the noised mode in place of noise (SDEdit, Meng et al. 2022, arXiv:2108.01073): only the last From
	// of the steps are taken. 0 takes all, from noise; less than 0 none, and the latent is the mode.
	From int `json:"from,omitempty"`

	// Noised is how many of the last steps would remove the noise that From begins with, where these are not as many:
	// PReDD takes 15 steps from the noise of 10. 0 is as many as From.
	Noised int `json:"noised,omitempty"`

	// Shape lets λ change over the steps that are pulled; "" is constant.
	Shape Shape `json:"shape,omitempty"`

	// Guide says what an image is pulled to, "" is its mode; GuideScale is the length of what [Manifold] adds.
	Guide      Guide   `json:"guide,omitempty"`
	GuideScale float64 `json:"guide_scale,omitempty"`
	GuideWarm  int     `json:"guide_warm,omitempty"` // steps in which the radius of [Manifold] shrinks; 0 is none

	// MixLabels tells the network a mixture of labels while there is much noise, as DMGD does, see labels.go.
	MixLabels bool `json:"mix_labels,omitempty"`

	// Together draws the images of a class at once, held apart from each other; TogetherScale is how far, as a part of
	// their distance to their mean, at least 0.
	Together      Together `json:"together,omitempty"`
	TogetherScale float64  `json:"together_scale,omitempty"`

	// CFGInterval is the noise at which classifier-free guidance is at work; outside of it a step costs half. Zero
	// means everywhere.
	CFGInterval Interval `json:"cfg_interval,omitzero"`

	// Eta is the noise of the DDIM rules, in 0..1: 0, as published, is none, 1 as much as DDPM's.
	Eta float64 `json:"eta"`

	// AlphaToOne ends [DDIMSD] without noise: diffusers' set_alpha_to_one. Stable Diffusion's last step goes to the
	// noise of step 0 of the full process.
	AlphaToOne bool `json:"alpha_to_one,omitempty"`

	// Clip limits x0 to [-1, 1] before it is used. That is for images; latents go beyond.
	Clip bool `json:"clip"`
}

// Published returns the settings that rule was published with. Algorithm 1, [DDIMPaper], leaves
// stop and CFG open; it has those of [DDPM] here.
func Published(rule Rule) (Settings, error) {
	r, err := rule.formula()
	return r.published, err
}

func published(rule Rule) Settings {
	return Settings{Rule: rule, Schedule: DiT(1000), Respacing: "50",
		Lambda: 0.1, Stop: 25, CFG: 4, CFGChannels: 3}
}

func publishedSD(rule Rule) Settings {
	return Settings{Rule: rule, Schedule: StableDiffusion(), Respacing: "leading50",
		Lambda: 0.1, Stop: 500, CFG: 8}
}

// publishedSolver has few steps, spaced so that the last of the full process is one of them.
func publishedSolver(rule Rule) Settings {
	s := published(rule)
	s.Respacing, s.Stop = "trailing16", 500
	return s
}

// Check returns an error that names the first setting out of its range.
func (s Settings) Check() error {
	_, err := New(s)
	return err
}

// check tests the ranges of the plain numbers.
func (s Settings) check(r formula) error {
	switch {
	case !(s.Lambda >= 0) || math.IsInf(s.Lambda, 1):
		return fmt.Errorf("lambda is %v, want a number of at least 0", s.Lambda)
	case !(s.CFG >= 0) || math.IsInf(s.CFG, 1):
		return fmt.Errorf("cfg is %v, want a number of at least 0", s.CFG)
	case s.Start < 0 || s.Start > 0 && s.Start <= s.Stop:
		return fmt.Errorf("start is %d, want more than stop, which is %d, or 0", s.Start, s.Stop)
	case s.Start > 0 && r.solver:
		return fmt.Errorf("start is %d, want 0: rule %s is pulled from its first step on", s.Start, s.Rule)
	case s.Noised < 0:
		return fmt.Errorf("noised is %d, want at least 0", s.Noised)
	case s.Noised > 0 && s.From <= 0:
		return fmt.Errorf("noised is %d, want 0: no steps are taken from a noised mode", s.Noised)
	case s.CFGChannels < 0:
		return fmt.Errorf("cfg channels are %d, want at least 0", s.CFGChannels)
	case !(s.Eta >= 0 && s.Eta <= 1):
		return fmt.Errorf("eta is %v, want 0 to 1", s.Eta)
	case s.Eta != 0 && !r.ddim:
		return fmt.Errorf("eta is %v, want 0: rule %s has its own noise", s.Eta, s.Rule)
	case s.AlphaToOne && !(r.ddim && r.sd):
		return fmt.Errorf("alpha to one is set, want it not: it is of rule %s alone, not of %s", DDIMSD, s.Rule)
	}
	return errors.Join(s.CFGInterval.check(), s.Shape.check(), s.Guide.check(s), s.Together.check(s))
}
