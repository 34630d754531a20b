package scoring

import (
	"context"
	"math"

	"mgd3/matrix"
	"mgd3/scores"
)

// Result is the scores of one set.
type Result struct {
	Set      string       `json:"set"`
	Features string       `json:"features"` // latent, or the SHA-256 of the network's file
	Classes  []Class      `json:"classes"`
	Mean     scores.Class `json:"mean"` // over the classes
	Distance struct {     // means over the images, as the manifest says
		Own    scores.Number `json:"own"`
		Others scores.Number `json:"others"`
	} `json:"distance"`
	All struct { // classes together
		Frechet    scores.Number `json:"frechet"`
		Redundancy scores.Number `json:"redundancy"`
		Parts      int           `json:"parts"`
	} `json:"all"`
}

// Class is the scores of one class of a set.
type Class struct {
	Name      string `json:"name"`
	Real      int    `json:"real"` // images
	Synthetic int    `json:"synthetic"`
	scores.Class
	Distance scores.Number `json:"mode_distance"` // mean over the images, as the manifest says
}

// none is a score that there is not.
var none = scores.Number(math.NaN())

// maxRedundancy is how many images of a set the redundancy is asked of; its time is quadratic in them.
const maxRedundancy = 10_000

// newPooled begins the Fréchet distance of all classes together, or is nil where it would take too long.
func newPooled(ctx context.Context, classes []matrix.Matrix) (*scores.Frechet, error) {
	all := matrix.Join(classes...)
	if all.Rows < 2 || min(all.Rows, all.Cols) > scores.FrechetSize {
		return nil, nil
	}
	return scores.NewFrechet(ctx, all)
}

// finish completes a set's result with what is of all classes.
func (r *Result) finish(ctx context.Context, syn []matrix.Matrix, pooled *scores.Frechet, parts int) error {
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
