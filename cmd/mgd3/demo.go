package main

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"mgd3/demo"
	"mgd3/encode"
	"mgd3/glyphs"
	"mgd3/internal/cli"
	"mgd3/internal/opening"
	"mgd3/sets"
)

// demoOptions are the flags of demo.
type demoOptions struct {
	run          options
	letters      string
	ipc          int
	images, test int // of a class
	epochs       int
}

// demoCmd is "mgd3 demo": the whole comparison on the images in the program. It has the flags of the sampler, to play
// with, and none of images, since the letters are drawn and not read.
func (e *env) demoCmd() *cobra.Command {
	o := demoOptions{run: options{networks: &networkFlags{}, modes: &modeFlags{}, sampling: &samplingFlags{}}}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show it all in two minutes, with images and a model that are in the program",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return e.demo(cmd.Context(), &o) },
	}
	f := cmd.Flags()
	o.run.flags = f
	f.StringVarP(&o.run.run.out, "out", "o", "mgd3-demo", "output `DIR`")
	f.StringVar(&o.letters, "letters", glyphs.Letters, "the classes")
	f.IntVar(&o.ipc, "ipc", 10, "images per class of the small sets")
	// small enough for two minutes on two cores, large enough that mgd3 is above random in the table
	f.IntVar(&o.images, "images", 1000, "real images per class, to find the modes among")
	f.IntVar(&o.test, "test-images", 200, "images per class to test on")
	f.IntVar(&o.epochs, "epochs", 100,
		"epochs of a training; 0 takes those of the protocol quick, 200 for 10 images per class")
	cli.Heading(f, "Demo")
	f.StringVar(&o.run.networks.model, "model", sets.Glyphs,
		"`DIR` of another model of the letters; glyphs is the one in the program")
	o.run.networks.batchFlag(f)
	o.run.modes.clusterFlags(f)
	o.run.sampling.ruleFlags(f)
	return cmd
}

func (e *env) demo(ctx context.Context, o *demoOptions) error {
	r, err := e.openDemo(ctx, o)
	if err != nil {
		return err
	}
	defer r.Close()
	test, err := glyphs.Open("test", glyphs.Options{Classes: r.Data.ClassNames(), PerClass: o.test})
	if err != nil {
		return fail(exitUsage, "", err)
	}
	d, err := demo.Run(ctx, demo.Options{Maker: r.Maker(), Test: test, IPC: o.ipc, Epochs: o.epochs,
		Report: e.progress().Comparison})
	if err != nil {
		return err
	}
	if err := d.Write(ctx, r.Out); err != nil {
		return fail(exitOutput, "", err)
	}
	return e.show(d.Comparison, func(w io.Writer) error { return d.Text(w, r.Out) })
}

// openDemo opens the model and the letters.
func (e *env) openDemo(ctx context.Context, o *demoOptions) (*opening.Run, error) {
	// in the place of the flags that demo has not
	o.run.settings.Encode = encode.Settings{Split: "train", Crop: encode.CropADM, Limit: o.images}
	o.run.modes.settings.IPC = max(1, o.ipc)
	letters := glyphs.Options{Classes: strings.Split(o.letters, ""), PerClass: o.images}
	set, err := glyphs.Open("train", letters)
	if err != nil {
		return nil, fail(exitUsage, `"mgd3 demo --help" lists the flags`, err)
	}
	r, err := e.open(ctx, &o.run)
	if err != nil {
		return nil, err
	}
	// Open had no path of a set to open.
	r.Data = set
	return r, nil
}
