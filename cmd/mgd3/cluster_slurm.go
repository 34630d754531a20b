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

func (e *env) clusterSlurmCmd() *cobra.Command {
	var o clusterOptions
	var s cluster.Slurm
	cmd := &cobra.Command{
		Use:   "slurm --data SET --model DIR --out DIR",
		Short: "Submit a run to Slurm as dependent array jobs",
		Long: `Submits encode, modes, sample and merge to Slurm, and the trainings of networks on the set with
--test. A task waits only for what it needs. At its limit of time, when it is preempted, or when
its node dies, a task is queued again and goes on. The same command again submits what is missing
and not in the queue.

All nodes and this machine must see the same files. OUT/cluster has scripts, records and logs. The
set and OUT may be in a bucket: tasks take the credentials from the environment that sbatch hands
on, and logs are in a folder of the jobs' name here.`,
		Example: `  # ImageNet at 50 images per class, on GPUs, eight at a time, in tasks of an hour
  mgd3 cluster slurm --preset mgd3 --data imagenet --split train --model dit-xl-2-256 --vae sd-vae-ft-mse --ipc 50 \
    --out in1k-50 --backend xla:cuda --gres gpu:1 --partition gpu --account lab --parallel 8 --encode-each 20ms \
    --sample-each 1.7s

  # what would be submitted?
  mgd3 cluster slurm --data pets.zip --model pets-model --out pets-10 --tasks 10 --time 1h --print

  # with three networks trained on the set, three times each
  mgd3 cluster slurm --data pets.zip --split train --model pets-model --out pets-10 --tasks 10 --time 1h \
    --test pets.zip --test-split test --net convnet3,resnet18,resnetap10 --repeat 3

  # how does it go on? no more of it, please
  mgd3 cluster status pets-10
  mgd3 cluster cancel pets-10`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.clusterSlurm(cmd.Context(), &o, s) },
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
	case err != nil && fresh > 0:
		return fail(exitScheduler, `the same command goes on from here; "mgd3 cluster cancel" takes back what was `+
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

func (e *env) clusterStatusCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "status OUT",
		Short: "Show how a run on a cluster goes on, from its files alone",
		Long: `Shows the stages of a run, their tasks, how fast they are, the time left, and the last words of tasks
that failed. It reads OUT/cluster and asks no scheduler. The exit code is 0 whatever it shows.`,
		Example: `  mgd3 cluster status in1k-50`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := cluster.ReadStatus(args[0], time.Now())
			if err != nil {
				return err
			}
			return e.print(s, s.Text)
		},
	}
}

func (e *env) clusterCancelCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "cancel OUT",
		Short: "Take a run's jobs out of Slurm's queue, and stop those that run",
		Example: `  mgd3 cluster cancel in1k-50   # what is made stays; the command that submitted it ` +
			`goes on from there`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, err := cluster.ReadRun(args[0])
			if err != nil {
				return err
			}
			return cluster.Cancel(cmd.Context(), run, cluster.Execute)
		},
	}
}

func (e *env) clusterTaskCmd() *cobra.Command {
	var t cluster.Task
	var part opening.Part
	var requeue bool
	cmd := &cobra.Command{
		Use:   "task --record DIR --stage NAME --task I/N -- COMMAND...",
		Short: "Run one task, and keep a record of it: what the jobs run",
		Long: `Runs a command of mgd3, keeps how it goes on in DIR, and ends with its exit code. Under Slurm a task
that was stopped or failed, and may yet succeed, is queued again.`,
		Example: `  mgd3 cluster task --record pets-10/cluster/sample --stage sample --task 3/10 -- \
    sample --model pets-model --out pets-10 --shard 3/10 --json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if t.Shard, err = part.Shard(os.Getenv, e.sayText); err != nil {
				return err
			}
			t.Args = args
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
