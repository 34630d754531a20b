// Package scoring compares sets with the real images that they stand for, by their features and without training a
// network. Package scores has the formulas; here is where the features come from and what is made of the scores.
//
//	features            real images                  a set                             made by
//	latents             [Cached], those of distill   [Samples], decoded to its images  the sampler, the autoencoder
//	latents             [Embedder.Source]            [Embedder.Source]                 [OfLatents]
//	those of a network  [Embedder.Source]            [Embedder.Source]                 [OfNetwork]
//
// All features of one [Space] must be of one kind. Latents that a set's images have when they are encoded again
// differ a little from those that they were decoded from: sets are to be compared by one or by the other.
package scoring

import (
	"context"
	"fmt"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/encode"
	"mgd3/matrix"
	"mgd3/scores"
)

// Source returns the features of the images of a class, [N, D].
type Source func(ctx context.Context, class string) (matrix.Matrix, error)

// Cached are the latents of real images that an earlier stage left in a folder.
func Cached(dir string) Source {
	return func(_ context.Context, class string) (matrix.Matrix, error) {
		c, err := encode.Open(dir, class)
		if err != nil {
			return matrix.Matrix{}, err
		}
		defer c.Close()
		return c.Matrix()
	}
}

// Samples are the latents that the images of a distilled set were decoded from; dir is its folder.
func Samples(dir string) Source {
	return func(_ context.Context, class string) (matrix.Matrix, error) { return distill.Samples(dir, class) }
}

// Set is one of the sets to score.
type Set struct {
	Name     string
	Manifest *distill.Manifest // nil if distill has not made it
	Images   *dataset.Set
	Features Source
}

// distance is the mean distance of a class's latents to their modes.
func (s *Set) distance(class string) scores.Number {
	if s.Manifest == nil {
		return none
	}
	for _, c := range s.Manifest.Classes {
		if c.Name == class {
			sum := 0.0
			for _, im := range c.Images {
				sum += im.Distance.Own
			}
			return scores.Number(sum / float64(len(c.Images)))
		}
	}
	return none
}

// Space is where the samples of sets and of the real images are compared.
type Space struct {
	Features string // name of the features
	Classes  []string
	Real     Source // of the real images
	Sets     []*Set
}

// Compare scores all sets. parts is how many parts the redundancy takes of each, see scores.Redundancy; 0 leaves it
// out. The features of the sets are in memory, those of the real images a class at a time. Errors name the set and
// the class.
func (s *Space) Compare(ctx context.Context, parts int) ([]Result, error) {
	results := make([]Result, len(s.Sets))
	syn := make([][]matrix.Matrix, len(s.Sets)) // [set][class]
	pooled := make([]*scores.Frechet, len(s.Sets))
	for i, set := range s.Sets {
		results[i] = s.begin(set)
		for _, class := range s.Classes {
			x, err := set.Features(ctx, class)
			if err != nil {
				return nil, fmt.Errorf("%s: class %q: %w", set.Name, class, err)
			}
			syn[i] = append(syn[i], x)
		}
		var err error
		if pooled[i], err = newPooled(ctx, syn[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", set.Name, err)
		}
	}
	for c, class := range s.Classes {
		real, err := s.Real(ctx, class)
		if err != nil {
			return nil, fmt.Errorf("class %q: %w", class, err)
		}
		for i, set := range s.Sets {
			one := Class{Name: class, Real: real.Rows, Synthetic: syn[i][c].Rows, Distance: set.distance(class)}
			if one.Class, err = scores.Compare(ctx, real, syn[i][c]); err != nil {
				return nil, fmt.Errorf("%s: class %q: %w", set.Name, class, err)
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

// begin is the result of a set before anything is measured.
func (s *Space) begin(set *Set) Result {
	r := Result{Set: set.Name, Features: s.Features}
	r.Distance.Own, r.Distance.Others = none, none
	if set.Manifest != nil {
		r.Distance.Own, r.Distance.Others = scores.Number(set.Manifest.Distance.Own),
			scores.Number(set.Manifest.Distance.Others)
	}
	return r
}
