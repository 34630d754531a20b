package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mgd3/baseline"
	"mgd3/compare"
	"mgd3/evaluate"
	"mgd3/internal/cli"
	"mgd3/internal/words"
	"mgd3/report"
	"mgd3/stage"
)

// compareOptions are the flags of compare that distill has not.
type compareOptions struct {
	compare.Options
	// these become Options once they are opened
	test, testSplit string
	testLimit       int
	methods         string
	given           []string // sets that somebody made
	plots           string
}

// compareCmd is "mgd3 compare": sets of each method, images per class and seed, and trainings on all of them. It has no
// --seed and no --shard: sets have the seeds from 0 up, and a comparison that is stopped continues.
func (e *env) compareCmd() *cobra.Command {
	o := &options{data: &dataFlags{}, networks: &networkFlags{}, modes: &modeFlags{}, sampling: &samplingFlags{}}
	c := &compareOptions{}
	cmd := &cobra.Command{
		Use:   "compare --data SET --test SET --model DIR --out DIR",
		Short: "Compare the method with all baselines: make the sets, train networks on them, print the table",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return e.compare(cmd.Context(), o, c) },
	}
	o.flags = cmd.Flags()
	o.presetFlag()
	f := o.flags
	f.StringVar(&c.test, "test", "", "`SET` of real images to test on, with the same classes; default --data")
	f.StringVar(&c.testSplit, "test-split", "", "the `NAME` of the sub-folder of --test to take")
	f.IntVar(&c.testLimit, "test-limit", 0,
		"take the first `N` images of each class by file name to test on; 0 takes all")
	f.StringVar(&c.methods, "method", "", "`LIST` of methods: "+words.List(baseline.Methods)+"; default all these. "+
		"mgd3 with an option of its own: "+words.List(baseline.Options())+". With mgd3+features, --features is for "+
		"that row alone")
	plotsFlag(f, &c.plots)
	f.StringArrayVar(&c.given, "set", nil, "a set that somebody made, `NAME=SET`, as a row beside the methods: what "+
		"evaluate --train takes; may be given several times")
	f.IntSliceVar(&c.IPCs, "ipc", []int{10}, "images per class, a `LIST`")
	f.IntVar(&c.Sets, "sets", 3, "sets of each method")
	f.StringSliceVar(&c.Nets, "net", []string{"convnet3"}, "`NETS` to train: "+strings.Join(evaluate.Names(), ", "))
	f.StringVar(&c.Protocol, "protocol", "quick", "`PROTOCOL` with hard labels: hard, quick")
	f.StringArrayVar(&c.Changes, "change", nil,
		"a change of the protocol, `NAME=VALUE`: "+strings.Join(evaluate.Settings(), ", "))
	f.IntVar(&c.FullLimit, "full-limit", 0, "take the first `N` images of each class for full; 0 takes all")
	cli.Heading(f, "Comparison")
	e.tensorFlags(f)
	o.data.add(f)
	o.networks.add(f)
	o.modes.clusterFlags(f)
	o.sampling.ruleFlags(f)
	o.run.folderFlags(f)
	cli.First(cmd, "data", "split", "test", "test-split", "model", "out", "ipc", "method", "sets", "net", "preset")
	cli.Require(cmd, "data", "out")
	return cmd
}

// compare checks names and numbers before it opens anything: a comparison may take days.
func (e *env) compare(ctx context.Context, o *options, c *compareOptions) (err error) {
	so := c.Options
	so.Flags = cli.Deciding(o.flags)
	if so.Methods, err = baseline.ParseMethods(c.methods); err == nil {
		err = baseline.CheckFeatures(so.Methods, o.modes.features)
	}
	if err != nil {
		return fail(exitUsage, "", err)
	}
	// without --test the test images are of --data, and must then be another part of it
	spec, err := compare.TestOf(&o.data.Spec, c.test, c.testSplit, c.testLimit)
	if err != nil {
		return err
	}
	if err := so.CheckAsked(); err != nil {
		return err
	}
	o.sampling.teacher.Asked = slices.ContainsFunc(so.Methods, baseline.Method.AsksTeacher)
	o.modes.settings.IPC = so.IPCs[0] // every set has its own
	r, err := e.open(ctx, o)
	if err != nil {
		return err
	}
	defer r.Close()
	// of real images alone, no warning of the sampler is worth its line
	if slices.ContainsFunc(so.Methods, baseline.Method.Sampled) {
		r.WarnOfSampling()
	}
	if so.Test, err = e.sets.Open(ctx, spec); err != nil {
		return fail(exitInput, "", err)
	}
	defer so.Test.Close()
	so.Maker, so.Report = r.Maker(), e.progress().Comparison
	if slices.Contains(so.Methods, baseline.Features) { // the row that says what features are worth; others have none
		so.Settings.Modes.Features = ""
	}
	so.Given, err = compare.OpenGiven(ctx, &e.sets, c.given, o.data.Spec, so.Train, e.progress().Warn, e.warnText)
	defer compare.CloseGiven(so.Given)
	if err != nil {
		return err
	}
	if so.SeedEncodes && !e.quiet && !e.json && slices.ContainsFunc(so.Methods, baseline.Method.Encoded) {
		// It costs --sets times the encoding, which may be most of the time: so it is said before, with the way out.
		fmt.Fprintf(e.stderr, "seeds  every set is encoded with its own seed, as the released programs do: %d × "+
			"%d images; --encode-seed 0 encodes them once for all sets\n",
			so.Sets, so.Train.Len())
	}
	result, err := compare.Compare(ctx, so)
	// The folder is of a version that encoded once for all sets: its latents are not those that are asked for.
	if so.SeedEncodes && errors.Is(err, stage.ErrOther) {
		return fail(exitOutput, "use another --out; --encode-seed 0 goes on with one encoding for all sets, as "+
			"earlier versions had it", err)
	}
	if err != nil {
		return err
	}
	if err := plot(c.plots, result.Result()); err != nil {
		return err
	}
	return e.showComparison(ctx, so, result)
}

// showComparison writes the page and prints the tables.
func (e *env) showComparison(ctx context.Context, o compare.Options, c *compare.Comparison) error {
	path, err := c.WritePage(ctx, o)
	if err != nil {
		return err
	}
	r := c.Result()
	r.Next = []string{"open " + path}
	return e.show(c, func(w io.Writer) error { return report.Text(w, r) })
}
