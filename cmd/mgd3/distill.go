package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"mgd3/distill"
	"mgd3/export"
	"mgd3/internal/cli"
	"mgd3/internal/terminal"
	"mgd3/stage"
	"mgd3/store"
)

// distillCmd is "mgd3 distill", the three stages below in one process. A run that was stopped, by whichever of the four
// commands, is continued by the same one or by distill.
func (e *env) distillCmd() *cobra.Command {
	o := &options{data: &dataFlags{}, networks: &networkFlags{}, modes: &modeFlags{}, sampling: &samplingFlags{}}
	cmd := &cobra.Command{
		Use:   "distill --data SET --model DIR --out DIR",
		Short: "Make a distilled set: encode, find modes, sample, decode",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e.stages = distill.Stages
			if err := o.run.part.CheckExport(export.Format(o.run.format), o.run.out); err != nil {
				return err
			}
			if o.run.devices != "" && !o.run.dryRun {
				if err := e.finishOn(cmd, o); err != nil {
					return err
				}
				// the processes of the devices had the lock, and it went with them
				unlock, err := stage.LockReading(o.run.out)
				if err != nil {
					return fail(exitOutput, "", err)
				}
				defer unlock()
				return e.exportFinished(cmd.Context(), o)
			}
			return e.distill(cmd.Context(), o)
		},
	}
	o.flags = cmd.Flags()
	o.presetFlag()
	o.data.add(o.flags)
	o.networks.add(o.flags)
	o.modes.add(o.flags)
	o.sampling.add(o.flags)
	// behind sampling.add, whose flags it changes
	(&autoFlags{}).add(o.flags, o.sampling)
	o.run.add(o.flags)
	o.run.wholeFlags(o.flags)
	cli.First(cmd, "data", "split", "classes", "model", "out", "ipc", "preset", "seed", "dry-run")
	cli.Require(cmd, "data", "out")
	return cmd
}

// encodeCmd is "mgd3 encode": latents [N, c, h, w] of each class below --out or --latents.
func (e *env) encodeCmd() *cobra.Command {
	o := &options{data: &dataFlags{}, networks: &networkFlags{}}
	cmd := &cobra.Command{
		Use:   "encode --data SET --model DIR --out DIR",
		Short: "Write the latents of the real images (first stage of distill)",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.run.devices != "" {
				return e.onDevices(cmd.Context(), o, cmd)
			}
			return e.stage(cmd.Context(), o, (*distill.Run).Encode)
		},
	}
	o.flags = cmd.Flags()
	o.presetFlag()
	o.data.add(o.flags)
	o.networks.add(o.flags)
	o.run.add(o.flags)
	cli.First(cmd, "data", "split", "classes", "model", "out", "preset")
	cli.Require(cmd, "data", "out")
	return cmd
}

// modesCmd is "mgd3 modes": centres [K, D] of each class, and the sizes of the clusters. It needs no network, and so
// has no --devices.
func (e *env) modesCmd() *cobra.Command {
	o := &options{modes: &modeFlags{}}
	cmd := &cobra.Command{
		Use:   "modes --out DIR",
		Short: "Find the modes of each class's latents (second stage of distill)",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.stage(cmd.Context(), o, func(r *distill.Run, ctx context.Context) error {
				if err := r.Discover(ctx); err != nil {
					return err
				}
				m, err := distill.ReadClusterSizes(r.Out)
				if err != nil {
					return err
				}
				return e.show(m, func(w io.Writer) error { return terminal.WriteModes(w, m) })
			})
		},
	}
	o.flags = cmd.Flags()
	o.presetFlag()
	o.modes.add(o.flags)
	o.run.folderFlags(o.flags)
	o.run.shardFlag(o.flags)
	cli.First(cmd, "out", "ipc", "cluster", "preset")
	cli.Require(cmd, "out")
	return cmd
}

// sampleCmd is "mgd3 sample": one image for each mode, and, once all shards are done, the manifest.
func (e *env) sampleCmd() *cobra.Command {
	o := &options{networks: &networkFlags{}, sampling: &samplingFlags{}}
	cmd := &cobra.Command{
		Use:   "sample --model DIR --out DIR",
		Short: "Sample and decode one image per mode (third stage of distill)",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.run.devices != "" {
				return e.finishOn(cmd, o)
			}
			return e.stage(cmd.Context(), o, func(r *distill.Run, ctx context.Context) error {
				m, err := r.SampleAll(ctx)
				if err != nil {
					return err
				}
				return e.summary(ctx, r.Out, m)
			})
		},
	}
	o.flags = cmd.Flags()
	o.presetFlag()
	o.networks.add(o.flags)
	o.sampling.add(o.flags)
	o.run.add(o.flags)
	cli.First(cmd, "model", "out", "seed", "preset")
	cli.Require(cmd, "out")
	return cmd
}

// stage runs one stage alone.
func (e *env) stage(ctx context.Context, o *options, do func(*distill.Run, context.Context) error) error {
	// made by an earlier stage, and never by a typing error
	if _, err := store.Stat(o.run.out); err != nil && o.data == nil {
		return fail(exitInput, `--out is the folder that "mgd3 encode" wrote to; "mgd3 distill" runs all stages`, err)
	}
	r, err := e.open(ctx, o)
	if err != nil {
		return err
	}
	defer r.Close()
	r.WarnOfSampling()
	return do(r.Run, ctx)
}

// finishOn runs the command on the devices of --devices, and puts together what they made. The manifest is nil, and
// there is no error, where shards on other machines are at work still.
func (e *env) finishOn(cmd *cobra.Command, o *options) error {
	if err := e.onDevices(cmd.Context(), o, cmd); err != nil {
		return err
	}
	m, err := distill.Finish(o.run.out)
	if err != nil {
		return err
	}
	return e.summary(cmd.Context(), o.run.out, m)
}

// distill runs all stages, or says what they would do.
func (e *env) distill(ctx context.Context, o *options) error {
	r, err := e.open(ctx, o)
	if err != nil {
		return err
	}
	defer r.Close()
	r.WarnOfSampling()
	// after opening: an estimate needs the networks and the number of images
	if o.run.dryRun && o.sampling.auto.chooses() {
		return fail(exitUsage, "give a value to plan with", errors.New("--dry-run makes no sets to choose by"))
	}
	if o.run.dryRun {
		plan, err := r.Plan(ctx)
		if err != nil {
			return err
		}
		return e.print(plan, func(w io.Writer) error { return terminal.WritePlan(w, plan, o.seedEncodes) })
	}
	// the time of the work, without the opening of files
	start := time.Now()
	if err := e.chooseAuto(ctx, o, r); err != nil {
		return err
	}
	m, err := r.Do(ctx)
	if err != nil {
		return err
	}
	if err := e.summary(ctx, o.run.out, m); err != nil {
		return err
	}
	// under the lock of the run, so that nobody changes what is exported
	if err := e.exportFinished(ctx, o); err != nil {
		return err
	}
	if !e.quiet && !e.json {
		if o.preset != "" {
			fmt.Fprintf(e.stdout, "preset           %s\n", o.departures(r.Settings))
		}
		for _, choice := range r.Choices {
			fmt.Fprintf(e.stdout, "%v\n", choice)
		}
		fmt.Fprintf(e.stdout, "time             %v\n", time.Since(start).Round(time.Second))
	}
	return nil
}
