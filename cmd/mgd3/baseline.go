package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"mgd3/baseline"
	"mgd3/distill"
	"mgd3/internal/cli"
	"mgd3/internal/words"
)

// baselineCmd is "mgd3 baseline": one set, by one method. "mgd3 compare" makes all of them, with several seeds.
func (e *env) baselineCmd() *cobra.Command {
	o := &options{data: &dataFlags{}, networks: &networkFlags{}, modes: &modeFlags{}, sampling: &samplingFlags{}}
	var method string
	cmd := &cobra.Command{
		Use:   "baseline --data SET --model DIR --method NAME --out DIR",
		Short: "Make a set that a distilled one must be better than: real images, or the model unguided",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.baseline(cmd.Context(), o, method)
		},
	}
	o.flags = cmd.Flags()
	o.presetFlag()
	o.flags.StringVar(&method, "method", "", "`NAME` of the way: "+words.List(baseline.Makes))
	o.data.add(o.flags)
	o.networks.add(o.flags)
	o.modes.add(o.flags)
	o.sampling.add(o.flags)
	o.run.folderFlags(o.flags)
	cli.First(cmd, "data", "split", "model", "method", "out", "ipc", "seed", "preset")
	cli.Require(cmd, "data", "method", "out")
	return cmd
}

func (e *env) baseline(ctx context.Context, o *options, name string) error {
	// full is a method of a comparison, but there is nothing to make: it is all real images.
	methods, err := baseline.ParseMethods(name)
	if err != nil || len(methods) != 1 || methods[0] == baseline.Full {
		return fail(exitUsage, "", &baseline.MethodError{Name: name, Have: baseline.Makes})
	}
	if n := o.networks; methods[0] == baseline.Random && n.model == "" && n.Denoiser == "" && n.Autoencoder == "" {
		if o.data.encode.Size == 0 {
			return fail(exitUsage, "random needs no model, but the side of its images, as in --size 256; with --model "+
				"it is the model's", errors.New("missing --size, or --model"))
		}
		o.networks = nil
	}
	if err := baseline.CheckFeatures(methods, o.modes.features); err != nil {
		return fail(exitUsage, "", err)
	}
	o.sampling.teacher.Asked = methods[0].AsksTeacher()
	r, err := e.open(ctx, o)
	if err != nil {
		return err
	}
	defer r.Close()
	if methods[0].Sampled() {
		r.WarnOfSampling()
	}
	set := baseline.ID{Method: methods[0], IPC: o.settings.Modes.IPC, Seed: o.settings.Sample.Seed}
	// the maker has what several sets share: latents are made once
	m := r.Maker()
	if err := m.MakeAt(ctx, set, o.run.out); err != nil {
		return err
	}
	return e.show(struct {
		Out    string          `json:"out"`
		Method baseline.Method `json:"method"`
	}{o.run.out, methods[0]}, func(w io.Writer) error {
		n := len(r.Data.Classes)
		_, err := fmt.Fprintf(w, "%-16s %s: %d images of %d classes\n", methods[0], distill.ImagesDir(o.run.out),
			n*o.settings.Modes.IPC, n)
		return err
	})
}
