package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"mgd3/compare"
	"mgd3/features"
	"mgd3/internal/cli"
	"mgd3/report"
	"mgd3/scores"
	"mgd3/scoring"
)

// scoreOptions are the flags of score.
type scoreOptions struct {
	options
	sets []string
	// of network files, an alternative to latents, and what is only for them
	features string
	out      string
	pixels   int
	parts    int
}

// latentFeatures is the name that stands for the autoencoder's latents in the place of a network's file.
const latentFeatures = "latent"

// scoreCmd is "mgd3 score". Scores of different features cannot be compared: all sets of one table have the same.
func (e *env) scoreCmd() *cobra.Command {
	o := &scoreOptions{options: options{data: &dataFlags{}, networks: &networkFlags{}}}
	cmd := &cobra.Command{
		Use:   "score --set DIR...",
		Short: "Compare sets with the real images by their features, without training a network",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.score(cmd.Context(), o)
		},
	}
	o.flags = cmd.Flags()
	f := o.flags
	f.StringArrayVar(&o.sets, "set", nil,
		"`DIR` of a set: a run of distill or baseline, a folder of CLASS/FILE, or tensors as docs/judge.md has them; "+
			"give several to compare them")
	f.StringVar(&o.features, "features", latentFeatures,
		"what to compare: latent, or the `FILE` with SqueezeNet 1.1 and its heads of LPIPS")
	f.IntVar(&o.pixels, "feature-size", 224, "squeeze images to this many `PIXELS` for a network's features")
	f.IntVar(&o.parts, "parts", scores.Parts, "parts of the set for the redundancy; 0 leaves it out")
	f.StringVar(&o.run.latents, "latents", "",
		"`DIR` of the real images' latents; default those of the first set that has some")
	f.StringVarP(&o.out, "out", "o", "", "write the scores and a page into `DIR` too, from where page takes them")
	cli.Heading(f, "Scores")
	// not o.data.add: of the encoding only the crop matters, as no image is mirrored for a score
	o.data.imageFlags.add(f)
	e.tensorFlags(f)
	o.data.cropFlags(f)
	cli.Heading(f, "How images are read")
	o.networks.add(f)
	cli.First(cmd, "set", "data", "split", "model", "features")
	cli.Require(cmd, "set")
	return cmd
}

func (e *env) score(ctx context.Context, o *scoreOptions) error {
	if o.pixels < features.MinSize || o.parts < 0 {
		return fail(exitUsage, "", fmt.Errorf("--feature-size %d, --parts %d, want at least %d and 0", o.pixels,
			o.parts,
			features.MinSize))
	}
	if err := o.resolve(); err != nil {
		return err
	}
	s, err := scoring.Open(ctx, &e.sets, scoring.Sources{Sets: o.sets, Data: o.data.Spec, Latents: o.run.latents,
		Images: o.features != latentFeatures})
	// latents may be in the run's folder, images are not
	if errors.Is(err, scoring.ErrNoData) {
		return fail(exitUsage, "", errors.New("missing --data: features of a network are made of images"))
	}
	if err != nil {
		return err
	}
	defer s.Close()
	close, err := e.chooseFeatures(ctx, o, s)
	if err != nil {
		return err
	}
	defer close()
	notes, err := s.DuplicateNotes(ctx)
	if err != nil {
		return err
	}
	for _, note := range notes {
		e.warnText(note)
	}
	results, err := s.Compare(ctx, o.parts)
	if err != nil {
		return err
	}
	if err := compare.WriteScores(o.out, results, cli.Deciding(o.flags)); err != nil {
		return fail(exitOutput, "", err)
	}
	return printAll(e, results, func(w io.Writer) error { return report.Text(w, scoring.Tables(results)) })
}

// chooseFeatures opens the network that the flags name, or takes the latents that are there; close ends it.
func (e *env) chooseFeatures(ctx context.Context, o *scoreOptions, s *scoring.Opened) (close func(), err error) {
	how, show, batch := o.settings.Encode, e.progress().Event, o.networks.Batch
	switch {
	case o.features != latentFeatures:
		eng, net, err := e.openFeatures(ctx, o.features)
		if err != nil {
			return nil, err
		}
		s.FromNetwork(eng, net, o.pixels, batch, how, show)
		return eng.Close, nil
	// Without a model, synthetic images are as the sampler left them, before the decoder; with one, they are encoded
	// again as the real ones are.
	case o.networks.model == "" && o.networks.Autoencoder == "":
		return func() {}, s.FromSamples()
	}
	if s.Cache != nil {
		// of the crop that the latents of the real images were made with
		o.settings.Encode = s.Cache.Settings // its size
	}
	r, err := e.request(&o.options).OpenAutoencoder(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.FromAutoencoder(r.Engine, r.Autoencoder, batch, r.Settings.Encode, show); err != nil {
		r.Close()
		return nil, err
	}
	return r.Close, nil
}
