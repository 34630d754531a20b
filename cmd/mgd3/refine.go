package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mgd3/dataset"
	"mgd3/embedding"
	"mgd3/features"
	"mgd3/internal/cli"
	"mgd3/refine"
	"mgd3/scoring"
)

func (e *env) refineCmd() *cobra.Command {
	o := &options{data: &dataFlags{}, networks: &networkFlags{}, sampling: &samplingFlags{}}
	join := 1
	cmd := &cobra.Command{
		Use:   "refine --set SET --model DIR --out DIR",
		Short: "Noise and denoise the images of any finished set with a diffusion model",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return e.refine(cmd.Context(), o, join) },
	}
	o.flags = cmd.Flags()
	f := o.flags
	o.data.add(f)
	f.Lookup("data").Hidden = true
	f.StringVar(&o.data.Path, "set", "", "`SET` to refine: a run, a folder of CLASS/FILE, or tensors as "+
		"docs/judge.md has them")
	f.IntVar(&join, "join", 1, "each image is `N` × N smaller ones: refine each, and join them in collages below --out")
	e.tensorFlags(f)
	o.networks.add(f)
	o.sampling.add(f)
	for name, value := range map[string]string{"lambda": "0", "from": "25"} {
		flag := f.Lookup(name)
		flag.DefValue = value
		if err := flag.Value.Set(value); err != nil {
			panic(err) // it is written above
		}
	}
	f.Lookup("from").Usage = "take the last `T` steps alone, from latents noised as much; 0 only encodes and decodes"
	o.run.add(f)
	cli.First(cmd, "set", "model", "out", "from", "lambda", "join")
	cli.Require(cmd, "set", "out")
	return cmd
}

func (e *env) refine(ctx context.Context, o *options, join int) error {
	if join < 1 {
		return fail(exitUsage, "", fmt.Errorf("--join is %d, want at least 1", join))
	}
	if o.run.devices != "" {
		return fail(exitUsage, "--shard I/N shares the work", errors.New("refine works on one device"))
	}
	r, err := e.open(ctx, o)
	if err != nil {
		return err
	}
	defer r.Close()
	if join > 1 {
		r.Data = refine.Cut(r.Data, join)
	}
	if r.Settings, err = refine.Settings(r.Settings, r.Data); err != nil {
		return fail(exitUsage, "", err)
	}
	if err := r.Settings.Sample.Check(); err != nil {
		return fail(exitUsage, "", err)
	}
	r.WarnOfSampling()
	m, err := r.Do(ctx)
	if err != nil {
		return err
	}
	if m != nil && join > 1 {
		if err := refine.Join(ctx, r.Out, join, m); err != nil {
			return err
		}
	}
	return e.summary(r.Out, m)
}

func (e *env) embedCmd() *cobra.Command {
	o := &options{data: &dataFlags{}, networks: &networkFlags{}}
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
	f.StringVar(&network, "features", network, "what to write: latent, with --model, or the `FILE` with SqueezeNet 1.1")
	f.IntVar(&pixels, "feature-size", pixels, "squeeze images to this many `PIXELS` for a network's features")
	f.StringVarP(&o.run.out, "out", "o", "", "`FILE` to write, whose name ends with .parquet or .safetensors")
	cli.Heading(f, "Features")
	cli.First(cmd, "data", "split", "features", "out")
	cli.Require(cmd, "data", "out")
	return cmd
}

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

func (e *env) embedByNetwork(ctx context.Context, o *options, network, file string, pixels int) error {
	engine, err := e.openEngine()
	if err != nil {
		return err
	}
	defer engine.Close()
	net, err := features.Open(ctx, engine, network)
	if err != nil {
		return fail(exitModel, "", err)
	}
	e.sayAll(net.Notes)
	set, err := o.data.open(ctx, e)
	if err != nil {
		return err
	}
	defer set.Close()
	return e.writeEmbedding(ctx, o, scoring.OfNetwork(engine, net, pixels, o.data.encode.IgnoreEXIF), set, file)
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
