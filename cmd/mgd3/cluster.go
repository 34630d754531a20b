package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mgd3/cluster"
	"mgd3/distill"
	"mgd3/encode"
	"mgd3/evaluate"
	"mgd3/internal/cli"
)

func (e *env) clusterCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Run distill as jobs of Slurm or Kubernetes, and watch them",
		Long: `Describes a run to the scheduler of a cluster: as dependent array jobs to Slurm, as Indexed Jobs
to Kubernetes. Whatever kills a task, another try goes on from there, with the same bytes. The same
command again submits only what is missing. docs/cluster.md goes from nothing to ImageNet.`,
	}
	cmd.AddCommand(e.clusterSlurmCmd(), e.clusterKubernetesCmd(), e.clusterStatusCmd(), e.clusterCancelCmd(),
		e.clusterTaskCmd())
	return cmd
}

// clusterOptions are the flags of a run on a cluster.
type clusterOptions struct {
	options
	work cluster.Work // the times alone
	cut  cluster.Cut

	test, testSplit, protocol string // of the evaluation; without test there is none
	nets                      []string
	changes                   []string // of the protocol, NAME=VALUE
	repeat                    int
	print                     bool
	retries                   int
}

// add defines the flags of a run whose images are seen where it is submitted.
func (o *clusterOptions) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&o.cut.Tasks, "tasks", 0, "tasks of encode and sample `N`; 0 takes as many as make a task last --aim")
	f.DurationVar(&o.cut.Aim, "aim", time.Hour, "how long a task of the longest stage should last, `TIME`")
	f.DurationVar(&o.work.EncodeEach, "encode-each", 0,
		"the `TIME` that encoding one image takes where tasks run, 20ms say; 0 measures it on this machine")
	f.DurationVar(&o.work.SampleEach, "sample-each", 0,
		"the `TIME` that sampling one image takes where tasks run, 1.7s say; 0 measures it on this machine")
	f.DurationVar(&o.cut.Limit, "time", 0, "the scheduler stops a task after `TIME`; 0 is twice the estimate and 10m")
	f.IntVar(&o.retries, "retries", 3, "a task is given up when it failed so many more times in a row and made nothing")
	f.BoolVar(&o.print, "print", false, "print what would be submitted, and submit nothing")
	cli.Heading(f, "Tasks")
	o.runFlags(cmd)
}

// runFlags are those of the run itself, and of its evaluation.
func (o *clusterOptions) runFlags(cmd *cobra.Command) {
	o.flags = cmd.Flags()
	o.data, o.networks, o.modes, o.sampling = &dataFlags{}, &networkFlags{}, &modeFlags{}, &samplingFlags{}
	f := o.flags
	f.StringVar(&o.test, "test", "", "train networks on the finished set and test them on `SET`")
	f.StringVar(&o.testSplit, "test-split", "", "the `NAME` of the sub-folder to take of --test")
	f.StringSliceVar(&o.nets, "net", []string{"convnet3"}, "`NETS` to train, as for \"mgd3 evaluate\"")
	f.StringVar(&o.protocol, "protocol", "quick", "`PROTOCOL` of the trainings")
	f.StringArrayVar(&o.changes, "change", nil,
		"change of the protocol, `NAME=VALUE` of a flag of \"mgd3 evaluate\"; may be given several times")
	f.IntVar(&o.repeat, "repeat", 1, "trainings of each network")
	cli.Heading(f, "Evaluation")
	o.presetFlag()
	o.data.add(f)
	o.networks.add(f)
	o.modes.add(f)
	o.sampling.add(f)
	o.run.folderFlags(f)
	cli.Require(cmd, "data", "out")
}

// check resolves the settings, and finds what is wrong with them.
func (o *clusterOptions) check() error {
	if err := o.resolve(); err != nil {
		return err
	}
	if o.repeat < 1 {
		return fail(exitUsage, "", fmt.Errorf("--repeat is %d, want at least 1", o.repeat))
	}
	for _, change := range o.changes {
		if name, _, ok := strings.Cut(change, "="); !ok || !slices.Contains(evaluate.Settings(), name) {
			return fail(exitUsage, "", fmt.Errorf("--change is %q, want one of %s, with = and a value", change,
				strings.Join(evaluate.Settings(), ", ")))
		}
	}
	return nil
}

// planned is a run cut into stages, and what of it is missing.
type planned struct {
	stages  []cluster.Stage
	missing map[string][]int
	program string
	dir     string
}

// plan counts what there is to do, and cuts it.
func (e *env) plan(ctx context.Context, o *clusterOptions,
	cut func(cluster.Work, cluster.Cut, cluster.Commands) ([]cluster.Stage, error)) (*planned, error) {
	o.run.dryRun = true // nothing is written before all is known
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.seedEncodes && o.run.latents != "" {
		o.run.latents = encode.SeedDir(o.run.latents, o.settings.Encode.Seed, false)
	}
	layout, err := e.count(ctx, o)
	if err != nil {
		return nil, err
	}
	stages, err := cut(o.work, o.cut, o.commands(e))
	if err != nil {
		return nil, fail(exitUsage, "--tasks N says how many; --encode-each and --sample-each say how long an image "+
			"takes", err)
	}
	p := &planned{stages: stages}
	if p.missing, err = cluster.Needed(layout, stages); err != nil {
		return nil, err
	}
	if p.program, err = os.Executable(); err != nil {
		return nil, err
	}
	p.dir, err = os.Getwd()
	return p, err
}

// count fills in the work, and measures the times that are needed and not given.
func (e *env) count(ctx context.Context, o *clusterOptions) (cluster.Layout, error) {
	set, err := o.data.open(ctx, e)
	if err != nil {
		return cluster.Layout{}, err
	}
	defer set.Close()
	l := cluster.Layout{Out: o.run.out, Latents: o.run.latents, Classes: set.ClassNames(), Images: o.settings.Modes.IPC,
		Set: setName, Repeat: o.repeat}
	if l.Latents == "" {
		l.Latents = distill.LatentsDir(o.run.out)
	}
	w := &o.work
	w.Classes, w.Synthetic = len(set.Classes), len(set.Classes)*o.settings.Modes.IPC
	for _, class := range set.Classes {
		w.Real += len(class.Images)
	}
	if o.test != "" {
		l.Nets, w.Trainings = o.nets, len(o.nets)*o.repeat
	}
	if o.cut.Tasks > 0 && o.cut.Limit > 0 || w.EncodeEach > 0 && w.SampleEach > 0 {
		return l, nil
	}
	return l, e.measureImage(ctx, o)
}

// measureImage takes the times of one image on this machine, where they are not given.
func (e *env) measureImage(ctx context.Context, o *clusterOptions) error {
	e.say("the time of one image is measured on this machine; --encode-each and --sample-each give that of another")
	r, err := e.open(ctx, &o.options)
	if err != nil {
		return fail(exitFailed, "with --tasks and --time nothing is measured here", err)
	}
	defer r.Close()
	p, err := r.Plan(ctx)
	if err != nil {
		return err
	}
	if o.work.EncodeEach == 0 {
		o.work.EncodeEach = p.EncodeEach
	}
	if o.work.SampleEach == 0 {
		o.work.SampleEach = time.Duration(p.Steps)*p.StepEach + p.DecodeEach
	}
	return nil
}

// setName is what the distilled set is called in its evaluation.
const setName = "distilled"

// commands are the command lines of the stages: to each what it knows of the flags that were given.
func (o *clusterOptions) commands(e *env) cluster.Commands {
	given := func(cmd *cobra.Command, but ...string) []string {
		args := []string{cmd.Name()}
		own := append(but, "json", "quiet", "latents", "ipc", "seed", "net")
		o.flags.Visit(func(f *pflag.Flag) {
			known := cmd.Flags().Lookup(f.Name) != nil || cmd.InheritedFlags().Lookup(f.Name) != nil
			if known && !slices.Contains(own, f.Name) {
				args = append(args, "--"+f.Name+"="+f.Value.String())
			}
		})
		return append(args, "--json")
	}
	run := func(cmd *cobra.Command) []string {
		args := given(cmd)
		for _, name := range []string{"ipc", "seed"} {
			if f := o.flags.Lookup(name); cmd.Flags().Lookup(name) != nil && f.Changed {
				args = append(args, "--"+name+"="+f.Value.String())
			}
		}
		if o.run.latents != "" && cmd.Flags().Lookup("latents") != nil {
			args = append(args, "--latents="+o.run.latents)
		}
		return args
	}
	root := e.root() // so that the commands know the flags of all
	find := func(name string) *cobra.Command {
		cmd, _, err := root.Find([]string{name})
		if err != nil {
			panic(err) // a command of that name is missing in root.go
		}
		return cmd
	}
	c := cluster.Commands{Encode: run(find("encode")), Modes: run(find("modes")), Sample: run(find("sample")),
		Distill: run(find("distill")), Merge: run(find("merge"))}
	if o.seedEncodes {
		c.Encode = append(c.Encode, fmt.Sprintf("--encode-seed=%d", o.settings.Encode.Seed))
	}
	if o.test != "" {
		c.Evaluate = []string{"evaluate", "--train=" + setName + "=" + o.run.out}
		c.Evaluate = append(c.Evaluate, given(find("evaluate"), "out")[1:]...)
		for _, change := range o.changes {
			c.Evaluate = append(c.Evaluate, "--"+change)
		}
		c.Evaluate = append(c.Evaluate, "--net="+strings.Join(o.nets, ","), "--out="+cluster.EvaluationDir(o.run.out))
	}
	return c
}
