package main

import (
	"github.com/spf13/pflag"

	"mgd3/diffusion"
	"mgd3/distill"
	"mgd3/internal/cli"
	"mgd3/internal/opening"
	"mgd3/internal/words"
)

// samplingFlags say how modes become images.
type samplingFlags struct {
	distill.AskedSampling
	teacher opening.Teacher
	auto    *autoFlags // nil where nothing can be "auto"
}

// add defines all flags, for commands that make one set.
func (s *samplingFlags) add(f *pflag.FlagSet) {
	f.Uint64Var(&s.Own.Seed, "seed", 0, "seed of the noise")
	s.ruleFlags(f)
}

// ruleFlags are those that sets of all seeds share.
func (s *samplingFlags) ruleFlags(f *pflag.FlagSet) {
	// Numbers whose default hangs on the rule, or that may be auto or a list, are texts here; "" is not given. distill
	// reads them when the rule is known.
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
	// what the paper does not have comes behind what it has
	s.aimFlags(f)
	f.Float64Var(&s.Own.Eta, "eta", 0, "noise of the ddim rules, 0 to 1")
	f.BoolVar(&s.Own.Clip, "clip", false, "limit the predicted latent to [-1, 1]")
	cli.Heading(f, "Sampling")
}

// aimFlags say what images are pulled to, and by how much.
func (s *samplingFlags) aimFlags(f *pflag.FlagSet) {
	o := &s.Own
	f.StringVar((*string)(&o.Guide), "guide", "", "`WHAT` images are pulled to in the place of their modes alone: "+
		words.List(diffusion.Guides())+" (docs/guides.md)")
	f.Float64Var(&o.GuideScale, "guide-scale", 0, "length of what --guide manifold adds; default 0.1")
	f.IntVar(&o.GuideWarm, "guide-warm", 0, "first `STEPS` in which the radius of --guide manifold shrinks from twice")
	f.BoolVar(&o.MixLabels, "mix-labels", false,
		"tell a DiT a mixture of labels while there is much noise, as DMGD does")
	f.StringVar((*string)(&o.Together), "together", "", "`HOW` the images of a class, drawn at once, keep apart: "+
		words.List(diffusion.Togethers()))
	f.Float64Var(&o.TogetherScale, "together-scale", 0, "how far apart, as a part of their spread; default 0.3")
	f.StringVar((*string)(&o.Shape), "lambda-shape", "", "`SHAPE` of lambda over the guided steps, of equal mean: "+
		words.List(diffusion.Shapes())+"; default constant")
	f.StringVar(&s.Adaptive, "lambda-by-class", "",
		"a lambda from `LO:HI` for each class, by how much its modes differ")
	f.BoolVar(&o.StopByClass, "stop-by-class", false,
		"a stop for each class, by its number of modes and how they differ")
	f.IntVar(&o.From, "from", 0, "begin at the noised mode and take the last `T` steps alone; 0 begins with noise")
	f.IntVar(&o.Noised, "noised", 0, "noise the mode by what `T` steps remove, in the place of --from; 0 is by --from")
	f.IntVar(&o.Start, "start", 0, "guide only while t <= `T`, counted as --stop is; 0 guides from the first step on")
	f.IntVar(&o.PoolOf, "pool-of", 0, "draw each image `N` times, with a seed for each, and keep one")
	f.StringVar((*string)(&o.Choose), "choose", "", "`RULE` to keep one of --pool-of: "+words.List(distill.Chooses))
	t := &s.teacher
	f.StringVar(&t.File, "teacher", "", "for --choose teacher-correct and teacher-hard: a `FILE` (.pth or "+
		"safetensors) with the weights of a trained classifier")
	f.StringVar(&t.Net, "teacher-net", "resnet18", "`NET` of the teacher")
	f.StringVar(&t.Classes, "teacher-classes", "", "the teacher's classes in the order of its outputs, if its file "+
		"does not say: a list by name or a `FILE` with one class a line")
	f.BoolVar(&t.Unchecked, "teacher-unchecked", false,
		"let a teacher choose that is no better than guessing on real images, or has another order of classes")
}
