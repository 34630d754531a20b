package compare

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"mgd3/dataset"
	"mgd3/evaluate"
	"mgd3/internal/fault"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
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

// AskedTeacher is the teacher as people ask for it.
type AskedTeacher struct {
	Path      string // of its weights; "train" trains it
	Net       string
	Classes   string // of a file: as dataset.ParseClasses reads them
	Data      string // the path of the full set to train it on
	Epochs    int
	Unchecked bool
}

// trainTeacher as a teacher's file trains it.
const trainTeacher = "train"

// Source returns where the teacher is from, but for the set that it is trained on, for labels that are soft or not, of
// a protocol of that name, and an output folder. It refuses what decides nothing and what is not complete; a list of
// classes that cannot be read is a [dataset.ErrList].
func (t AskedTeacher) Source(soft bool, protocol, out string) (s TeacherSource, err error) {
	s = TeacherSource{Net: t.Net, Unchecked: t.Unchecked, Epochs: t.Epochs}
	for _, f := range []struct {
		name  string
		given bool
	}{{"teacher", t.Path != ""}, {"teacher-classes", t.Classes != ""}, {"teacher-data", t.Data != ""},
		{"teacher-unchecked", t.Unchecked}} {
		if f.given && !soft {
			return s, fmt.Errorf("--%s is for soft labels, those of --protocol %s are hard: leave it out, or take "+
				"--protocol soft", f.name, protocol)
		}
	}
	switch {
	case !soft:
	case t.Path == "":
		err = errors.New("soft labels want --teacher: a file with its weights, or train")
	case t.Path != trainTeacher:
		s.File = t.Path
		if s.Order, err = dataset.ParseClasses(t.Classes); err != nil {
			err = fmt.Errorf("--teacher-classes: %w", err)
		}
	case t.Classes != "":
		err = errors.New("--teacher-classes is for a teacher from a file, not for one that is trained here")
	case t.Data == "" || out == "":
		err = errors.New("--teacher train wants --teacher-data and --out")
	}
	return s, err
}

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
		return nil, fault.Of(fault.Model,
			fmt.Errorf("%q: %w%s", from.File, doubt, v.otherOrder(ctx, run, t)))
	case doubt != nil && from.File == "":
		c := t.Known.Tested
		v.warn("the teacher that was trained here has %.1f %% on the %d test images, and guessing has %.1f %%: want "+
			"more --teacher-epochs or images, or another --teacher-net", 100*c.Accuracy, c.Images, 100*c.Chance)
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

// otherOrder tries the orders in which ImageNet's classes are numbered somewhere, and says which would make a doubted
// teacher right.
func (v *Evaluation) otherOrder(ctx context.Context, run *evaluate.Run, t *evaluate.Teacher) string {
	from := v.Teacher
	name, accuracy, err := evaluate.TryOrders(ctx, v.Evaluator.Engine, from.File, evaluate.TeacherOptions{Net: from.Net,
		Size: run.Protocol.Size, Classes: v.Evaluator.Test.ClassNames()}, run.Test, run.Protocol)
	if err != nil || name == "" || accuracy <= 2*t.Known.Tested.Accuracy {
		return ""
	}
	return fmt.Sprintf("; with its outputs in %s it would have %.1f %%: --teacher-classes ilsvrc, imagenet1k or a "+
		"file "+
		"says the order", name, 100*accuracy)
}

// openTeacher reads the teacher, or trains it.
func (v *Evaluation) openTeacher(ctx context.Context, size int) (*evaluate.Teacher, error) {
	from, classes := v.Teacher, v.Evaluator.Test.ClassNames()
	if from.File != "" {
		t, err := evaluate.OpenTeacher(ctx, v.Evaluator.Engine, from.File,
			evaluate.TeacherOptions{Net: from.Net, Size: size, Classes: classes, Order: from.Order})
		if err != nil {
			return nil, fault.Of(fault.Model, err)
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
	run.KeepWeights = true
	run.Seed, run.Dir = v.Seed, filepath.Join(v.Out, "teacher", fmt.Sprintf("%s-%d", from.Net, size))
	if v.Report != nil {
		run.Report = func(e evaluate.Event) { v.Report("teacher", e) }
	}
	release, err := v.trainOnce(ctx, run)
	if err != nil {
		return nil, fmt.Errorf("teacher: %w", err)
	}
	defer release()
	t, _, err := run.TrainTeacher(ctx)
	if err != nil {
		return nil, fmt.Errorf("teacher: %w", err)
	}
	return t, nil
}

// trainOnce lets one worker or shard train the teacher, while the others wait for it. Where the one is lost, another
// goes on from its checkpoint. Shards hold the teacher's folder until the function that is returned.
func (v *Evaluation) trainOnce(ctx context.Context, run *evaluate.Run) (release func(), err error) {
	waits := func(who string) {
		if v.Note != nil {
			v.Note("waits for the teacher, which another " + who + " trains")
		}
	}
	if v.Any != nil {
		return func() {}, v.Any.Each(ctx, v.Out, fmt.Sprintf("teacher%d", run.Protocol.Size), 1, 1,
			func(int) { waits("worker") }, func(ctx context.Context, _ stage.Shard) error {
				_, err := run.Do(ctx)
				return err
			})
	}
	release, err = atomicfile.Lock(run.Dir)
	if errors.Is(err, atomicfile.ErrBusy) {
		waits("shard")
		release, err = atomicfile.Wait(ctx, run.Dir)
	}
	return release, err
}
