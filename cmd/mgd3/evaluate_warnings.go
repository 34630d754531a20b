package main

import (
	"context"
	"fmt"

	"mgd3/compare"
	"mgd3/dataset"
	"mgd3/evaluate"
)

// warn tells the user what may be wrong, and keeps it for the page and scores.json.
func (o *evaluateOptions) warn(e *env, format string, args ...any) {
	o.warnings = append(o.warnings, fmt.Sprintf(format, args...))
	e.warn(format, args...)
}

// warn tells the user what may be wrong, whatever else is shown.
func (e *env) warn(format string, args ...any) {
	fmt.Fprintf(e.stderr, "mgd3: warning: "+format+"\n", args...)
}

// warnOfGuesses says of each set and network whose accuracy is no more than guessing may have.
func (e *env) warnOfGuesses(o *evaluateOptions, sets []*compare.Judged) {
	for _, set := range sets {
		for i, scores := range set.Scores {
			if at, bound := evaluate.AtChance(scores); at {
				o.warn(e, "%q, %s: no better than guessing, which may have up to %.1f %%: too few epochs or images, "+
					"too large a --rate, "+
					"images of another size or other colours than those to test on, or classes (a teacher's, "+
					"too) in another order", set.Name, o.nets[i], 100*bound)
			}
		}
	}
}

// warnOfDuplicates says which images are in several classes, or to train on and to test on.
func (e *env) warnOfDuplicates(ctx context.Context, o *evaluateOptions, sets []*trainSet, test *dataset.Set) error {
	all := append(imagesOf(sets), test)
	groups, err := dataset.Duplicates(ctx, all...)
	if err != nil {
		return err
	}
	for i := range all {
		name := o.test
		if i < len(sets) {
			name = sets[i].Name
		}
		if s := dataset.AcrossClasses(groups, i); s.Images > 0 {
			o.warn(e, "%q: %v", name, s)
		}
		if s := dataset.Between(groups, i, len(sets)); i < len(sets) && s.Images > 0 {
			o.warn(e, "%q: %d of its images are among those to test on, byte for byte: %v is %v", name, s.Images,
				s.First[0], s.First[1])
		}
	}
	return nil
}

// warnOfFewer says where a set has fewer images of a class than --ipc asks for.
func (o *evaluateOptions) warnOfFewer(e *env, s *trainSet) {
	fewer, least := 0, o.ipc
	example := ""
	for _, class := range s.Set.Images.Classes {
		if n := len(class.Images); n < o.ipc {
			if fewer++; n < least {
				least, example = n, class.Name
			}
		}
	}
	if fewer > 0 {
		o.warn(e, "%q: %d classes have fewer than --ipc %d images: class %q has %d", s.Name, fewer, o.ipc, example,
			least)
	}
}
