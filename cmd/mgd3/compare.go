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
	"mgd3/dataset"
	"mgd3/evaluate"
	"mgd3/internal/cli"
	"mgd3/internal/words"
	"mgd3/report"
	"mgd3/sets"
	"mgd3/stage"
)

// compareOptions are the flags of compare that distill has not.
type compareOptions struct {
	test, testSplit string
	testLimit       int
	methods         string
	ipcs            []int
	nets, changes   []string
	protocol        string
	sets, fullLimit int
}

func (e *env) compareCmd() *cobra.Command {
	o := &options{data: &dataFlags{}, networks: &networkFlags{}, modes: &modeFlags{}, sampling: &samplingFlags{}}
	c := &compareOptions{}
	cmd := &cobra.Command{
		Use:   "compare --data SET --test SET --model DIR --out DIR",
		Short: "Compare the method with all baselines: make the sets, train networks on them, print the table",
		Long: `Makes --sets sets by each method (see "mgd3 baseline"), trains every network on each of them from
scratch, all under one protocol, and tests it on real images that no set was made from. full, the ceiling, is all
real images, trained on once for each network. Set s is made with seed s, and learned once with seed s. With a
--preset that flips, its images are encoded with seed s as well, as published; --encode-seed 0 encodes them once.

DIR/PROTOCOL has result.json and table.txt, written anew after each training, and report.html at the end. The
same command goes on from where it was stopped; with more sets, methods or --ipc it adds to what is there.`,
		Example: `  mgd3 compare --data pets.zip --split train --test-split test --model pets-model --ipc 10,20,50 \
    --sets 3 --out pets-table

  # the set that is in the program, and its model
  mgd3 compare --data glyphs --model glyphs --ipc 10 --method mgd3,unguided,random --out glyphs-table`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.compare(cmd.Context(), o, c) },
	}
	o.flags = cmd.Flags()
	o.presetFlag()
	f := o.flags
	f.StringVar(&c.test, "test", "", "`SET` of real images to test on, with the same classes; default --data")
	f.StringVar(&c.testSplit, "test-split", "", "the `NAME` of the sub-folder of --test to take")
	f.IntVar(&c.testLimit, "test-limit", 0,
		"take the first `N` images of each class by file name to test on; 0 takes all")
	f.StringVar(&c.methods, "method", "", "`LIST` of methods: "+words.List(baseline.Methods)+"; default all")
	f.IntSliceVar(&c.ipcs, "ipc", []int{10}, "images per class, a `LIST`")
	f.IntVar(&c.sets, "sets", 3, "sets of each method")
	f.StringSliceVar(&c.nets, "net", []string{"convnet3"}, "`NETS` to train: "+strings.Join(evaluate.Names(), ", "))
	f.StringVar(&c.protocol, "protocol", "quick", "`PROTOCOL` with hard labels: hard, quick")
	f.StringArrayVar(&c.changes, "change", nil,
		"a change of the protocol, `NAME=VALUE`: "+strings.Join(evaluate.Settings(), ", "))
	f.IntVar(&c.fullLimit, "full-limit", 0, "take the first `N` images of each class for full; 0 takes all")
	cli.Heading(f, "Comparison")
	o.data.add(f)
	o.networks.add(f)
	o.modes.clusterFlags(f)
	o.sampling.ruleFlags(f)
	o.run.folderFlags(f)
	cli.First(cmd, "data", "split", "test", "test-split", "model", "out", "ipc", "method", "sets", "net", "preset")
	cli.Require(cmd, "data", "out")
	return cmd
}

func (e *env) compare(ctx context.Context, o *options, c *compareOptions) error {
	if err := c.resolve(o); err != nil {
		return fail(exitUsage, "", err)
	}
	methods, err := baseline.ParseMethods(c.methods)
	if err != nil {
		return fail(exitUsage, "", err)
	}
	r, err := e.open(ctx, o)
	if err != nil {
		return err
	}
	defer r.Close()
	if slices.ContainsFunc(methods, baseline.Method.Sampled) {
		r.WarnOfSampling()
	}
	so := compare.Options{Maker: r.Maker()}
	if so.Test, err = c.openTest(ctx, e, o); err != nil {
		return fail(exitInput, "", err)
	}
	defer so.Test.Close()
	p := e.progress()
	so.Report = p.Comparison
	so.Methods, so.IPCs, so.Sets, so.Nets, so.FullLimit = methods, c.ipcs, c.sets, c.nets, c.fullLimit
	so.Protocol, so.Changes = c.protocol, c.changes
	if so.SeedEncodes && !e.quiet && !e.json && slices.ContainsFunc(methods, baseline.Method.Encoded) {
		fmt.Fprintf(e.stderr, "seeds  every set is encoded with its own seed, as the released programs do: %d × "+
			"%d images; --encode-seed 0 encodes them once for all sets\n",
			so.Sets, so.Train.Len())
	}
	result, err := compare.Compare(ctx, so)
	if so.SeedEncodes && errors.Is(err, stage.ErrOther) {
		return fail(exitOutput, "use another --out; --encode-seed 0 goes on with one encoding for all sets, as "+
			"earlier versions had it", err)
	}
	if err != nil {
		return err
	}
	return e.showComparison(ctx, so, result)
}

// resolve completes the flags and refuses those that make no comparison.
func (c *compareOptions) resolve(o *options) error {
	if o.data.Path == sets.Glyphs && o.data.Split == "" {
		o.data.Split = "train"
	}
	if c.test == "" {
		c.test = o.data.Path
	}
	if c.test == sets.Glyphs && c.testSplit == "" {
		c.testSplit = "test"
	}
	if c.test == o.data.Path && c.testSplit == o.data.Split {
		return errors.New("the networks would be tested on the images that the sets are made of: give --test " +
			"another set, or --test-split another split")
	}
	if c.protocol != "hard" && c.protocol != "quick" {
		return fmt.Errorf("--protocol is %q, want hard or quick", c.protocol)
	}
	if err := evaluate.CheckNames(c.nets); err != nil {
		return err
	}
	if len(c.ipcs) == 0 {
		return errors.New("--ipc is empty, want at least one number")
	}
	o.modes.settings.IPC = c.ipcs[0] // every set has its own
	return nil
}

// openTest opens the images to test on.
func (c *compareOptions) openTest(ctx context.Context, e *env, o *options) (*dataset.Set, error) {
	test := o.data.imageFlags
	test.Path, test.Split, test.Limit = c.test, c.testSplit, c.testLimit
	return test.open(ctx, e)
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
