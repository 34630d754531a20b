package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mgd3/cluster"
	"mgd3/internal/cli"
)

// clusterCmd is "mgd3 cluster". Its commands only cut, submit and watch: the tasks are the other commands of mgd3 with
// --shard, over one folder, and could be started by hand.
func (e *env) clusterCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Run distill as jobs of Slurm or Kubernetes, and watch them",
	}
	cmd.AddCommand(e.clusterSlurmCmd(), e.clusterKubernetesCmd(), e.clusterStatusCmd(), e.clusterCancelCmd(),
		e.clusterTaskCmd())
	return cmd
}

// clusterOptions are the flags of a run on a cluster.
type clusterOptions struct {
	// as distill has them: the tasks get those that were given
	options
	times      cluster.Times
	cut        cluster.Cut
	evaluation cluster.Evaluation
	print      bool
	retries    int
}

// add defines the flags of a run whose images are seen where it is submitted.
func (o *clusterOptions) add(cmd *cobra.Command) {
	f := cmd.Flags()
	// How many tasks there are follows from a time: a task should be long against its start, minutes, and short against
	// the queue's limit.
	f.IntVar(&o.cut.Tasks, "tasks", 0, "tasks of encode and sample `N`; 0 takes as many as make a task last --aim")
	f.DurationVar(&o.cut.Aim, "aim", time.Hour, "how long a task of the longest stage should last, `TIME`")
	f.DurationVar(&o.times.EncodeEach, "encode-each", 0,
		"the `TIME` that encoding one image takes where tasks run, 20ms say; 0 measures it on this machine")
	f.DurationVar(&o.times.SampleEach, "sample-each", 0,
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
	// All flags of distill are here, so that a mistake in them is found now and not by the first task in the queue.
	o.data, o.networks, o.modes, o.sampling = &dataFlags{}, &networkFlags{}, &modeFlags{}, &samplingFlags{}
	f, v := o.flags, &o.evaluation
	f.StringVar(&v.Test, "test", "", "train networks on the finished set and test them on `SET`")
	f.String("test-split", "", "the `NAME` of the sub-folder to take of --test")
	f.StringSliceVar(&v.Nets, "net", []string{"convnet3"}, "`NETS` to train, as for \"mgd3 evaluate\"")
	f.StringVar(&v.Protocol, "protocol", "quick", "`PROTOCOL` of the trainings")
	f.StringArrayVar(&v.Changes, "change", nil,
		"change of the protocol, or its teacher: `NAME=VALUE` of a flag of \"mgd3 evaluate\"; may be repeated")
	f.IntVar(&v.Repeat, "repeat", 1, "trainings of each network")
	cli.Heading(f, "Evaluation")
	o.presetFlag()
	o.data.add(f)
	o.networks.add(f)
	o.modes.add(f)
	o.sampling.add(f)
	o.run.folderFlags(f)
	cli.Require(cmd, "data", "out")
}

// request resolves the settings, and finds what is wrong with them.
func (o *clusterOptions) request(e *env) (cluster.Request, error) {
	if err := o.resolve(); err != nil {
		return cluster.Request{}, err
	}
	if err := o.sampling.teacher.Check(o.settings.Sample); err != nil { // now, and not by the first task
		return cluster.Request{}, fail(exitUsage, "", err)
	}
	// Each task is a line of "mgd3 STAGE", with those of the flags given here that the stage takes: what it takes is
	// asked of the commands themselves. They have an env of their own: defining flags sets what they set to defaults.
	root := (&env{}).root()
	r := cluster.Request{Out: o.run.out, Latents: o.run.latents, IPC: o.settings.Modes.IPC, Evaluation: o.evaluation,
		Takes: func(command, flag string) bool {
			cmd, _, err := root.Find([]string{command})
			return err == nil && (cmd.Flags().Lookup(flag) != nil || cmd.InheritedFlags().Lookup(flag) != nil)
		}}
	if o.seedEncodes {
		r.EncodeSeed = &o.settings.Encode.Seed
	}
	// Visit goes through flags that were given, by name: equal commands give equal scripts.
	o.flags.Visit(func(f *pflag.Flag) {
		r.Given = append(r.Given, cluster.Flag{Name: f.Name,
			Value: f.Value.String()})
	})
	return r, fail(exitUsage, "", r.Check())
}

// plan counts what there is to do, and cuts it into stages, of which some tasks are missing.
func (e *env) plan(ctx context.Context, o *clusterOptions) ([]cluster.Stage, map[string][]int, error) {
	o.run.dryRun = true // nothing is written before all is known
	r, err := o.request(e)
	if err != nil {
		return nil, nil, err
	}
	set, err := o.data.open(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	defer set.Close()
	// work is numbers of images; layout is where the files of each task will be, by which it is known what is done
	// already
	work, layout := r.Count(set)
	work.Times = o.times
	// with --tasks and --time given nothing hangs on how long an image takes
	if o.cut.Needs(o.times) {
		if work.Times, err = e.measureImage(ctx, o); err != nil {
			return nil, nil, err
		}
	}
	stages, err := cluster.Plan(work, o.cut, r.Commands())
	if err != nil {
		return nil, nil, fail(exitUsage, "--tasks N says how many; --encode-each and --sample-each say how long an "+
			"image takes", err)
	}
	missing, err := cluster.Needed(layout, stages)
	return stages, missing, err
}

// measureImage takes the times of one image on this machine, where they are not given.
func (e *env) measureImage(ctx context.Context, o *clusterOptions) (cluster.Times, error) {
	e.say("the time of one image is measured on this machine; --encode-each and --sample-each give that of another")
	r, err := e.open(ctx, &o.options)
	if err != nil {
		return o.times, fail(exitFailed, "with --tasks and --time nothing is measured here", err)
	}
	defer r.Close()
	return o.times.Measured(ctx, r.Run)
}
