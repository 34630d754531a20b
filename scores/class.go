package scores

import (
	"cmp"
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

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (n *Number) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	v, err := strconv.ParseFloat(string(data), 64)
	*n = Number(v)
	return err
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

// FrechetSize is the size up to which it is reasonable to wait for a Fréchet distance: of so many samples and
// features the eigenvalues take a quarter of a minute.
const FrechetSize = 1024

// Compare scores the synthetic samples of a class beside the real ones.
func Compare(ctx context.Context, real, syn matrix.Matrix) (c Class, err error) {
	if err := cmp.Or(check(syn), check(real, syn)); err != nil {
		return c, err
	}
	diversity, errD := Diversity(ctx, syn)
	near, errR := Representativeness(ctx, real, syn, Near)
	manifoldDiversity, errMD := ManifoldDiversity(ctx, syn)
	manifoldNear, errMR := ManifoldRepresentativeness(ctx, real, syn)
	coverage, errC := Coverage(ctx, real, syn, published, FairShare(real.Rows, syn.Rows))
	frechet, errF := classFrechet(ctx, real, syn)
	mmd, errM := MMD(ctx, real, syn, 0)
	distance, errL := MeanDistance(real, syn)
	cosine, errA := MeanCosineDistance(real, syn)
	if err := cmp.Or(errD, errR, errMD, errMR, errC, errF, errM, errL, errA); err != nil {
		return c, err
	}
	return Class{
		Diversity: Number(diversity), Representativeness: Number(near),
		ManifoldDiversity: Number(manifoldDiversity), ManifoldRepresentativeness: Number(manifoldNear),
		Coverage: Number(coverage[0]), FairCoverage: Number(coverage[1]),
		Frechet: Number(frechet), MMD2: Number(mmd.Squared),
		MeanDistance: Number(distance), MeanCosine: Number(cosine),
	}, nil
}

// classFrechet is the Fréchet distance, NaN where there are too few samples or it would take too long.
func classFrechet(ctx context.Context, real, syn matrix.Matrix) (float64, error) {
	if least := min(real.Rows, syn.Rows); least < 2 || min(least, syn.Cols) > FrechetSize {
		return nan, nil
	}
	return FrechetDistance(ctx, syn, real)
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
