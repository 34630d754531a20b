package compare

import (
	"context"
	"errors"
	"math"

	"mgd3/dataset"
	"mgd3/matrix"
	"mgd3/scores"
	"mgd3/scoring"
)

// The scores of a trial, of the latents that a set's images have when they are encoded again, beside those of the
// real images held out. All but lesson and Fréchet are means over the classes; see package scores.
const (
	// kernel ridge accuracy: what they teach a kernel regression about the real ones, 0 to 1
	ScoreKernelRidge = "lesson"
	ScoreCoverage    = "coverage" // with the fair share of neighbours
	ScoreDiversity   = "diversity"
	ScoreDistance    = "distance" // representativeness: less is nearer to the real images
	ScoreFrechet     = "frechet"
)

// ScoreNames are the scores of a trial in the order of a table. One that needs more images than there are,
// or is too much work for so many, is left out.
var ScoreNames = []string{ScoreKernelRidge, ScoreCoverage, ScoreDiversity, ScoreDistance, ScoreFrechet}

// scores compares a set with the real images held out.
func (t *trials) scores(ctx context.Context, set *dataset.Set) (map[string]float64, error) {
	encoder, err := scoring.OfLatents(t.Engine, t.Autoencoder, t.Settings.Encode)
	if err != nil {
		return nil, err
	}
	encoder.Batch = t.Batch
	made, err := t.classes(ctx, encoder.Source(set, false))
	if err != nil {
		return nil, err
	}
	s := map[string]float64{}
	for _, class := range t.Train.ClassNames() {
		real, syn := t.real[class], made[class]
		diversity, errD := scores.Diversity(ctx, syn)
		distance, errR := scores.Representativeness(ctx, real, syn, scores.Near)
		coverage, errC := scores.Coverage(ctx, real, syn, scores.FairShare(real.Rows, syn.Rows))
		if err := errors.Join(errD, errR, errC); err != nil {
			return nil, err
		}
		n := float64(len(t.Train.Classes))
		s[ScoreDiversity] += diversity / n
		s[ScoreDistance] += distance / n
		s[ScoreCoverage] += coverage[0] / n
	}
	all := matrix.Join(t.list(made)...)
	if all.Rows <= scores.KernelRidgeSize {
		if s[ScoreKernelRidge], err = scores.KernelRidge(ctx, t.list(t.real), t.list(made)); err != nil {
			return nil, err
		}
	}
	if all.Rows > 1 && min(all.Rows, all.Cols) <= scores.FrechetSize {
		if s[ScoreFrechet], err = scores.FrechetDistance(ctx, all, matrix.Join(t.list(t.real)...)); err != nil {
			return nil, err
		}
	}
	for name, v := range s {
		if math.IsNaN(v) {
			delete(s, name)
		}
	}
	return s, nil
}

// classes returns the features of all classes.
func (t *trials) classes(ctx context.Context, from scoring.Source) (map[string]matrix.Matrix, error) {
	all := map[string]matrix.Matrix{}
	for _, class := range t.Train.Classes {
		x, err := from(ctx, class.Name)
		if err != nil {
			return nil, err
		}
		all[class.Name] = x
	}
	return all, nil
}

// list is the latents of all classes in the order of the classes.
func (t *trials) list(by map[string]matrix.Matrix) (list []matrix.Matrix) {
	for _, class := range t.Train.ClassNames() {
		list = append(list, by[class])
	}
	return list
}
