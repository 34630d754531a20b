package compare

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"mgd3/dataset"
	"mgd3/evaluate"
	"mgd3/internal/words"
	"mgd3/sets"
	"mgd3/tensorset"
)

// openNamed opens a set to train on. Where its labels are numbers, and neither has it names for them nor are any given,
// those of the test set's classes are taken, in its own order, and it is said.
func (s EvaluationSets) openNamed(ctx context.Context, o *sets.Opener, v *Evaluation, path string,
	open dataset.OpenOptions) (*sets.Made, error) {
	tensors, err := tensorset.Is(path, open.Split)
	if err != nil {
		return nil, err
	}
	test := v.Evaluator.Test
	if tensors {
		known := open.Names
		if known == nil {
			o := tensorset.Options{Split: open.Split, Labels: open.Labels}
			if known, err = tensorset.ClassNames(ctx, path, o); err != nil {
				return nil, err
			}
		}
		if known != nil { // what the labels are is known, and their order need not be that of the test set
			if open.Classes == nil && sameNames(known, test.ClassNames()) {
				open.Classes = test.ClassNames()
			}
			return o.Made(ctx, path, open)
		}
	}
	if open.Names != nil {
		return o.Made(ctx, path, open)
	}
	names := ownOrder(test)
	named := open
	named.Names = names
	if tensors {
		made, err := o.Made(ctx, path, named)
		if err == nil {
			v.sayNames(path, names)
		}
		return made, err
	}
	made, err := o.Made(ctx, path, open)
	switch {
	case err == nil && (!dataset.Numbered(made.Images.ClassNames()) ||
		evaluate.Match(made.Images.ClassNames(), v.Evaluator.Test.ClassNames()) == nil):
		return made, nil
	case err != nil && open.Classes == nil:
		return nil, err
	}
	again, errNamed := o.Made(ctx, path, named)
	if errNamed == nil && evaluate.Match(again.Images.ClassNames(), v.Evaluator.Test.ClassNames()) == nil {
		if err == nil {
			_ = made.Images.Close()
		}
		v.sayNames(path, names)
		return again, nil
	}
	if errNamed == nil {
		_ = again.Images.Close()
	}
	return made, err
}

// sameNames tells whether two lists have the same names, in whatever order.
func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// ownOrder are the names of a set's classes in its own order: that of the numbers, where they are numbers.
func ownOrder(set *dataset.Set) []string {
	names := set.ClassNames()
	if !dataset.Numbered(names) {
		return names
	}
	number := func(name string) int {
		digits := len(name)
		for digits > 0 && name[digits-1] >= '0' && name[digits-1] <= '9' {
			digits--
		}
		n, _ := strconv.Atoi(name[digits:]) // six digits at most
		return n
	}
	slices.SortStableFunc(names, func(a, b string) int { return number(a) - number(b) })
	return names
}

// sayNames says what the numbers of a set were taken for.
func (v *Evaluation) sayNames(path string, names []string) {
	if v.Note != nil {
		v.Note(fmt.Sprintf("%s: its classes are numbers, which are taken for those of %s in this order: 0 is %q, …: "+
			"%s; "+
			"--class-names gives another", path, v.Test, names[0], words.Quoted(names)))
	}
}

// noteUnused says what was published with a set and has no part in a protocol: its learned rate, its soft labels.
func (v *Evaluation) noteUnused(s *Judged, p evaluate.Protocol) {
	if v.Note == nil {
		return
	}
	if s.Set.Rate > 0 && p.Optimiser.Rate != s.Set.Rate {
		v.Note(fmt.Sprintf("%q has a rate that was learned with its images, %.4g; protocol %s has its own, %.4g",
			s.Name,
			s.Set.Rate, p.Name, p.Optimiser.Rate))
	}
	if s.Set.Soft != nil && p.Labels == evaluate.Soft {
		v.Note(fmt.Sprintf("%q has soft labels, which protocol %s replaces by those of the teacher", s.Name, p.Name))
	}
}
