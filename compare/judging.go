package compare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mgd3/dataset"
	"mgd3/engine"
	"mgd3/evaluate"
	"mgd3/internal/fault"
	"mgd3/sets"
	"mgd3/stage"
)

// Judging is an [Evaluation] as people ask for it: its sets, teacher and labels by name. Call Check, Open, Resolve, and
// then Train or what else the Evaluation does. Errors are marked with what is at fault.
type Judging struct {
	Evaluation
	Named        EvaluationSets
	Asked        AskedTeacher
	TeacherSplit string // of Asked.Data
	Stored       string // a file of labels in the place of a teacher's; "" is none
}

// Check finds what is wrong before anything is opened.
func (j *Judging) Check() (err error) {
	switch {
	case len(j.Named.Train) == 0:
		err = errors.New("missing --train")
	case j.Repeat < 1:
		err = fmt.Errorf("--repeat is %d, want at least 1", j.Repeat)
	case !slices.Contains(evaluate.Presets(), j.Protocol):
		err = fmt.Errorf("--protocol is %q, want one of %s", j.Protocol, strings.Join(evaluate.Presets(), ", "))
	case j.Out == "" && (j.Any != nil || j.Shard != (stage.Shard{}) && j.Shard != stage.Whole):
		err = errors.New("--shard wants --out, where the trainings of all shards are put together")
	}
	return fault.Of(fault.Usage, err)
}

// Open opens the sets, to train and test on an engine. Close closes them, also after an error.
func (j *Judging) Open(ctx context.Context, o *sets.Opener, e *engine.Engine) error {
	j.Evaluator = &evaluate.Evaluator{Engine: e, Every: j.Every}
	return fault.Of(fault.Input, j.Named.Open(ctx, o, &j.Evaluation))
}

// Lock keeps others from writing to Out, but for other shards; the function ends it. Without Out nothing is locked.
func (j *Judging) Lock() (unlock func(), err error) {
	switch {
	case j.Out == "":
		return func() {}, nil
	case j.Any != nil:
		unlock, err = stage.LockAny(j.Out)
	default:
		unlock, err = stage.Lock(j.Out, cmp.Or(j.Shard, stage.Whole))
	}
	return unlock, fault.Of(fault.Output, err)
}

// Resolve checks networks and protocol, and finds where soft labels are from. It returns whether there are some. Where
// labels are hard a teacher would teach nothing, and is refused.
func (j *Judging) Resolve(ctx context.Context, o *sets.Opener) (soft bool, err error) {
	if soft, err = j.Evaluation.Check(); err != nil {
		return soft, fault.Of(fault.Usage, err)
	}
	switch {
	case j.Stored == "":
		return soft, j.resolveTeacher(o, soft)
	case !soft || j.Asked.Path != "":
		return soft, fault.Of(fault.Usage, errors.New("--stored is for soft labels, and takes the place of --teacher"))
	}
	j.Evaluator.Stored, err = evaluate.OpenStored(ctx, j.Stored)
	j.Teacher.File = j.Stored
	return soft, fault.Of(fault.Input, err)
}

func (j *Judging) resolveTeacher(o *sets.Opener, soft bool) (err error) {
	j.Teacher, err = j.Asked.Source(soft, j.Protocol, j.Out)
	if errors.Is(err, dataset.ErrList) {
		return err
	}
	full := j.Named.Test
	full.Path, full.Split, full.Limit = j.Asked.Data, j.TeacherSplit, 0
	j.Teacher.Full = func(ctx context.Context, classes []string) (*dataset.Set, error) {
		set, err := o.Alike(ctx, full, classes)
		return set, fault.Of(fault.Input, err)
	}
	return fault.Of(fault.Usage, err)
}

// Close closes what was opened.
func (j *Judging) Close() {
	if j.Evaluator == nil {
		return
	}
	j.Evaluation.Close()
	if j.Evaluator.Stored != nil {
		_ = j.Evaluator.Stored.Close()
	}
}

// Train is [Evaluation.Do].
func (j *Judging) Train(ctx context.Context) error {
	err := j.Do(ctx)
	if errors.Is(err, evaluate.ErrStored) || errors.Is(err, evaluate.ErrLabels) {
		return fault.Of(fault.Input, err)
	}
	for _, s := range j.Sets {
		bad := errors.Is(err, dataset.ErrImage) || errors.Is(err, dataset.ErrUnread)
		if s.Run != "" && bad && strings.Contains(err.Error(), s.Run) {
			// without the name of the set: that of the file has it
			return fault.Of(fault.Made, cmp.Or(errors.Unwrap(err), err))
		}
	}
	return err
}
