package main

import (
	"context"
	"errors"

	"github.com/spf13/pflag"

	"mgd3/compare"
	"mgd3/dataset"
	"mgd3/internal/cli"
)

// teacherFlags name the teacher of soft labels.
type teacherFlags struct {
	compare.AskedTeacher
	split string // of its data
}

func (t *teacherFlags) add(f *pflag.FlagSet) {
	f.StringVar(&t.Path, "teacher", "", "for soft labels: a `FILE` (.pth or safetensors) with the teacher's weights, "+
		"by torchvision's names; or train, to train it")
	f.StringVar(&t.Net, "teacher-net", "resnet18", "`NET` of the teacher")
	f.StringVar(&t.Classes, "teacher-classes", "",
		"the teacher's classes in the order of its outputs, if its file does not say: a list by name or a `FILE` "+
			"with one class a line")
	f.BoolVar(&t.Unchecked, "teacher-unchecked", false,
		"let a teacher teach that is no better than guessing on the test images, or better in another order of classes")
	f.StringVar(&t.Data, "teacher-data", "", "full `SET` to train the teacher on")
	f.StringVar(&t.split, "teacher-split", "", "the `NAME` of the sub-folder to take of --teacher-data")
	f.IntVar(&t.Epochs, "teacher-epochs", 0, "epochs of the teacher's training; 0 takes the usual")
	cli.Heading(f, "Teacher of soft labels")
}

// source is where the teacher is from. Where labels are hard it would teach nothing, and its flags are refused.
func (t *teacherFlags) source(e *env, o *evaluateOptions, soft bool) (compare.TeacherSource, error) {
	s, err := t.Source(soft, o.judge.Protocol, o.judge.Out)
	if errors.Is(err, dataset.ErrList) {
		return s, err
	}
	full := o.sets.Test
	full.Path, full.Split, full.Limit = t.Data, t.split, 0
	s.Full = func(ctx context.Context, classes []string) (*dataset.Set, error) {
		set, err := e.sets.Alike(ctx, full, classes)
		return set, ofSet(err)
	}
	return s, fail(exitUsage, "", err)
}
