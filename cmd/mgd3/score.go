package main

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"mgd3/dataset"
	"mgd3/internal/cli"
	"mgd3/report"
	"mgd3/scores"
	"mgd3/scoring"
)

// scoreOptions are the flags of score.
type scoreOptions struct {
	options
	sets     []string
	features string
	pixels   int
	parts    int
}

// latentFeatures is the name that stands for the autoencoder's latents in the place of a network's file.
const latentFeatures = "latent"

func (e *env) scoreCmd() *cobra.Command {
	o := &scoreOptions{options: options{data: &dataFlags{}, networks: &networkFlags{}}}
	cmd := &cobra.Command{
		Use:   "score --set DIR...",
		Short: "Compare sets with the real images by their features, without training a network",
		Long: `Scores sets by diversity, representativeness, coverage, Fréchet distance, MMD and redundancy, in the latents or in
the features of a network; docs/scores.md has the definitions. None of them is accuracy: for that, "mgd3 evaluate".

In the latents, a set made by distill needs nothing else: its own latents and those of the real images are there.
With --model the images of every set are encoded, so that sets made in other ways can stand beside it. With --data
the real images are read anew.`,
		Example: `  mgd3 score --set pets-10
  mgd3 score --set pets-10 --set pets-herding --latents pets-10/latents --model pets-model
  mgd3 score --set pets-10 --data pets.zip --features lpips-squeeze.safetensors`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.score(cmd.Context(), o)
		},
	}
	o.flags = cmd.Flags()
	f := o.flags
	f.StringArrayVar(&o.sets, "set", nil,
		"`DIR` of a set: a run of distill or baseline, or a folder of CLASS/FILE; give several to compare them")
	f.StringVar(&o.features, "features", latentFeatures,
		"what to compare: latent, or the `FILE` with SqueezeNet 1.1 and its heads of LPIPS")
	f.IntVar(&o.pixels, "feature-size", 224, "squeeze images to this many `PIXELS` for a network's features")
	f.IntVar(&o.parts, "parts", scores.Parts, "parts of the set for the redundancy; 0 leaves it out")
	f.StringVar(&o.run.latents, "latents", "",
		"`DIR` of the real images' latents; default those of the first set that has some")
	cli.Heading(f, "Scores")
	o.data.imageFlags.add(f)
	o.data.cropFlags(f)
	cli.Heading(f, "How images are read")
	o.networks.add(f)
	cli.First(cmd, "set", "data", "split", "model", "features")
	cli.Require(cmd, "set")
	return cmd
}

func (e *env) score(ctx context.Context, o *scoreOptions) error {
	s, err := e.openSpace(ctx, o)
	if err != nil {
		return err
	}
	defer s.close()
	if err := e.warnOfScored(ctx, s); err != nil {
		return err
	}
	results, err := s.Compare(ctx, o.parts)
	if err != nil {
		return err
	}
	if e.json {
		for _, r := range results {
			if err := json.NewEncoder(e.stdout).Encode(r); err != nil {
				return err
			}
		}
		return nil
	}
	var tables []report.Table
	for i := range results {
		tables = append(tables, results[i].Table())
	}
	return report.Text(e.stdout, report.Result{Tables: append(tables, scoring.Summary(results))})
}

// warnOfScored says which images of a set are in several classes, or real ones.
func (e *env) warnOfScored(ctx context.Context, s *space) error {
	var all []*dataset.Set
	var names []string
	for _, set := range s.Sets {
		all, names = append(all, set.Images), append(names, set.Name)
	}
	if s.data != nil {
		all, names = append(all, s.data), append(names, "--data")
	}
	groups, err := dataset.Duplicates(ctx, all...)
	if err != nil {
		return err
	}
	for i, name := range names {
		if c := dataset.AcrossClasses(groups, i); c.Images > 0 {
			e.warn("%q: %v", name, c)
		}
		if c := dataset.Between(groups, i, len(s.Sets)); i < len(s.Sets) && c.Images > 0 {
			e.warn("%q: %d of its images are real ones of --data, byte for byte: %v is %v", name, c.Images, c.First[0],
				c.First[1])
		}
	}
	return nil
}
