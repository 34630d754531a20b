package main

import (
	"fmt"
	"math"
	"strconv"

	"github.com/spf13/pflag"

	"mgd3/diffusion"
	"mgd3/diffusion/scheduler"
	"mgd3/distill"
	"mgd3/internal/cli"
	"mgd3/internal/words"
)

// samplingFlags say how modes become images.
type samplingFlags struct {
	settings          distill.SampleSettings
	rule, steps       string
	lambda, stop, cfg string     // as given; "" takes the published
	auto              *autoFlags // nil where nothing can be "auto"
}

func (s *samplingFlags) add(f *pflag.FlagSet) {
	f.Uint64Var(&s.settings.Seed, "seed", 0, "seed of the noise")
	s.ruleFlags(f)
}

// ruleFlags are those that sets of all seeds share.
func (s *samplingFlags) ruleFlags(f *pflag.FlagSet) {
	f.StringVar(&s.rule, "rule", string(diffusion.DDPM), "`RULE` of a step: "+words.List(diffusion.Rules()))
	f.StringVar(&s.steps, "steps", "", "steps of the sampler: a number, or a respacing such as ddim50; default as "+
		"published with the rule")
	f.StringVar(&s.lambda, "lambda", "",
		"strength `L` of the pull to the mode, per step; 0 is unguided; default as published with the rule (0.1)")
	f.StringVar(&s.stop, "stop", "", "guide while t > `T`, t counting down; default as published with the rule (25 "+
		"of 50 steps), "+
		"the same share of other numbers")
	f.StringVar(&s.cfg, "cfg", "", "scale `S` of classifier-free guidance; 1 is without; default as published with "+
		"the rule (4)")
	f.IntVar(&s.settings.CFGChannels, "cfg-channels", 0,
		"channels under classifier-free guidance; default as published with the rule (3 of 4)")
	f.Float64Var(&s.settings.Eta, "eta", 0, "noise of the ddim rules, 0 to 1")
	f.BoolVar(&s.settings.Clip, "clip", false, "limit the predicted latent to [-1, 1]")
	cli.Heading(f, "Sampling")
}

// resolve returns the settings: the published ones of the rule, the preset's in their place, and what was given
// before both.
func (s *samplingFlags) resolve(from source) (distill.SampleSettings, error) {
	rule := diffusion.Rule(s.rule)
	if from.preset != nil && !from.given("rule") {
		rule = from.preset.Settings.Sample.Rule
	}
	published, err := diffusion.Published(rule)
	if err != nil {
		return distill.SampleSettings{}, err
	}
	own := s.settings // the seed, eta and clip
	own.Rule, own.Schedule, own.Respacing = published.Rule, published.Schedule, published.Respacing
	own.Lambda, own.CFG = published.Lambda, published.CFG
	if !from.given("cfg-channels") {
		own.CFGChannels = published.CFGChannels
	}
	if s.steps != "" {
		own.Respacing = s.steps
	}
	own.Stop = shareOf(published, own.Respacing)
	own.Settings = from.merge(distill.Settings{Sample: own}).Sample.Settings
	if _, err := diffusion.Respace(own.Respacing, own.Schedule.Steps); err != nil {
		return own, fmt.Errorf("--steps is %q, want a number from 1 to %d, or a respacing such as ddim50 or leading50",
			own.Respacing, own.Schedule.Steps)
	}
	if err := s.numbers(&own.Settings); err != nil {
		return own, err
	}
	return own, own.Check()
}

// numbers reads the flags that are numbers or "auto".
func (s *samplingFlags) numbers(to *diffusion.Settings) error {
	for _, f := range []struct {
		name, value string
		canBeAuto   bool
		set         func(v float64)
	}{
		{"lambda", s.lambda, true, func(v float64) { to.Lambda = v }},
		{"stop", s.stop, true, func(v float64) { to.Stop = int(v) }},
		{"cfg", s.cfg, false, func(v float64) { to.CFG = v }},
	} {
		switch {
		case f.value == "":
		case f.value == "auto" && f.canBeAuto && s.auto == nil:
			return fmt.Errorf(`--%s auto: only "mgd3 distill" can choose`, f.name)
		case f.value == "auto" && f.canBeAuto:
			s.auto.choose(f.name)
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

// takeSchedule samples with the noise that the model was trained with, whatever that of the rule's own models was.
// The stop of the SD rules counts in its steps.
func (s *samplingFlags) takeSchedule(to *diffusion.Settings, own diffusion.Schedule) error {
	published, err := diffusion.Published(to.Rule)
	if err != nil {
		return err
	}
	if s.stop == "" && to.Stop == published.Stop && to.Rule.CountsTimesteps() {
		to.Stop = published.Stop * own.Steps / published.Schedule.Steps
	}
	to.Schedule = own
	return to.Check()
}

// takeSteps takes steps as the makers of a latent diffusion model do, in the rules of their schedulers: the spacing is
// theirs where the steps are a number, or not given.
func (s *samplingFlags) takeSteps(to *diffusion.Settings, c scheduler.Config) {
	if !to.Rule.CountsTimesteps() {
		return
	}
	if to.Rule == diffusion.DDIMSD {
		to.AlphaToOne = c.AlphaToOne
	}
	if n, err := strconv.Atoi(s.steps); err == nil {
		to.Respacing = c.Respacing(n)
	} else if published, err := diffusion.Published(to.Rule); err == nil && s.steps == "" &&
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
