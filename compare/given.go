package compare

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mgd3/baseline"
	"mgd3/dataset"
	"mgd3/evaluate"
	"mgd3/internal/fault"
	"mgd3/sets"
)

// ErrGiven says that a set cannot stand beside the methods.
var ErrGiven = errors.New("cannot be compared")

// Given is a set that somebody made: a row beside the methods, whose one set is learned as often as there are sets of
// each method.
type Given struct {
	Name string
	IPC  int // images per class of the largest one, collages uncut: the column
	Set  evaluate.TrainSet
}

// id names a training on the set as one on a method's.
func (g Given) id(seed uint64) baseline.ID {
	return baseline.ID{Method: baseline.Method(g.Name), IPC: g.IPC, Seed: seed}
}

// OpenGiven opens sets as [EvaluationSets] does, each SET or NAME=SET, with the classes of the images that the methods'
// sets are made of; numbers take the names that spec has for them, or those of train's classes in their order. note and
// warn are told what was taken for what.
func OpenGiven(ctx context.Context, o *sets.Opener, list []string, spec sets.Spec, train *dataset.Set, note,
	warn func(string)) (given []Given, err error) {
	v := &Evaluation{Evaluator: &evaluate.Evaluator{Test: train}, Test: spec.Path, Note: note, Warn: warn}
	names, err := dataset.ParseNames(spec.ClassNames)
	if err != nil {
		return nil, err
	}
	for _, text := range list {
		j, err := EvaluationSets{}.openTrain(ctx, o, v, text, dataset.OpenOptions{Classes: train.ClassNames(),
			Names: names})
		if err != nil {
			return given, fault.Of(fault.Input, fmt.Errorf("--set %q: %w", text, err))
		}
		g := Given{Name: j.Name, Set: j.Set}
		for _, class := range j.Set.Images.Classes {
			g.IPC = max(g.IPC, len(class.Images))
		}
		if n := o.Tensors.Collage; n > 1 && o.Published(j.Set.Images) != nil {
			g.IPC /= n * n
		}
		given = append(given, g)
		if err := evaluate.Match(j.Set.Images.ClassNames(), train.ClassNames()); err != nil {
			return given, fmt.Errorf("--set %q: %w", text, err)
		}
	}
	return given, nil
}

// CloseGiven closes the sets.
func CloseGiven(list []Given) {
	for _, g := range list {
		_ = g.Set.Images.Close()
	}
}

// checkGiven names a set that has no column, or no name of its own.
func (o *Options) checkGiven() error {
	for i, g := range o.Given {
		switch {
		case slices.Contains(baseline.Methods, baseline.Method(g.Name)):
			return fmt.Errorf("the set %q %w: a method has this name, want --set NAME=SET", g.Name, ErrGiven)
		case slices.ContainsFunc(o.Given[:i], func(other Given) bool { return other.Name == g.Name }):
			return fmt.Errorf("two sets %q %w: want --set NAME=SET for one of them", g.Name, ErrGiven)
		case !slices.Contains(o.IPCs, g.IPC):
			return fmt.Errorf("the set %q %w: it has %d images of a class, want a number of --ipc, %v", g.Name,
				ErrGiven, g.IPC, o.IPCs)
		}
	}
	return nil
}

// rows are the methods and the names of the given sets.
func (o *Options) rows() []baseline.Method {
	rows := slices.Clone(o.Methods)
	for _, g := range o.Given {
		rows = append(rows, baseline.Method(g.Name))
	}
	return rows
}

// given returns the set of a training, nil where a method makes it.
func (o *Options) given(id baseline.ID) *Given {
	for i, g := range o.Given {
		if id.Method == baseline.Method(g.Name) {
			return &o.Given[i]
		}
	}
	return nil
}
