package main

import (
	"github.com/spf13/pflag"

	"mgd3/diffusion"
	"mgd3/distill"
	"mgd3/internal/cli"
	"mgd3/internal/words"
)

// samplingFlags say how modes become images.
type samplingFlags struct {
	distill.AskedSampling
	auto *autoFlags // nil where nothing can be "auto"
}

func (s *samplingFlags) add(f *pflag.FlagSet) {
	f.Uint64Var(&s.Own.Seed, "seed", 0, "seed of the noise")
	s.ruleFlags(f)
}

// ruleFlags are those that sets of all seeds share.
func (s *samplingFlags) ruleFlags(f *pflag.FlagSet) {
	f.StringVar(&s.Rule, "rule", string(diffusion.DDPM), "`RULE` of a step: "+words.List(diffusion.Rules()))
	f.StringVar(&s.Steps, "steps", "", "steps of the sampler: a number, or a respacing such as ddim50; default as "+
		"published with the rule")
	f.StringVar(&s.Lambda, "lambda", "",
		"strength `L` of the pull to the mode, per step; 0 is unguided; default as published with the rule (0.1)")
	f.StringVar(&s.Stop, "stop", "", "guide while t > `T`, t counting down; default as published with the rule (25 "+
		"of 50 steps), "+
		"the same share of other numbers")
	f.StringVar(&s.CFG, "cfg", "", "scale `S` of classifier-free guidance; 1 is without; default as published with "+
		"the rule (4)")
	f.IntVar(&s.Own.CFGChannels, "cfg-channels", 0,
		"channels under classifier-free guidance; default as published with the rule (3 of 4)")
	f.StringVar(&s.Interval, "cfg-interval", "", "classifier-free guidance only in steps whose noise σ is in `LO:HI` "+
		"(0.3:5 say; either may be empty), half the cost of the others; default everywhere")
	f.Float64Var(&s.Own.Eta, "eta", 0, "noise of the ddim rules, 0 to 1")
	f.BoolVar(&s.Own.Clip, "clip", false, "limit the predicted latent to [-1, 1]")
	cli.Heading(f, "Sampling")
}
