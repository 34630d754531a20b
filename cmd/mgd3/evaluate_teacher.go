package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"mgd3/dataset"
	"mgd3/evaluate"
	"mgd3/internal/terminal"
	"mgd3/stage"
)

// trainTeacher as a teacher's file trains it.
const trainTeacher = "train"

// checkedTeacher opens the teacher of a run, and tests it before it teaches.
func (e *env) checkedTeacher(ctx context.Context, o *evaluateOptions, evaluator *evaluate.Evaluator, run *evaluate.Run, p *terminal.Progress) (*evaluate.Teacher, error) {
	teacher, err := o.openTeacher(ctx, e, evaluator, run.Protocol.Size, p)
	if err != nil {
		return nil, err
	}
	for _, n := range teacher.Notes {
		p.Event(stage.Event{Warning: n})
	}
	dir := ""
	if o.out != "" {
		dir = filepath.Join(o.out, "teacher")
	}
	if err := teacher.Test(ctx, evaluator.Engine, run.Test, run.Protocol, dir); err != nil {
		return nil, err
	}
	doubt := teacher.Doubt()
	switch {
	case doubt != nil && o.teacher.path != trainTeacher && !o.teacher.unchecked:
		return nil, fail(exitModel, "", fmt.Errorf("%q: %w", o.teacher.path, doubt))
	case doubt != nil:
		o.warn(e, "%v", doubt)
	default:
		if pairs := teacher.Exchanged(); pairs != nil {
			o.warn(e, "the teacher takes most images of %s for each other: are they exchanged in the order of "+
				"its outputs? --teacher-classes gives another", strings.Join(pairs, ", "))
		}
	}
	return teacher, nil
}

// unused refuses a teacher where labels are hard: it would teach nothing.
func (t teacherOptions) unused(protocol string) error {
	for _, f := range []struct {
		name  string
		given bool
	}{{"teacher", t.path != ""}, {"teacher-classes", t.classes != ""}, {"teacher-data", t.data != ""}, {"teacher-unchecked", t.unchecked}} {
		if f.given {
			return fmt.Errorf("--%s is for soft labels, those of --protocol %s are hard: leave it out, or take "+
				"--protocol soft", f.name, protocol)
		}
	}
	return nil
}

// openTeacher reads the teacher, or trains it.
func (o *evaluateOptions) openTeacher(ctx context.Context, e *env, evaluator *evaluate.Evaluator, size int, p *terminal.Progress) (*evaluate.Teacher, error) {
	t, test := o.teacher, evaluator.Test
	switch {
	case t.path == "":
		return nil, fail(exitUsage, "", errors.New("soft labels want --teacher: a file with its weights, or train"))
	case t.path != trainTeacher:
		order, err := dataset.ParseClasses(t.classes)
		if err != nil {
			return nil, fail(exitInput, "", fmt.Errorf("--teacher-classes: %w", err))
		}
		teacher, err := evaluate.OpenTeacher(ctx, evaluator.Engine, t.path, evaluate.TeacherOptions{Net: t.net, Size: size, Classes: test.ClassNames(), Order: order})
		return teacher, fail(exitModel, "", err)
	case t.classes != "":
		return nil, fail(exitUsage, "", errors.New("--teacher-classes is for a teacher from a file, not for one "+
			"that is trained here"))
	case t.data == "" || o.out == "":
		return nil, fail(exitUsage, "", errors.New("--teacher train wants --teacher-data and --out"))
	}
	names, err := dataset.ParseClasses(o.classNames)
	if err != nil {
		return nil, fail(exitInput, "", err)
	}
	full, err := e.openSet(ctx, t.data, dataset.OpenOptions{Split: t.split, Classes: test.ClassNames(), Names: names, Labels: o.labels})
	if err != nil {
		return nil, fail(exitInput, "", err)
	}
	defer full.Close()
	protocol := evaluate.TeacherProtocol(evaluate.FactsOf(full, t.net, size))
	if t.epochs > 0 {
		if protocol, err = protocol.With(fmt.Sprintf("epochs=%d", t.epochs)); err != nil {
			return nil, fail(exitUsage, "", err)
		}
	}
	run, err := evaluator.Run(ctx, t.net, protocol, evaluate.TrainSet{Images: full, IgnoreEXIF: o.ignoreEXIF})
	if err != nil {
		return nil, err
	}
	run.Seed, run.Dir = o.seed, filepath.Join(o.out, "teacher", fmt.Sprintf("%s-%d", t.net, size))
	run.Report = func(ev evaluate.Event) { p.Evaluation("teacher", ev) }
	teacher, _, err := run.TrainTeacher(ctx)
	if err != nil {
		return nil, fmt.Errorf("teacher: %w", err)
	}
	return teacher, nil
}
