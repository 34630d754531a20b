package main

import (
	"github.com/spf13/pflag"

	"mgd3/compare"
	"mgd3/internal/cli"
)

// teacherFlags name the teacher of soft labels.
func teacherFlags(f *pflag.FlagSet, j *compare.Judging) {
	t := &j.Asked
	// Nothing here says that labels are soft: the protocol does, and a teacher beside hard labels is refused.
	f.StringVar(&t.Path, "teacher", "", "for soft labels: a `FILE` (.pth or safetensors) with the teacher's weights, "+
		"by torchvision's names; or train, to train it")
	f.StringVar(&t.Net, "teacher-net", "resnet18", "`NET` of the teacher")
	f.StringVar(&t.Classes, "teacher-classes", "",
		"the teacher's classes in the order of its outputs, if its file does not say: a list by name or a `FILE` "+
			"with one class a line")
	f.BoolVar(&t.Unchecked, "teacher-unchecked", false,
		"let a teacher teach that is no better than guessing on the test images, or better in another order of classes")
	f.StringVar(&t.Data, "teacher-data", "", "full `SET` to train the teacher on")
	f.StringVar(&j.TeacherSplit, "teacher-split", "", "the `NAME` of the sub-folder to take of --teacher-data")
	f.IntVar(&t.Epochs, "teacher-epochs", 0, "epochs of the teacher's training; 0 takes the usual")
	cli.Heading(f, "Teacher of soft labels")
}
