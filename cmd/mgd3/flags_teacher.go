package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"mgd3/compare"
	"mgd3/dataset"
	"mgd3/internal/cli"
)

// teacherFlags name the teacher of soft labels.
type teacherFlags struct {
	path, net, data, split string
	classes                string // in the order of its outputs
	epochs                 int
	unchecked              bool
}

// trainTeacher as a teacher's file trains it.
const trainTeacher = "train"

func (t *teacherFlags) add(f *pflag.FlagSet) {
	f.StringVar(&t.path, "teacher", "", "for soft labels: a `FILE` (.pth or safetensors) with the teacher's weights, "+
		"by torchvision's names; or train, to train it")
	f.StringVar(&t.net, "teacher-net", "resnet18", "`NET` of the teacher")
	f.StringVar(&t.classes, "teacher-classes", "",
		"the teacher's classes in the order of its outputs, if its file does not say: a list by name or a `FILE` "+
			"with one class a line")
	f.BoolVar(&t.unchecked, "teacher-unchecked", false,
		"let a teacher teach that is no better than guessing on the test images, or better in another order of classes")
	f.StringVar(&t.data, "teacher-data", "", "full `SET` to train the teacher on")
	f.StringVar(&t.split, "teacher-split", "", "the `NAME` of the sub-folder to take of --teacher-data")
	f.IntVar(&t.epochs, "teacher-epochs", 0, "epochs of the teacher's training; 0 takes the usual")
	cli.Heading(f, "Teacher of soft labels")
}

// source is where the teacher is from. Where labels are hard it would teach nothing, and its flags are refused.
func (t *teacherFlags) source(e *env, o *evaluateOptions, soft bool) (s compare.TeacherSource, err error) {
	refuse := func(text string) (compare.TeacherSource, error) { return s, fail(exitUsage, "", errors.New(text)) }
	for _, f := range []struct {
		name  string
		given bool
	}{{"teacher", t.path != ""}, {"teacher-classes", t.classes != ""}, {"teacher-data", t.data != ""},
		{"teacher-unchecked", t.unchecked}} {
		if f.given && !soft {
			return refuse(fmt.Sprintf("--%s is for soft labels, those of --protocol %s are hard: leave it out, or "+
				"take "+
				"--protocol soft", f.name, o.judge.Protocol))
		}
	}
	s = compare.TeacherSource{Net: t.net, Unchecked: t.unchecked, Epochs: t.epochs}
	switch {
	case !soft:
		return s, nil
	case t.path == "":
		return refuse("soft labels want --teacher: a file with its weights, or train")
	case t.path != trainTeacher:
		s.File = t.path
		if s.Order, err = dataset.ParseClasses(t.classes); err != nil {
			return s, fail(exitInput, "", fmt.Errorf("--teacher-classes: %w", err))
		}
		return s, nil
	case t.classes != "":
		return refuse("--teacher-classes is for a teacher from a file, not for one that is trained here")
	case t.data == "" || o.judge.Out == "":
		return refuse("--teacher train wants --teacher-data and --out")
	}
	full := o.sets.Test
	full.Path, full.Split, full.Limit, full.Classes = t.data, t.split, 0, ""
	open, err := full.Options()
	if err != nil {
		return s, fail(exitInput, "", err)
	}
	s.Full = func(ctx context.Context, classes []string) (*dataset.Set, error) {
		open.Classes = classes
		set, err := e.sets.OpenPath(ctx, t.data, open)
		return set, fail(exitInput, "", err)
	}
	return s, nil
}
