package main

import (
	"context"
	"errors"

	"github.com/spf13/pflag"

	"mgd3/compare"
	"mgd3/evaluate"
	"mgd3/internal/cli"
	"mgd3/internal/opening"
	"mgd3/stage"
)

// autoFlags are the flags of what distill chooses automatically.
type autoFlags struct {
	stop, lambda bool // --stop auto, --lambda auto
	by           string
	sets         int
	heldOut      float64
	judge        evaluate.Judge
}

// chooses reports whether anything is to be chosen; without it these flags have no effect.
func (a *autoFlags) chooses() bool { return a.stop || a.lambda }

// choose takes it that the flag of that name is auto.
func (a *autoFlags) choose(name string) {
	a.stop, a.lambda = a.stop || name == "stop", a.lambda || name == "lambda"
}

// add comes after the flags of sampling, which it lets be auto.
func (a *autoFlags) add(f *pflag.FlagSet, s *samplingFlags) {
	// where --lambda and --stop are read, auto is a value only if somebody is there to choose
	s.auto, s.Choose = a, a.choose
	for _, name := range []string{"lambda", "stop"} {
		f.Lookup(name).Usage += "; auto chooses it by held-out training images"
	}
	f.StringVar(&a.by, "auto-by", compare.ByAccuracy,
		"choose by `WHAT`: accuracy of a network trained on a set of each value, or score, which needs no training")
	f.IntVar(&a.sets, "auto-sets", 2, "sets to choose by of each value")
	judgeFlags(f, &a.judge, &a.heldOut, "auto-")
	cli.Heading(f, "Automatic choice")
}

// chooseAuto chooses what is to be chosen. The sets for it are in auto below the output.
func (e *env) chooseAuto(ctx context.Context, o *options, r *opening.Run) error {
	auto := o.sampling.auto
	if !auto.chooses() {
		return nil
	}
	// Each shard would choose by its own part, and they need not agree: the set would be made with two values.
	if r.Shard != stage.Whole || r.Any != nil {
		return fail(exitUsage, `choose first, with a run of its own or "mgd3 sweep", and give all shards the value`,
			errors.New("a shard cannot choose for the others"))
	}
	a := compare.Auto{
		Maker: r.Maker(), Stop: auto.stop, Lambda: auto.lambda,
		By: auto.by, Sets: auto.sets, HeldOut: auto.heldOut, Judge: auto.judge, Done: e.progress().Trial,
	}
	settings, choices, err := a.Choose(ctx)
	// The settings with the chosen values are those of the run, as if they had been given; the choices go into the
	// manifest.
	r.Settings, r.Choices = settings, choices
	return err
}
