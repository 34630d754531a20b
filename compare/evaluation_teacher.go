package compare

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"mgd3/dataset"
	"mgd3/evaluate"
)

// TeacherSource says where the teacher of soft labels is from.
type TeacherSource struct {
	File      string   // of its weights; "" trains it on Full
	Net       string   // as evaluate.New takes it
	Order     []string // of a file: its classes in the order of its outputs; nil if the file says them
	Unchecked bool     // a file teaches too if it is no better than guessing on the test images
	Epochs    int      // of the training; 0 takes the usual

	// Full opens the set to train on, with these classes.
	Full func(ctx context.Context, classes []string) (*dataset.Set, error)
}

// TeacherError marks an error of a teacher's file.
type TeacherError struct{ Err error }

func (e *TeacherError) Error() string { return e.Err.Error() }

func (e *TeacherError) Unwrap() error { return e.Err }

// teacher opens or trains the teacher of a run, and tests it before it teaches.
func (v *Evaluation) teacher(ctx context.Context, run *evaluate.Run) (*evaluate.Teacher, error) {
	from := v.Teacher
	t, err := v.openTeacher(ctx, run.Protocol.Size)
	if err != nil {
		return nil, err
	}
	for _, n := range t.Notes {
		if v.Note != nil {
			v.Note(n)
		}
	}
	dir := ""
	if v.Out != "" {
		dir = filepath.Join(v.Out, "teacher")
	}
	if err := t.Test(ctx, v.Evaluator.Engine, run.Test, run.Protocol, dir); err != nil {
		return nil, err
	}
	doubt := t.Doubt()
	switch {
	case doubt != nil && from.File != "" && !from.Unchecked:
		return nil, &TeacherError{fmt.Errorf("%q: %w", from.File, doubt)}
	case doubt != nil:
		v.warn("%v", doubt)
	default:
		if pairs := t.Exchanged(); pairs != nil {
			v.warn("the teacher takes most images of %s for each other: are they exchanged in the order of "+
				"its outputs? --teacher-classes gives another", strings.Join(pairs, ", "))
		}
	}
	return t, nil
}

// openTeacher reads the teacher, or trains it.
func (v *Evaluation) openTeacher(ctx context.Context, size int) (*evaluate.Teacher, error) {
	from, classes := v.Teacher, v.Evaluator.Test.ClassNames()
	if from.File != "" {
		t, err := evaluate.OpenTeacher(ctx, v.Evaluator.Engine, from.File,
			evaluate.TeacherOptions{Net: from.Net, Size: size, Classes: classes, Order: from.Order})
		if err != nil {
			return nil, &TeacherError{err}
		}
		return t, nil
	}
	if from.Full == nil || v.Out == "" {
		return nil, errors.New("soft labels want a teacher: a file, or a set to train one on and a folder to keep it " +
			"in")
	}
	full, err := from.Full(ctx, classes)
	if err != nil {
		return nil, err
	}
	defer full.Close()
	protocol := evaluate.TeacherProtocol(evaluate.FactsOf(full, from.Net, size))
	if from.Epochs > 0 {
		if protocol, err = protocol.With(fmt.Sprintf("epochs=%d", from.Epochs)); err != nil {
			return nil, err
		}
	}
	run, err := v.Evaluator.Run(ctx, from.Net, protocol,
		evaluate.TrainSet{Images: full, IgnoreEXIF: v.Evaluator.IgnoreEXIF})
	if err != nil {
		return nil, err
	}
	run.Seed, run.Dir = v.Seed, filepath.Join(v.Out, "teacher", fmt.Sprintf("%s-%d", from.Net, size))
	if v.Report != nil {
		run.Report = func(e evaluate.Event) { v.Report("teacher", e) }
	}
	t, _, err := run.TrainTeacher(ctx)
	if err != nil {
		return nil, fmt.Errorf("teacher: %w", err)
	}
	return t, nil
}
