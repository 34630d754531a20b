package main

import (
	"context"

	"github.com/spf13/cobra"

	"mgd3/dataset"
	"mgd3/embedding"
	"mgd3/internal/cli"
	"mgd3/scoring"
)

func (e *env) embedCmd() *cobra.Command {
	o := &options{data: &dataFlags{}, networks: &networkFlags{}}
	// 224 is what SqueezeNet was trained with
	network, pixels := latentFeatures, 224
	cmd := &cobra.Command{
		Use:   "embed --data SET --out FILE",
		Short: "Write features of the real images, to find modes in by --features",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return e.embed(cmd.Context(), o, network, pixels) },
	}
	o.flags = cmd.Flags()
	f := o.flags
	o.data.add(f)
	o.networks.add(f)
	f.StringVar(&network, "features", network, "what to write: latent, with --model, or those of a network, by its "+
		"`FILE`: SqueezeNet 1.1, or a ResNet with torchvision's names (.pth or safetensors)")
	f.IntVar(&pixels, "feature-size", pixels, "make images this many `PIXELS` for a network: squeezed for SqueezeNet, "+
		"cut out of the centre for a ResNet")
	f.StringVarP(&o.run.out, "out", "o", "", "`FILE` to write, whose name ends with .parquet or .safetensors")
	cli.Heading(f, "Features")
	cli.First(cmd, "data", "split", "features", "out")
	cli.Require(cmd, "data", "out")
	return cmd
}

// embed writes a row of features for each image, by its name: modes --features finds them by it again.
func (e *env) embed(ctx context.Context, o *options, network string, pixels int) error {
	file := o.run.out
	o.run.dryRun = true // the output is no folder to lock
	if network != latentFeatures {
		return e.embedByNetwork(ctx, o, network, file, pixels)
	}
	r, err := e.open(ctx, o)
	if err != nil {
		return err
	}
	defer r.Close()
	m, err := scoring.OfLatents(r.Engine, r.Autoencoder, r.Settings.Encode)
	if err != nil {
		return fail(exitUsage, "", err)
	}
	return e.writeEmbedding(ctx, o, m, r.Data, file)
}

// embedByNetwork needs neither the model nor its crop: features of a network are made of whole images.
func (e *env) embedByNetwork(ctx context.Context, o *options, network, file string, pixels int) error {
	engine, err := e.openEngine()
	if err != nil {
		return err
	}
	defer engine.Close()
	m, notes, err := scoring.OfFile(ctx, engine, network, pixels, o.data.encode.IgnoreEXIF)
	if err != nil {
		return fail(exitModel, "", err)
	}
	e.sayAll(notes)
	set, err := o.data.open(ctx, e)
	if err != nil {
		return err
	}
	defer set.Close()
	return e.writeEmbedding(ctx, o, m, set, file)
}

func (e *env) writeEmbedding(ctx context.Context, o *options, m *scoring.Embedder, set *dataset.Set,
	file string) error {
	m.Batch, m.Report = o.networks.Batch, e.progress().Event
	names, x, err := m.Embed(ctx, set)
	if err != nil {
		return err
	}
	return fail(exitOutput, "", embedding.Write(file, names, x))
}
