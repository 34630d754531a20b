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

	"mgd3/internal/devices"
	"mgd3/store"
)

// --devices: see package devices.

// onDevices runs the command once for each device of --devices, and returns the first error.
func (e *env) onDevices(ctx context.Context, o *options, cmd *cobra.Command) error {
	list, err := devices.Parse(o.run.devices, os.Getenv(devices.Visible))
	if err != nil {
		return fail(exitUsage, "", err)
	}
	// Several machines may each have several devices: the shard of this command is cut once more, a part for each
	// device.
	shard, any, err := o.run.shared(e)
	if err != nil {
		return err
	}
	// Processes and not goroutines: XLA takes a device, and most of its memory, for a process.
	program, err := os.Executable()
	if err != nil {
		return err
	}
	part := func(w devices.Worker) string { return w.Shard.String() }
	if any != nil { // each device is a worker of its own
		part = func(devices.Worker) string { return o.run.part.Text }
	}
	args := sameFlags(cmd)
	err = devices.RunAll(ctx, list, shard, func(ctx context.Context, w devices.Worker) *exec.Cmd {
		c := exec.CommandContext(ctx, program)
		// JSON, whatever was asked for here: the events of all are read, and shown as one progress
		c.Args = slices.Concat([]string{os.Args[0], cmd.Name()}, args,
			[]string{"--shard=" + part(w), "--json"})
		c.Env = append(os.Environ(), devices.Visible+"="+w.Device)
		// with the backend cpu they share the cores instead
		if !e.backend.IsXLA() && os.Getenv("GOMAXPROCS") == "" {
			c.Env = append(c.Env, fmt.Sprintf("GOMAXPROCS=%d", max(1, runtime.GOMAXPROCS(0)/len(list))))
		}
		return c
	}, e.progress().Event)
	var f *devices.Failure
	if errors.As(err, &f) {
		return fail(f.Code, f.Hint, err)
	}
	return err
}

// sameFlags are the flags that the command was given, less those that its processes get their own of.
func sameFlags(cmd *cobra.Command) []string {
	var args []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if !slices.Contains([]string{"devices", "shard", "json", "quiet", "format"}, f.Name) {
			// As addresses: by now flags hold paths that only this process knows as buckets.
			args = append(args, "--"+f.Name+"="+store.Again(f.Value.String()))
		}
	})
	return args
}
