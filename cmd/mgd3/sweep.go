package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mgd3/compare"
	"mgd3/evaluate"
	"mgd3/internal/cli"
	"mgd3/report"
)

// sweepOptions are the flags of sweep that distill has not.
type sweepOptions struct {
	compare.Sweep
	// where the networks are tested, and with which images
	on, test, testSplit, plots string
}

// sweepCmd is "mgd3 sweep". Its flags are those of distill, of which some may be lists; whoever chose by the test set
// would report a number that is too good, so it judges on images held out of the training set.
func (e *env) sweepCmd() *cobra.Command {
	o := &options{data: &dataFlags{}, networks: &networkFlags{}, modes: &modeFlags{}, sampling: &samplingFlags{}}
	var s sweepOptions
	cmd := &cobra.Command{
		Use:   "sweep --data SET --model DIR --out DIR --stop 0,10,25,40",
		Short: "Try values of λ, stop, clusterer, steps and scale, judged on held-out training images",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return e.sweep(cmd.Context(), o, &s) },
	}
	o.flags = cmd.Flags()
	f := o.flags
	o.presetFlag()
	o.data.add(f)
	o.networks.add(f)
	o.modes.add(f)
	o.sampling.add(f)
	o.run.folderFlags(f)
	for _, name := range []string{"lambda", "stop", "cluster", "steps", "cfg"} {
		flag := o.flags.Lookup(name)
		flag.Usage = "one value for all points, or a list to try, with commas: " + flag.Usage
	}
	f.BoolVar(&s.Grid, "grid", false, "try every combination, not one list at a time")
	f.IntVar(&s.Sets, "sets", 1, "sets of each point, with seeds --seed, --seed + 1, …")
	judgeFlags(f, &s.Judge, &s.HeldOut, "")
	f.StringVar(&s.on, "on", compare.OnHeldOut,
		"`WHERE` the network is tested: held-out, or test, with --test, to report only and never to choose by")
	f.StringVar(&s.test, "test", "", "the test `SET` of --on test")
	f.StringVar(&s.testSplit, "test-split", "", "the `NAME` of the sub-folder of --test to take")
	plotsFlag(f, &s.plots)
	cli.Heading(f, "Judging")
	cli.First(cmd, "data", "split", "model", "out", "ipc", "lambda", "stop", "cluster", "sets", "preset")
	cli.Require(cmd, "data", "out")
	return cmd
}

// sweep makes and judges all points.
func (e *env) sweep(ctx context.Context, o *options, s *sweepOptions) error {
	if err := compare.CheckOn(s.on, s.test != ""); err != nil {
		return err
	}
	s.Flags = cli.Deciding(o.flags) // before lists are taken out of them
	axes, err := o.takeLists()
	if err != nil {
		return fail(exitUsage, "", err)
	}
	r, err := e.open(ctx, o)
	if err != nil {
		return err
	}
	defer r.Close()
	// the maker shares the latents among all points
	s.Axes, s.Maker = axes, r.Maker()
	s.Done = e.progress().Trial
	if s.test != "" {
		spec := o.data.Spec
		// all else as of the images: names, labels and the list of classes
		spec.Path, spec.Split, spec.Limit = s.test, s.testSplit, 0
		if s.Test, err = e.sets.Alike(ctx, spec, r.Data.ClassNames()); err != nil {
			return ofSet(err)
		}
		defer s.Test.Close()
	}
	swept, err := s.Do(ctx)
	if err != nil {
		return err
	}
	if err := plot(s.plots, swept.Result()); err != nil {
		return err
	}
	if err := s.Write(ctx, swept); err != nil {
		return fail(exitOutput, "", err)
	}
	return e.show(swept, func(w io.Writer) error {
		if err := report.Text(w, swept.Result()); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, "\nlook at it  %s\n", filepath.Join(o.run.out, "sweep.html"))
		return err
	})
}

// takeLists takes the lists of values out of the flags, which are as if not given then; what is one value stays in
// them.
func (o *options) takeLists() (axes compare.Axes, err error) {
	texts := map[string]*string{"lambda": &o.sampling.Lambda, "stop": &o.sampling.Stop, "steps": &o.sampling.Steps,
		"cfg": &o.sampling.CFG, "cluster": &o.modes.cluster}
	o.tried, err = axes.TakeLists(texts)
	for _, name := range o.tried {
		// The point that an axis starts from is then the preset's or the default, as if the flag were not there; tried
		// keeps given from calling it given.
		*texts[name] = o.flags.Lookup(name).DefValue
	}
	return axes, err
}

// judgeFlags name the network that judges sets, and what it is tested on.
func judgeFlags(f *pflag.FlagSet, j *evaluate.Judge, share *float64, prefix string) {
	f.StringVar(&j.Net, prefix+"net", "convnet3", "`NETWORK` that is trained on each set, as for evaluate")
	f.StringVar(&j.Protocol, prefix+"protocol", "quick",
		"`PROTOCOL` of its training, as for evaluate; hard labels only")
	f.StringArrayVar(&j.Changes, prefix+"recipe", nil, "change `NAME=VALUE` in the protocol: "+
		strings.Join(evaluate.Settings(), ", "))
	f.Float64Var(share, "held-out", 0.1,
		"`SHARE` of the training images that takes no part in the modes and tests the network")
}
