package opening

import (
	"context"
	"errors"
	"fmt"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/evaluate"
	"mgd3/internal/exits"
	"mgd3/stage"
)

// Teacher names the trained network that says which candidates for an image are right.
type Teacher struct {
	File    string // of its weights; "" is none
	Net     string // as evaluate.New takes it
	Classes string // as dataset.ParseClasses reads them; "": the file says them, or they are in the set's order
	// Unchecked lets one choose that is no better than guessing on the real images
	Unchecked bool
	Asked     bool // by a method, whatever the settings choose
}

// Check refuses a teacher that nobody asks, and to ask one that is not there.
func (t Teacher) Check(s distill.SampleSettings) error {
	if t.File != "" && !t.Asked && !s.Choose.AsksTeacher() {
		return fmt.Errorf("--teacher is for --choose %s or %s, or a method with one of them",
			distill.ChooseTeacher, distill.ChooseHard)
	}
	if t.File == "" && s.Choose.AsksTeacher() {
		return fmt.Errorf("the rule %q asks a teacher, want its file (--teacher)", s.Choose)
	}
	if t.File == "" && t.Classes != "" {
		return errors.New("--teacher-classes is of no use without --teacher")
	}
	return nil
}

// opener returns what opens the teacher on the run's engine and, where the real images are at hand, tests it on them.
func (t Teacher) opener(r *Run) func(context.Context, []string, int) (distill.Teacher, error) {
	return func(ctx context.Context, classes []string, size int) (distill.Teacher, error) {
		order, err := dataset.ParseClasses(t.Classes)
		if err != nil {
			return nil, exits.Fail(exits.Usage, "", fmt.Errorf("--teacher-classes: %w", err))
		}
		c, err := evaluate.OpenClassifier(ctx, r.Engine, t.File, evaluate.TeacherOptions{Net: t.Net, Size: size,
			Classes: classes, Order: order})
		if err != nil {
			return nil, exits.Fail(exits.Model, "", err)
		}
		switch {
		case t.Unchecked:
		case r.Data == nil:
			r.Report(stage.Event{Stage: distill.StageSample, Warning: "the teacher is not tested: no real images are " +
				"at hand"})
		default:
			if err := c.Test(ctx, r.Data); err != nil {
				return nil, fmt.Errorf("%q: %w", t.File, err)
			}
		}
		return c, nil
	}
}
