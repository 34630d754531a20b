package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"mgd3/internal/devices"
	"mgd3/stage"
)

// --devices: see package devices.

// onDevices runs the command once for each device of --devices, and returns the first error.
func (e *env) onDevices(ctx context.Context, o *options, cmd *cobra.Command) error {
	list, err := devices.Parse(o.run.devices, os.Getenv(devices.Visible))
	if err != nil {
		return fail(exitUsage, "", err)
	}
	shard, err := o.run.part(e)
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	args := sameFlags(cmd)
	all := devices.NewJoint(len(list), e.progress().Event)
	group, inner := errgroup.WithContext(ctx)
	for i, device := range list {
		w := devices.Worker{Device: device, Shard: stage.Shard{Index: shard.Index*len(list) + i, Count: shard.Count * len(list)}}
		group.Go(func() error {
			c := exec.CommandContext(inner, program)
			c.Args = slices.Concat([]string{os.Args[0], cmd.Name()}, args, []string{"--shard=" + w.Shard.String(), "--json"})
			c.Env = append(os.Environ(), devices.Visible+"="+device)
			if !isXLA(e.backend) && os.Getenv("GOMAXPROCS") == "" {
				c.Env = append(c.Env, fmt.Sprintf("GOMAXPROCS=%d", max(1, runtime.GOMAXPROCS(0)/len(list))))
			}
			err := w.Run(inner, c, func(event stage.Event) { all.Event(i, event) })
			var f *devices.Failure
			if errors.As(err, &f) {
				return fail(f.Code, f.Hint, err)
			}
			return err
		})
	}
	err = group.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// sameFlags are the flags that the command was given, less those that its processes get their own of.
func sameFlags(cmd *cobra.Command) []string {
	var args []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if !slices.Contains([]string{"devices", "shard", "json", "quiet", "format"}, f.Name) {
			args = append(args, "--"+f.Name+"="+f.Value.String())
		}
	})
	return args
}
