package compare

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"mgd3/baseline"
	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/evaluate"
	"mgd3/modes"
	"mgd3/stage"
)

// Compare makes the sets of all methods, trains every network on each of them, and tests it.
//
//	OUT/settings.json                          what all sets are made with
//	OUT/latents, OUT/sets/SET                  see distill; SET is METHOD-ipcIPC-seedSEED
//	OUT/PROTOCOL/NET/SET/result.json           one score, with its curve and times; the checkpoint before
//	OUT/PROTOCOL/result.json, table.txt        the comparison, anew after each score
//
// It goes through the numbers of images in their order, then through the sets, the nets and the methods, so that the
// first table has one run of every method; full, which costs most, comes last, once for each net. What is there is
// kept, so that the same call goes on where one was stopped, and one with more sets, methods or numbers of images
// adds to it. The result is the same to the byte however often it was stopped; times stand in the scores alone.
//
// Errors are those of package distill and evaluate, and name the set.
func Compare(ctx context.Context, o Options) (_ *Comparison, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	// A damaged file is always made again: every set and score below has its own settings, or key.
	healed, err := stage.LockSettings(o.Out, o.comparisonRecord(), func() (bool, error) { return true, nil })
	if err != nil {
		return nil, err
	}
	if healed != nil {
		o.report(Event{Making: &stage.Event{Warning: fmt.Sprintf("%v: made again", healed)}})
	}
	c := o.newComparison()
	w := newComparer(&o)
	defer func() { err = errors.Join(err, w.close()) }()
	jobs := o.jobs()
	for i, j := range jobs {
		score, err := w.do(ctx, j)
		if err != nil {
			return nil, err
		}
		c.add(j, score)
		c.Complete = i == len(jobs)-1
		if w.trained || c.Complete { // a score that was there is in the result that is there
			if err := c.write(o.ProtocolDir()); err != nil {
				return nil, err
			}
		}
		o.report(Event{Set: j.set.String(), Score: score, Done: i + 1, Total: len(jobs)})
	}
	return c, nil
}

// job is one training.
type job struct {
	set baseline.ID
	net string
}

// jobs returns all trainings in the order of work.
func (o *Options) jobs() (jobs []job) {
	methods := slices.DeleteFunc(slices.Clone(o.Methods), func(m baseline.Method) bool { return m == baseline.Full })
	for _, ipc := range o.IPCs {
		for s := range o.Sets {
			for _, net := range o.Nets {
				for _, m := range methods {
					jobs = append(jobs, job{baseline.ID{Method: m, IPC: ipc, Seed: uint64(s)}, net})
				}
				for _, g := range o.Given {
					if g.IPC == ipc {
						jobs = append(jobs, job{g.id(uint64(s)), net})
					}
				}
			}
		}
	}
	if len(methods) < len(o.Methods) {
		for _, net := range o.Nets {
			jobs = append(jobs, job{baseline.ID{Method: baseline.Full}, net})
		}
	}
	return jobs
}

// check finds what would fail later, before the work begins.
func (o *Options) check() error {
	switch {
	case len(o.IPCs) == 0 || len(o.Methods) == 0 || len(o.Nets) == 0:
		return fmt.Errorf("%d numbers of images, %d methods and %d networks to compare, want at least 1 each",
			len(o.IPCs), len(o.Methods), len(o.Nets))
	case o.Sets < 1:
		return fmt.Errorf("%d sets of each method, want at least 1", o.Sets)
	case o.FullLimit < 0:
		return fmt.Errorf("a limit of %d images for full, want at least 0", o.FullLimit)
	}
	if err := errors.Join(distinct(o.IPCs), distinct(o.Methods), distinct(o.Nets), o.checkGiven()); err != nil {
		return err
	}
	classes := o.Train.ClassNames()
	if err := evaluate.Match(classes, o.Test.ClassNames()); err != nil {
		return err
	}
	real := slices.ContainsFunc(o.Methods, func(m baseline.Method) bool { return !m.Sampled() && m != baseline.Full })
	for _, ipc := range o.IPCs {
		for _, class := range o.Train.Classes {
			if n := len(class.Images); n < ipc && (real || o.Settings.Modes.Short != modes.ShortRepeat) {
				return fmt.Errorf("class %q: %w: have %d, want %d", class.Name, modes.ErrTooFew, n, ipc)
			}
		}
		for _, net := range o.Nets {
			p, err := o.judge(net).For(evaluate.Facts{IPC: ipc, Classes: len(classes), Images: ipc * len(classes),
				Size: o.Settings.Encode.Size})
			if err != nil {
				return err
			}
			if (p.Labels == evaluate.Soft) != (o.Teacher != nil) {
				return fmt.Errorf("protocol %s has %s labels: want a teacher for soft labels, and none for others",
					p.Name, p.Labels)
			}
		}
	}
	return nil
}

// distinct refuses a list that has something twice.
func distinct[T comparable](list []T) error {
	for i, v := range list {
		if slices.Contains(list[:i], v) {
			return fmt.Errorf("%v is to be compared twice, want once", v)
		}
	}
	return nil
}

// judge judges by a net.
func (o *Options) judge(net string) evaluate.Judge {
	return evaluate.Judge{Net: net, Protocol: o.Protocol, Changes: o.Changes}
}

// ProtocolDir is the folder of a comparison's scores, and of its result: below Out, so that comparisons under several
// protocols share their sets.
func (o *Options) ProtocolDir() string {
	return filepath.Join(o.Out, strings.Join(slices.Concat([]string{o.Protocol}, o.Changes), ","))
}

// comparer keeps what several trainings share.
type comparer struct {
	*Options
	made      map[baseline.ID]*dataset.Set
	evaluator evaluate.Evaluator
	trained   bool // a network was, in this call
}

func newComparer(o *Options) *comparer {
	o.Maker.Report = func(set baseline.ID, e stage.Event) { o.report(Event{Set: set.String(), Making: &e}) }
	return &comparer{Options: o, made: map[baseline.ID]*dataset.Set{}, evaluator: evaluate.Evaluator{
		Engine: o.Engine, Test: o.Test, IgnoreEXIF: o.Settings.Encode.IgnoreEXIF,
		Teacher: func(context.Context, *evaluate.Run) (*evaluate.Teacher, error) { return o.Teacher, nil },
	}}
}

// close closes the sets.
func (w *comparer) close() error {
	var errs []error
	for _, set := range w.made {
		errs = append(errs, set.Close())
	}
	return errors.Join(errs...)
}

// do returns the score of one training.
func (w *comparer) do(ctx context.Context, j job) (*evaluate.Score, error) {
	images, err := w.images(ctx, j.set)
	if err != nil {
		return nil, err
	}
	p, err := w.judge(j.net).For(evaluate.FactsOf(images, j.net, w.Settings.Encode.Size))
	if err != nil {
		return nil, err
	}
	set := evaluate.TrainSet{Images: images}
	if g := w.given(j.set); g != nil {
		set = g.Set
	}
	run, err := w.evaluator.Run(ctx, j.net, p, set)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", j.set, err)
	}
	run.Seed, run.Dir = j.set.Seed, filepath.Join(w.ProtocolDir(), j.net, w.scoreName(j.set))
	run.Report = func(e evaluate.Event) {
		w.trained = true
		w.report(Event{Set: j.set.String(), Training: &e})
	}
	score, err := run.Do(ctx)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", j.set, err)
	}
	return score, nil
}

// scoreName is the name of the folder of a score.
func (o *Options) scoreName(set baseline.ID) string {
	switch {
	case o.given(set) != nil:
		return fmt.Sprintf("given-%s-seed%d", folderName(string(set.Method)), set.Seed)
	case set.Method != baseline.Full:
		return fmt.Sprintf("%s-ipc%d-seed%d", set.Method, set.IPC, set.Seed)
	case o.FullLimit > 0:
		return fmt.Sprintf("full-%d", o.FullLimit)
	}
	return "full"
}

// images returns the set to train on; it makes it where it is not there.
func (w *comparer) images(ctx context.Context, id baseline.ID) (*dataset.Set, error) {
	if g := w.given(id); g != nil {
		return g.Set.Images, nil
	}
	if set, ok := w.made[id]; ok {
		return set, nil
	}
	set, err := w.open(ctx, id)
	if err != nil {
		return nil, err
	}
	w.made[id] = set
	return set, nil
}

func (w *comparer) open(ctx context.Context, id baseline.ID) (*dataset.Set, error) {
	if id.Method == baseline.Full {
		return w.Full(ctx, w.FullLimit)
	}
	dir, err := w.Make(ctx, id)
	if err != nil {
		return nil, err
	}
	return openMade(ctx, dir, w.Train.ClassNames(), func(text string) {
		w.report(Event{Set: id.String(), Making: &stage.Event{Stage: distill.StageSample, Warning: text}})
	})
}
