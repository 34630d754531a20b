package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"mgd3/cluster"
	"mgd3/internal/cli"
	"mgd3/store"
)

// clusterKubernetesCmd is "mgd3 cluster kubernetes". It measures no image and opens no set, since both are seen in the
// cluster only: so --tasks must be given.
func (e *env) clusterKubernetesCmd() *cobra.Command {
	var o clusterOptions
	var k cluster.Kubernetes
	var volumes []string
	var apply, wait bool
	cmd := &cobra.Command{
		Use:   "kubernetes --data SET --model DIR --out DIR --tasks N --image IMAGE [--volume CLAIM:/PATH]",
		Short: "Write a run as Indexed Jobs of Kubernetes, or apply them",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, text := range volumes {
				v, err := cluster.ParseVolume(text)
				if err != nil {
					return fail(exitUsage, "", err)
				}
				k.Volumes = append(k.Volumes, v)
			}
			return e.clusterKubernetes(cmd.Context(), &o, k, apply, wait)
		},
	}
	f := cmd.Flags()
	f.StringVar(&k.Image, "image", "", "the container `IMAGE` with mgd3 as its entry point")
	f.StringArrayVar(&volumes, "volume", nil,
		"mount a claim or a folder of the node, `CLAIM:/PATH` or /FOLDER:/PATH, perhaps with :ro; may be given "+
			"several times")
	f.StringVar(&k.Name, "name", "", "`NAME` of the Jobs; default mgd3- and the last part of --out")
	f.StringVar(&k.Namespace, "namespace", "", "`NAMESPACE` of the Jobs; default that of kubectl")
	f.StringVar(&k.CPU, "cpu", "", "cores of a task, `QUANTITY`")
	f.StringVar(&k.Memory, "memory", "", "memory of a task, `QUANTITY` such as 32Gi")
	f.IntVar(&k.GPUs, "gpus", 0, "GPUs of tasks with networks")
	f.StringVar(&k.GPU, "gpu-resource", "nvidia.com/gpu", "the `NAME` of that resource")
	f.StringToStringVar(&k.Selector, "node-selector", nil, "labels that nodes must have, `LABEL=VALUE` with commas")
	f.StringVar(&k.Queue, "queue", "", "Kueue's local `QUEUE`")
	f.StringVar(&k.Account, "service-account", "",
		"`ACCOUNT` of the tasks, to which a cloud may give credentials of its buckets")
	f.StringArrayVar(&k.Secrets, "secret", nil,
		"a `SECRET` whose keys are variables of the tasks, AWS_ACCESS_KEY_ID say; may be given several times")
	f.StringVar(&k.Scratch, "scratch", "", "the most that the temporary files of a task may have, `QUANTITY` such as "+
		"8Gi; default 8Gi where something is in a bucket, else they are in the image's own /tmp")
	f.IntVar(&k.Parallel, "parallel", 0, "run at most `N` tasks of a Job at once; 0 runs all")
	f.BoolVar(&apply, "apply", false, "apply the next Job by kubectl in place of writing all")
	f.BoolVar(&wait, "wait", false, "with --apply, go on until all are complete")
	cli.Heading(f, "Kubernetes")
	f.IntVar(&o.cut.Tasks, "tasks", 0, "cut distill into `N` tasks")
	f.IntVar(&o.retries, "retries", 3, "tries of a task after the first one, besides those after which no try helps")
	cli.Heading(f, "Tasks")
	o.runFlags(cmd)
	cli.First(cmd, "data", "split", "model", "out", "ipc", "preset", "tasks", "image", "volume", "gpus", "apply")
	cli.Require(cmd, "tasks", "image")
	return cmd
}

// clusterKubernetes writes all Jobs, or has kubectl apply one, or one after the other. Jobs of Kubernetes cannot wait
// for each other as Slurm's do.
func (e *env) clusterKubernetes(ctx context.Context, o *clusterOptions, k cluster.Kubernetes, apply, wait bool) error {
	if k.Name == "" {
		k.Name = cluster.JobName(o.run.out)
	}
	k.Retries = o.retries
	// With a bucket, a task keeps the class that it encodes on its own disk for a while.
	if k.Scratch == "" && store.Used() {
		k.Scratch = "8Gi"
	}
	if err := k.Check(o.run.out); err != nil {
		return fail(exitUsage, "", err)
	}
	r, err := o.request(e)
	if err != nil {
		return err
	}
	stages, err := cluster.PlanJobs(o.cut.Tasks, r.Trainings(), r.Commands())
	if err != nil {
		return fail(exitUsage, "", err)
	}
	told := func(line string) {
		if !e.quiet {
			fmt.Fprintln(e.stdout, line)
		}
	}
	switch {
	case !apply:
		return k.Jobs(e.stdout, r.Out, stages)
	case wait:
		return k.ApplyAll(ctx, r.Out, stages, cluster.Execute, told)
	}
	all, err := k.Apply(ctx, r.Out, stages, cluster.Execute, told)
	if err == nil && !all {
		e.say("the same command again applies the next Job when this one is complete; --wait does so")
	}
	return err
}
