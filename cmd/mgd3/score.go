package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"mgd3/dataset"
	"mgd3/modes"
	"mgd3/report"
	"mgd3/scores"
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
	f.StringArrayVar(&o.sets, "set", nil, "`DIR` of a set: a run of distill or baseline, or a folder of CLASS/FILE; give several to compare them")
	f.StringVar(&o.features, "features", latentFeatures, "what to compare: latent, or the `FILE` with SqueezeNet 1.1 and its heads of LPIPS")
	f.IntVar(&o.pixels, "feature-size", 224, "squeeze images to this many `PIXELS` for a network's features")
	f.IntVar(&o.parts, "parts", scores.Parts, "parts of the set for the redundancy; 0 leaves it out")
	f.StringVar(&o.run.latents, "latents", "", "`DIR` of the real images' latents; default those of the first set that has some")
	heading(f, "Scores")
	o.data.imageFlags.add(f)
	o.data.cropFlags(f)
	heading(f, "How images are read")
	o.networks.add(f)
	first(cmd, "set", "data", "split", "model", "features")
	require(cmd, "set")
	return cmd
}

// scored is what the command prints of one set, as JSON or as tables.
type scored struct {
	Set      string        `json:"set"`
	Features string        `json:"features"` // latent, or the SHA-256 of the network's file
	Classes  []scoredClass `json:"classes"`
	Mean     scores.Class  `json:"mean"` // over the classes
	Distance struct {      // means over the images, as the manifest says
		Own    scores.Number `json:"own"`
		Others scores.Number `json:"others"`
	} `json:"distance"`
	All struct { // classes together
		Frechet    scores.Number `json:"frechet"`
		Redundancy scores.Number `json:"redundancy"`
		Parts      int           `json:"parts"`
	} `json:"all"`
}

type scoredClass struct {
	Name      string `json:"name"`
	Real      int    `json:"real"`
	Synthetic int    `json:"synthetic"`
	scores.Class
	Distance scores.Number `json:"mode_distance"` // mean over the images, as the manifest says
}

func (e *env) score(ctx context.Context, o *scoreOptions) error {
	s, err := e.openSpace(ctx, o)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := e.warnOfScored(ctx, s); err != nil {
		return err
	}
	results, err := s.compare(ctx, o.parts)
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
	for _, r := range results {
		tables = append(tables, r.table())
	}
	return report.Text(e.stdout, report.Result{Tables: append(tables, summaryTable(results))})
}

// warnOfScored says which images of a set are in several classes, or real ones.
func (e *env) warnOfScored(ctx context.Context, s *space) error {
	var all []*dataset.Set
	var names []string
	for _, set := range s.sets {
		all, names = append(all, set.images), append(names, set.dir)
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
		if c := dataset.Between(groups, i, len(s.sets)); i < len(s.sets) && c.Images > 0 {
			e.warn("%q: %d of its images are real ones of --data, byte for byte: %v is %v", name, c.Images, c.First[0], c.First[1])
		}
	}
	return nil
}

// compare scores all sets. The synthetic samples are in memory, the real ones a class at a time.
func (s *space) compare(ctx context.Context, parts int) ([]scored, error) {
	results := make([]scored, len(s.sets))
	syn := make([][]modes.Matrix, len(s.sets)) // [set][class]
	pooled := make([]*scores.Frechet, len(s.sets))
	for i, set := range s.sets {
		results[i] = s.begin(set)
		for _, class := range s.classes {
			x, err := s.made(ctx, set, class)
			if err != nil {
				return nil, fmt.Errorf("%s: class %q: %w", set.dir, class, err)
			}
			syn[i] = append(syn[i], x)
		}
		var err error
		if pooled[i], err = newPooled(ctx, syn[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", set.dir, err)
		}
	}
	for c, class := range s.classes {
		real, err := s.real(ctx, class)
		if err != nil {
			return nil, fmt.Errorf("class %q: %w", class, err)
		}
		for i, set := range s.sets {
			one := scoredClass{Name: class, Real: real.Rows, Synthetic: syn[i][c].Rows, Distance: set.distance(class)}
			if one.Class, err = scores.Compare(ctx, real, syn[i][c]); err != nil {
				return nil, fmt.Errorf("%s: class %q: %w", set.dir, class, err)
			}
			results[i].Classes = append(results[i].Classes, one)
			if pooled[i] != nil {
				if err := pooled[i].Add(ctx, real); err != nil {
					return nil, err
				}
			}
		}
	}
	for i := range results {
		if err := results[i].finish(ctx, syn[i], pooled[i], parts); err != nil {
			return nil, fmt.Errorf("%s: %w", results[i].Set, err)
		}
	}
	return results, nil
}

// newPooled begins the Fréchet distance of all classes together, or is nil where it would take too long.
func newPooled(ctx context.Context, classes []modes.Matrix) (*scores.Frechet, error) {
	all := modes.Matrix{Cols: classes[0].Cols}
	for _, x := range classes {
		all.Rows, all.Data = all.Rows+x.Rows, append(all.Data, x.Data...)
	}
	if all.Rows < 2 || min(all.Rows, all.Cols) > scores.FrechetSize {
		return nil, nil
	}
	return scores.NewFrechet(ctx, all)
}

// finish completes a set's result with what is of all classes.
func (r *scored) finish(ctx context.Context, syn []modes.Matrix, pooled *scores.Frechet, parts int) error {
	var classes []scores.Class
	for _, c := range r.Classes {
		classes = append(classes, c.Class)
	}
	r.Mean = scores.Mean(classes)
	r.All.Frechet, r.All.Redundancy = none, none
	if pooled != nil {
		d, err := pooled.Distance()
		if err != nil {
			return err
		}
		r.All.Frechet = scores.Number(d)
	}
	n, least := 0, parts
	for _, x := range syn {
		n, least = n+x.Rows, min(least, x.Rows)
	}
	if least < 2 || len(syn) < 2 || n > maxRedundancy {
		return nil
	}
	v, err := scores.Redundancy(ctx, syn, least)
	r.All.Redundancy, r.All.Parts = scores.Number(v), least
	return err
}

// maxRedundancy is how many images of a set the redundancy is asked of; its time is quadratic in them.
const maxRedundancy = 10_000
