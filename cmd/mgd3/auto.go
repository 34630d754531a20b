package main

import (
	"context"
	"errors"

	"mgd3/distill"
	"mgd3/study"
)

// autoFlags are the flags of what distill chooses automatically.
type autoFlags struct {
	stop, lambda bool // --stop auto, --lambda auto
	by           string
	sets         int
	heldOut      float64
	judge        study.Judge
}

func (a autoFlags) chooses() bool { return a.stop || a.lambda }

func (o *options) autoFlags() {
	o.choose = true
	f := o.flags
	for _, name := range []string{"lambda", "stop"} {
		f.Lookup(name).Usage += "; auto chooses it by held-out training images"
	}
	f.StringVar(&o.auto.by, "auto-by", study.ByAccuracy, "choose by `WHAT`: accuracy of a network trained on a set of each value, or score, which needs no training")
	f.IntVar(&o.auto.sets, "auto-sets", 2, "sets to choose by of each value")
	judgeFlags(f, &o.auto.judge, &o.auto.heldOut, "auto-")
}

// chooseAuto chooses what is to be chosen. The sets for it are in auto below the output.
func (e *env) chooseAuto(ctx context.Context, o *options, r *openRun) error {
	if !o.auto.chooses() {
		return nil
	}
	if r.Shard != distill.Whole {
		return fail(exitUsage, `choose first, with a run of its own or "mgd3 sweep", and give all shards the value`, errors.New("a shard cannot choose for the others"))
	}
	a := study.Auto{
		Options: r.study(), Stop: o.auto.stop, Lambda: o.auto.lambda, By: o.auto.by, Sets: o.auto.sets, HeldOut: o.auto.heldOut, Judge: o.auto.judge,
		Done: e.tried,
	}
	a.Report = func(event study.Event) { r.Report(*event.Making) }
	settings, choices, err := a.Choose(ctx)
	r.Settings, r.Choices = settings, choices
	return err
}
