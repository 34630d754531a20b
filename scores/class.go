package scores

import (
	"context"
	"math"
	"strconv"

	"mgd3/matrix"
)

// Number is a score; NaN, where there is none, is null in JSON.
type Number float64

// MarshalJSON implements [encoding/json.Marshaler].
func (n Number) MarshalJSON() ([]byte, error) {
	if v := float64(n); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return strconv.AppendFloat(nil, v, 'g', -1, 64), nil
	}
	return []byte("null"), nil
}

// Class is the scores of one class; the names of the two definitions are those of their papers.
type Class struct {
	Diversity                  Number `json:"diversity_mgd3"`                // see [Diversity]
	Representativeness         Number `json:"representativeness_mgd3"`       // by the [Near] nearest
	ManifoldDiversity          Number `json:"diversity_manifoldgd"`          // see [ManifoldDiversity]
	ManifoldRepresentativeness Number `json:"representativeness_manifoldgd"` // see [ManifoldRepresentativeness]
	Coverage                   Number `json:"coverage_5"`                    // k = 5, as published
	FairCoverage               Number `json:"coverage_fair"`                 // k = [FairShare]
	Frechet                    Number `json:"frechet"`                       // see [Frechet]
	MMD2                       Number `json:"mmd2"`                          // see [MMD], γ by the median
	MeanDistance               Number `json:"mean_l2"`                       // see [MeanDistance]
	MeanCosine                 Number `json:"mean_cosine"`                   // see [MeanCosineDistance]
}

// published is Naeem et al.'s number of neighbours for the coverage.
const published = 5

// FrechetSize is the size up to which it is reasonable to wait for a Fréchet distance: of so many samples and features the
// eigenvalues take a quarter of a minute.
const FrechetSize = 1024

// Compare scores the synthetic samples of a class beside the real ones.
func Compare(ctx context.Context, real, syn matrix.Matrix) (c Class, err error) {
	for _, f := range []func() error{
		func() error { return set(&c.Diversity)(Diversity(ctx, syn)) },
		func() error { return set(&c.Representativeness)(Representativeness(ctx, real, syn, Near)) },
		func() error { return set(&c.ManifoldDiversity)(ManifoldDiversity(ctx, syn)) },
		func() error { return set(&c.ManifoldRepresentativeness)(ManifoldRepresentativeness(ctx, real, syn)) },
		func() error {
			shares, err := Coverage(ctx, real, syn, published, FairShare(real.Rows, syn.Rows))
			if err == nil {
				c.Coverage, c.FairCoverage = Number(shares[0]), Number(shares[1])
			}
			return err
		},
		func() error {
			if least := min(real.Rows, syn.Rows); least < 2 || min(least, syn.Cols) > FrechetSize {
				c.Frechet = Number(nan)
				return nil
			}
			return set(&c.Frechet)(FrechetDistance(ctx, syn, real))
		},
		func() error {
			d, err := MMD(ctx, real, syn, 0)
			c.MMD2 = Number(d.Squared)
			return err
		},
		func() error { return set(&c.MeanDistance)(MeanDistance(real, syn)) },
		func() error { return set(&c.MeanCosine)(MeanCosineDistance(real, syn)) },
	} {
		if err := f(); err != nil {
			return c, err
		}
	}
	return c, nil
}

// set returns a function that stores a score.
func set(score *Number) func(float64, error) error {
	return func(v float64, err error) error {
		*score = Number(v)
		return err
	}
}

// Mean returns the mean of every score over the classes.
func Mean(classes []Class) Class {
	var m Class
	for _, c := range classes {
		from := c.numbers()
		for i, to := range m.numbers() {
			*to += *from[i] / Number(len(classes))
		}
	}
	return m
}

// numbers are the scores in their order.
func (c *Class) numbers() []*Number {
	return []*Number{&c.Diversity, &c.Representativeness, &c.ManifoldDiversity, &c.ManifoldRepresentativeness,
		&c.Coverage, &c.FairCoverage, &c.Frechet, &c.MMD2, &c.MeanDistance, &c.MeanCosine}
}
