package opening

import (
	"context"
	"errors"
	"fmt"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/engine"
	"mgd3/evaluate"
	"mgd3/internal/exits"
)

// Teacher names the trained network that says which candidates for an image are right.
type Teacher struct {
	File    string // of its weights; "" is none
	Net     string // as evaluate.New takes it
	Classes string // as dataset.ParseClasses reads them; "": the file says them, or they are in the set's order
}

// check refuses a teacher that nobody asks.
func (t Teacher) check(s distill.SampleSettings) error {
	if t.File != "" && !s.Choose.AsksTeacher() {
		return fmt.Errorf("--teacher is for --choose %s or %s", distill.ChooseTeacher, distill.ChooseHard)
	}
	if t.File == "" && t.Classes != "" {
		return errors.New("--teacher-classes is of no use without --teacher")
	}
	return nil
}

// opener returns what opens the teacher on an engine.
func (t Teacher) opener(e *engine.Engine) func(context.Context, []string, int) (distill.Teacher, error) {
	return func(ctx context.Context, classes []string, size int) (distill.Teacher, error) {
		order, err := dataset.ParseClasses(t.Classes)
		if err != nil {
			return nil, exits.Fail(exits.Usage, "", fmt.Errorf("--teacher-classes: %w", err))
		}
		c, err := evaluate.OpenClassifier(ctx, e, t.File, evaluate.TeacherOptions{Net: t.Net, Size: size,
			Classes: classes, Order: order})
		if err != nil {
			return nil, exits.Fail(exits.Model, "", err)
		}
		return c, nil
	}
}
