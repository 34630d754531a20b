package compare

import (
	"context"
	"errors"
	"fmt"

	"mgd3/evaluate"
	"mgd3/internal/fault"
)

// Referee says which classifier holds the labels of the sets to train on against their images.
type Referee struct {
	File string // of its weights; "" is none
	Net  string // as evaluate.New takes it
}

// referee tests the classifier on the test images, and then the sets by it. A set that is labelled in another order is
// an evaluate.ErrLabels.
func (v *Evaluation) referee(ctx context.Context) error {
	if v.Referee.File == "" {
		return nil
	}
	facts := evaluate.FactsOf(v.Evaluator.Test, v.Referee.Net, v.Side)
	p, err := evaluate.Preset("quick", facts)
	if err != nil {
		return err
	}
	test, err := v.Evaluator.TestData(p)
	if err != nil {
		return err
	}
	t, err := evaluate.OpenTeacher(ctx, v.Evaluator.Engine, v.Referee.File, evaluate.TeacherOptions{Net: v.Referee.Net,
		Size: p.Size, Classes: v.Evaluator.Test.ClassNames()})
	if err != nil {
		return fault.Of(fault.Model, err)
	}
	if err := t.Test(ctx, v.Evaluator.Engine, test, p, ""); err != nil {
		return err
	}
	if err := t.Doubt(); err != nil {
		return fault.Of(fault.Model, fmt.Errorf("the referee %q: %w", v.Referee.File, err))
	}
	for _, s := range v.Sets {
		data, err := evaluate.NewData(s.Set.Images, p.TestData())
		if err != nil {
			return err
		}
		agreement, err := t.Referee(ctx, v.Evaluator.Engine, data, p)
		switch {
		case errors.Is(err, evaluate.ErrLabels):
			return fmt.Errorf("%q: %w; --class-names says in which order its labels are numbers of classes", s.Name,
				err)
		case err != nil:
			return err
		case v.Note != nil:
			v.Note(fmt.Sprintf("%q: the referee takes %.1f %% of its images for the class that they are labelled as",
				s.Name, 100*agreement))
		}
	}
	return nil
}
