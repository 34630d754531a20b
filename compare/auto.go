package compare

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"mgd3/baseline"
	"mgd3/distill"
	"mgd3/evaluate"
	"mgd3/scores"
)

// Auto chooses λ and the stop for a set of images and a model, by sets that it makes from one part of the training
// images and judges by the other. It never sees a test image. The stop comes first, at the λ of the settings, and
// then λ at that stop:
//
//	stops   the settings' stop × 0, 2/5, 4/5, 1, 6/5, 8/5       0, 10, 20, 25, 30 and 40 of 50 steps
//	λ       the settings' λ × 0, 1/2, 1, 2                      0, 0.05, 0.1 and 0.2
//
// The largest mean over the sets wins, and the value of the settings where none is larger. docs/results.md has what
// this gains.
type Auto struct {
	// Maker is that of the set that is then made: its latents are used, the sets to choose by stand in auto below
	// its folder, and its seed is that of each value's first set.
	baseline.Maker
	Stop, Lambda bool           // what to choose
	By           string         // ByAccuracy or ByScore
	Sets         int            // sets of each value, at least 1
	HeldOut      float64        // share of the training images that judges
	Judge        evaluate.Judge // of ByAccuracy
	Done         Done           // may be nil
}

// What Auto chooses by.
const (
	ByAccuracy = "accuracy" // of a network trained on each set, on the images held out
	ByScore    = "score"    // ScoreKernelRidge, without training
)

// Choose returns the settings with what was chosen, and the choices for the manifest.
func (a *Auto) Choose(ctx context.Context) (distill.Settings, []distill.Choice, error) {
	chosen := a.Settings
	if a.By != ByAccuracy && a.By != ByScore {
		return chosen, nil, fmt.Errorf("nothing is chosen by %q, want %s or %s", a.By, ByAccuracy, ByScore)
	}
	if n := a.Settings.Modes.IPC * len(a.Train.Classes); a.By == ByScore && n > scores.KernelRidgeSize {
		return chosen, nil, fmt.Errorf("%d images are too many for the score, which takes %d; choose by %s", n,
			scores.KernelRidgeSize, ByAccuracy)
	}
	if a.Sets < 1 {
		return chosen, nil, fmt.Errorf("%d sets a value, want at least 1", a.Sets)
	}
	judge := a.Judge
	if a.By == ByScore {
		judge = evaluate.Judge{}
	}
	o := a.Maker
	if o.Latents == "" { // the set's own, which it takes whatever its seed
		if err := o.Run(baseline.ID{Method: baseline.MGD3, IPC: a.Settings.Modes.IPC, Seed: a.Settings.Sample.Seed},
			o.Out).Encode(ctx); err != nil {
			return chosen, nil, err
		}
	}
	o.Latents, o.Out = o.LatentsDir(), filepath.Join(o.Out, "auto")
	t, err := newTrials(ctx, o, judge, a.HeldOut, nil)
	if err != nil {
		return chosen, nil, err
	}
	var choices []distill.Choice
	take := func(setting string, axes Axes, at func(Point) float64) error {
		choice, best, err := a.best(ctx, t, setting, axes.Points(PointOf(chosen), false), at)
		chosen, choices = best.settings(chosen), append(choices, choice)
		return err
	}
	if a.Stop {
		err = take("stop", Axes{Stop: stops(a.Settings.Sample.Stop)}, func(p Point) float64 { return float64(p.Stop) })
	}
	if a.Lambda && err == nil {
		err = take("lambda", Axes{Lambda: lambdas(a.Settings.Sample.Lambda)}, func(p Point) float64 { return p.Lambda })
	}
	return chosen, choices, err
}

func stops(stop int) (list []int) {
	for _, fifths := range []int{0, 2, 4, 5, 6, 8} {
		list = append(list, stop*fifths/5)
	}
	return list
}

func lambdas(lambda float64) []float64 { return []float64{0, lambda / 2, lambda, 2 * lambda} }

// best tries points that differ in one setting, the first being that of the settings, and returns the best one.
func (a *Auto) best(ctx context.Context, t *trials, setting string, points []Point,
	at func(Point) float64) (distill.Choice, Point, error) {
	choice := distill.Choice{Setting: setting, By: a.by(t)}
	best, most := points[0], 0.0
	for i, p := range points {
		c := distill.Candidate{Value: at(p)}
		sum := 0.0
		for s := range a.Sets {
			trial, err := t.try(ctx, p, a.Settings.Sample.Seed+uint64(s), a.By == ByAccuracy)
			if err != nil {
				return choice, best, err
			}
			if a.Done != nil {
				a.Done(i*a.Sets+s+1, len(points)*a.Sets, p, trial)
			}
			v := trial.Scores[ScoreKernelRidge]
			if trial.Accuracy != nil {
				v = *trial.Accuracy
			}
			c.Scores, sum = append(c.Scores, v), sum+v
		}
		if i == 0 || sum > most {
			best, most = p, sum
		}
		choice.Candidates = append(choice.Candidates, c)
	}
	choice.Value = at(best)
	slices.SortFunc(choice.Candidates, func(a, b distill.Candidate) int { return cmp.Compare(a.Value, b.Value) })
	return choice, best, nil
}

// by says what is compared.
func (a *Auto) by(t *trials) string {
	n := t.held.Len()
	if a.By == ByScore {
		return fmt.Sprintf("score lesson: accuracy of kernel regression from the synthetic latents on those of %d "+
			"held-out training images", n)
	}
	return fmt.Sprintf("accuracy on %d held-out training images after the last epoch: %v", n, a.Judge)
}
