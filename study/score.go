package study

import (
	"cmp"
	"context"
	"errors"
	"math"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/modes"
	"mgd3/scores"
)

// The scores of a trial, of the latents that a set's images have when they are encoded again, beside those of the
// real images held out. All but lesson and Fréchet are means over the classes; see package scores.
const (
	ScoreLesson    = "lesson"   // what they teach a kernel regression about the real ones, 0 to 1
	ScoreCoverage  = "coverage" // with the fair share of neighbours
	ScoreDiversity = "diversity"
	ScoreDistance  = "distance" // representativeness: less is nearer to the real images
	ScoreFrechet   = "frechet"
)

// ScoreNames are the scores of a trial in the order of a table. One that needs more images than there are,
// or is too much work for so many, is left out.
var ScoreNames = []string{ScoreLesson, ScoreCoverage, ScoreDiversity, ScoreDistance, ScoreFrechet}

// scores compares a set with the real images held out.
func (t *trials) scores(ctx context.Context, set *dataset.Set) (map[string]float64, error) {
	made, err := t.encode(ctx, set)
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
	all := t.join(made)
	if all.Rows <= scores.LessonSize {
		if s[ScoreLesson], err = scores.Lesson(ctx, t.list(t.real), t.list(made)); err != nil {
			return nil, err
		}
	}
	if all.Rows > 1 && min(all.Rows, all.Cols) <= scores.FrechetSize {
		if s[ScoreFrechet], err = scores.FrechetDistance(ctx, all, t.join(t.real)); err != nil {
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

// encode returns the latents of a set's images by class.
func (t *trials) encode(ctx context.Context, set *dataset.Set) (map[string]modes.Matrix, error) {
	size := t.Settings.Encode.Size
	all := map[string]modes.Matrix{}
	for _, class := range set.Classes {
		pixels := make([]float32, len(class.Images)*3*size*size)
		i := 0
		for sample := range set.Load(ctx, class.Images, t.Settings.Encode.LoadOptions()) {
			if sample.Err != nil {
				return nil, sample.Err
			}
			dataset.ToTensor(pixels[i*3*size*size:(i+1)*3*size*size], sample.Image)
			i++
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m := modes.Matrix{Rows: i, Cols: t.real[class.Name].Cols}
		m.Data = make([]float32, m.Rows*m.Cols)
		err := t.Engine.Rows(ctx, m.Data, pixels, m.Rows, cmp.Or(t.Batch, distill.UsualBatch), func(latents, images []float32) error {
			return t.Autoencoder.EncodeMean(latents, images, size)
		})
		if err != nil {
			return nil, err
		}
		all[class.Name] = m
	}
	return all, nil
}

// list is the latents of all classes in the order of the classes.
func (t *trials) list(by map[string]modes.Matrix) (list []modes.Matrix) {
	for _, class := range t.Train.ClassNames() {
		list = append(list, by[class])
	}
	return list
}

// join puts the latents of all classes into one table, in the order of the classes.
func (t *trials) join(by map[string]modes.Matrix) modes.Matrix {
	var all modes.Matrix
	for _, m := range t.list(by) {
		all.Rows, all.Cols, all.Data = all.Rows+m.Rows, m.Cols, append(all.Data, m.Data...)
	}
	return all
}
