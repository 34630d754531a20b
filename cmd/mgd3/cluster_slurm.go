package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"mgd3/cluster"
	"mgd3/internal/cli"
	"mgd3/internal/opening"
	"mgd3/store"
)

// clusterSlurmCmd is "mgd3 cluster slurm". What sbatch has a flag for and we have not goes through --sbatch.
func (e *env) clusterSlurmCmd() *cobra.Command {
	var o clusterOptions
	var s cluster.Slurm
	cmd := &cobra.Command{
		Use:   "slurm --data SET --model DIR --out DIR",
		Short: "Submit a run to Slurm as dependent array jobs",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return e.clusterSlurm(cmd.Context(), &o, s) },
	}
	f := cmd.Flags()
	f.StringVar(&s.Partition, "partition", "", "`PARTITION` of the jobs")
	f.StringVar(&s.Account, "account", "", "`ACCOUNT` that they are charged to")
	f.StringVar(&s.QOS, "qos", "", "`QOS` of the jobs")
	f.StringVar(&s.Constraint, "constraint", "", "`FEATURES` that nodes must have")
	f.StringVar(&s.GRES, "gres", "", "`RESOURCES` of tasks with networks, gpu:1 say")
	f.IntVar(&s.CPUs, "cpus", 0, "cores of a task; 0 is what the cluster gives")
	f.StringVar(&s.Mem, "mem", "", "memory of a task, `SIZE` as sbatch takes it, 32G say")
	f.IntVar(&s.Parallel, "parallel", 0, "run at most `N` tasks of a stage at once; 0 is as many as fit")
	f.DurationVar(&s.Grace, "grace", 2*time.Minute, "`TIME` before its limit at which a task is told to stop")
	f.StringArrayVar(&s.Extra, "sbatch", nil,
		"a further `OPTION` for sbatch, --exclude=node3 say; may be given several times")
	cli.Heading(f, "Slurm")
	o.add(cmd)
	cli.First(cmd, "data", "split", "classes", "model", "out", "ipc", "preset", "tasks", "time", "gres", "partition",
		"print")
	return cmd
}

// clusterSlurm counts what is missing, and submits it. Whoever calls it again submits nothing twice: done tasks are
// found by their files, and those in the queue are left there.
func (e *env) clusterSlurm(ctx context.Context, o *clusterOptions, s cluster.Slurm) error {
	if err := s.Check(); err != nil {
		return fail(exitUsage, "", err)
	}
	stages, missing, err := e.plan(ctx, o)
	if err != nil {
		return err
	}
	s.Retries = o.retries
	if err := s.Here(o.run.out); err != nil {
		return err
	}
	if o.print {
		return s.Print(e.stdout, o.run.out, stages, missing)
	}
	fresh, queued, err := s.Start(ctx, o.run.out, stages, missing, cluster.Execute, func(j cluster.Submission) {
		_ = e.show(j, j.Text) // a lost line is an error at the end
	})
	switch {
	// some jobs are in the queue, and those after them are not
	case err != nil && fresh > 0:
		return fail(exitScheduler, `the same command continues from here; "mgd3 cluster cancel" takes back what was `+
			`submitted`, err)
	case err != nil:
		return err
	case e.quiet || e.json:
	case queued > 0:
		fmt.Fprintf(e.stdout, "in the queue     %d tasks of before\n", queued)
	case fresh == 0:
		fmt.Fprintf(e.stdout, "%s is complete: there is nothing to submit\n", o.run.out)
	}
	if fresh > 0 && !e.quiet && !e.json {
		fmt.Fprintf(e.stdout, "watch it         mgd3 cluster status %s\n", store.Address(o.run.out))
	}
	return nil
}

// clusterStatusCmd is "mgd3 cluster status". It reads records of the tasks, and so works where no scheduler does.
func (e *env) clusterStatusCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "status OUT",
		Short: "Show how a run on a cluster goes on, from its files alone",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := cluster.ReadStatus(args[0], time.Now())
			if err != nil {
				return err
			}
			return e.print(s, s.Text)
		},
	}
}

// clusterCancelCmd is "mgd3 cluster cancel". Nothing that is made is deleted.
func (e *env) clusterCancelCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "cancel OUT",
		Short: "Take a run's jobs out of Slurm's queue, and stop those that run",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, err := cluster.ReadRun(args[0])
			if err != nil {
				return err
			}
			return cluster.Cancel(cmd.Context(), run, cluster.Execute)
		},
	}
}

// clusterTaskCmd is "mgd3 cluster task", which people need not call: jobs run it around the command of a stage.
func (e *env) clusterTaskCmd() *cobra.Command {
	var t cluster.Task
	var part opening.Part
	var requeue bool
	cmd := &cobra.Command{
		Use:   "task --record DIR --stage NAME --task I/N -- COMMAND...",
		Short: "Run one task, and keep a record of it: what the jobs run",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if t.Shard, err = part.Shard(os.Getenv, e.sayText); err != nil {
				return err
			}
			t.Args = args
			// this very file, and not what the PATH of the node has under the name
			if t.Program, err = os.Executable(); err != nil {
				return err
			}
			t.Job, t.Log, t.Patience = os.Getenv("SLURM_JOB_ID"), e.stderr, patience
			if requeue {
				t.Requeue = cluster.Execute
			}
			err = t.RunQueued(cmd.Context())
			var ended cluster.Ended
			if errors.As(err, &ended) {
				// The scheduler sees the exit code of the command, by which it may try again or not
				// (docs/exit-codes.md).
				return fail(int(ended), "", err)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&t.Dir, "record", "", "keep the record in `DIR`")
	f.StringVar(&t.Stage, "stage", "", "the `NAME` of the stage")
	f.StringVar(&part.Text, "task", "",
		"the task is `I/N`, counted from 0; auto takes it from the environment as --shard "+
			"does")
	f.IntVar(&t.Retries, "retries", 3, "attempts in a row that may fail and make nothing, before it is given up")
	f.BoolVar(&requeue, "requeue", false, "ask Slurm to queue the task again where another try may help")
	cli.Require(cmd, "record", "stage", "task")
	return cmd
}
