package distill

import (
	"fmt"
	"math"
	"strconv"

	"mgd3/diffusion"
	"mgd3/diffusion/scheduler"
)

// AskedSampling is how somebody asked for modes to become images.
type AskedSampling struct {
	Own               SampleSettings // the seed, the channels under guidance, eta and clip
	Rule, Steps       string
	Lambda, Stop, CFG string            // a number; "" takes the published; lambda and stop may be auto
	Adaptive          string            // LO:HI of λ by class; "" is one λ for all
	Interval          string            // of noise for classifier-free guidance, LO:HI; "" is everywhere
	Choose            func(name string) // told of those that are auto; nil where nothing can be
}

// Sampling returns the settings of sampling: the published ones of the rule, the preset's in their place, and what was
// given before both.
func (a Asked) Sampling(s AskedSampling) (SampleSettings, error) {
	rule := diffusion.Rule(s.Rule)
	if a.Preset != nil && !a.Given("rule") {
		rule = a.Preset.Settings.Sample.Rule
	}
	published, err := diffusion.Published(rule)
	if err != nil {
		return SampleSettings{}, err
	}
	own := s.Own // the seed, eta and clip
	own.Rule, own.Schedule, own.Respacing = published.Rule, published.Schedule, published.Respacing
	own.Lambda, own.CFG = published.Lambda, published.CFG
	if !a.Given("cfg-channels") {
		own.CFGChannels = published.CFGChannels
	}
	if s.Steps != "" {
		own.Respacing = s.Steps
	}
	if n, err := strconv.Atoi(s.Steps); err == nil && rule.FewSteps() {
		own.Respacing = diffusion.Trailing.Respacing(n, 0) // as published: its last step goes from further off
	}
	own.Stop = shareOf(published, own.Respacing)
	if own.Guide == diffusion.Manifold && !a.Given("guide-scale") {
		own.GuideScale = 0.1
	}
	if own.Together != diffusion.Alone && !a.Given("together-scale") {
		own.TogetherScale = 0.3
	}
	if own.Adaptive, err = ParseRange(s.Adaptive); err != nil {
		return own, fmt.Errorf("--lambda-by-class: %w", err)
	}
	own.Settings = a.merge(Settings{Sample: own}).Sample.Settings
	if _, err := diffusion.Respace(own.Respacing, own.Schedule.Steps); err != nil {
		return own, fmt.Errorf("--steps is %q, want a number from 1 to %d, or a respacing such as ddim50 or leading50",
			own.Respacing, own.Schedule.Steps)
	}
	if err := s.numbers(&own.Settings); err != nil {
		return own, err
	}
	if own.CFGInterval, err = diffusion.ParseInterval(s.Interval); err != nil {
		return own, fmt.Errorf("--cfg-interval: %w", err)
	}
	return own, own.Check()
}

// numbers reads the flags that are numbers or "auto".
func (s AskedSampling) numbers(to *diffusion.Settings) error {
	for _, f := range []struct {
		name, value string
		canBeAuto   bool
		set         func(v float64)
	}{
		{"lambda", s.Lambda, true, func(v float64) { to.Lambda = v }},
		{"stop", s.Stop, true, func(v float64) { to.Stop = int(v) }},
		{"cfg", s.CFG, false, func(v float64) { to.CFG = v }},
	} {
		switch {
		case f.value == "":
		case f.value == "auto" && f.canBeAuto && s.Choose == nil:
			return fmt.Errorf(`--%s auto: only "mgd3 distill" can choose`, f.name)
		case f.value == "auto" && f.canBeAuto:
			s.Choose(f.name)
		default:
			v, err := strconv.ParseFloat(f.value, 64)
			if err != nil || (f.name == "stop" && v != math.Trunc(v)) {
				return fmt.Errorf("--%s is %q, want a number", f.name, f.value)
			}
			f.set(v)
		}
	}
	return nil
}

// TakeSchedule samples with the noise that the model was trained with, whatever that of the rule's own models was.
// The stop of the SD rules counts in its steps.
func (s AskedSampling) TakeSchedule(to *diffusion.Settings, own diffusion.Schedule) error {
	published, err := diffusion.Published(to.Rule)
	if err != nil {
		return err
	}
	if s.Stop == "" && to.Stop == published.Stop && to.Rule.CountsTimesteps() {
		to.Stop = published.Stop * own.Steps / published.Schedule.Steps
	}
	to.Schedule = own
	return to.Check()
}

// TakeSteps takes steps as the makers of a latent diffusion model do, in the rules of their schedulers: the spacing is
// theirs where the steps are a number, or not given.
func (s AskedSampling) TakeSteps(to *diffusion.Settings, c scheduler.Config) {
	if !to.Rule.CountsTimesteps() {
		return
	}
	if to.Rule == diffusion.DDIMSD {
		to.AlphaToOne = c.AlphaToOne
	}
	if n, err := strconv.Atoi(s.Steps); err == nil {
		to.Respacing = c.Respacing(n)
	} else if published, err := diffusion.Published(to.Rule); err == nil && s.Steps == "" &&
		to.Respacing == published.Respacing {
		to.Respacing = c.Respacing(publishedSteps)
	}
}

// publishedSteps is how many steps the programs for Stable Diffusion take.
const publishedSteps = 50

// shareOf returns the published stop, or the same share of another number of steps.
func shareOf(published diffusion.Settings, respacing string) int {
	was, errWas := strconv.Atoi(published.Respacing)
	is, errIs := strconv.Atoi(respacing)
	if errWas != nil || errIs != nil || is < 1 {
		return published.Stop
	}
	return published.Stop * is / was
}
