package page

import (
	"cmp"
	"context"
	"fmt"

	"mgd3/dataset"
	"mgd3/sets"
	"mgd3/stage/cost"
)

// From names the sets of a page.
type From struct {
	Sets       []string  // each a path as sets.Opener.Made opens it; at least one
	Data, Test sets.Spec // the real images, and those to test on; without a path there are none
}

// Open opens the sets with the classes of the first, and completes the Options: the sources, the real and the test
// images, and how these are cropped. Where the first set has a manifest, split, limit and crop of the real images are
// those that it was made with, unless from says otherwise: a row is to show what the encoder has seen. Sets of other
// classes, or of these in another order, are an error that names both. close ends the use of all; it is never nil.
func Open(ctx context.Context, o *sets.Opener, from From) (_ Options, close func(), err error) {
	var opened []*dataset.Set
	close = func() {
		for _, set := range opened {
			_ = set.Close()
		}
	}
	defer func() {
		if err != nil {
			close()
		}
	}()
	var p Options
	defer o.Keep(func(text string) { p.Notes = append(p.Notes, text) })()
	classes, err := from.Data.Options()
	if err != nil {
		return p, close, err
	}
	for i, path := range from.Sets {
		made, err := o.Made(ctx, path, dataset.OpenOptions{Classes: classes.Classes})
		if err != nil {
			return p, close, err
		}
		opened = append(opened, made.Images)
		if i == 0 {
			classes.Classes = made.Images.ClassNames()
			if m := made.Manifest; m != nil {
				classes.Classes = m.ClassNames()
			}
		}
		source := Source{Name: path, Images: made.Images, Manifest: made.Manifest}
		if made.IsRun {
			source.Dir = path
			sum, processes, err := cost.Of(path)
			if err != nil { // no reason to show nothing
				o.Warn(fmt.Sprintf("what the run cost is left out: %v", err))
			} else if processes > 0 {
				source.Cost = &sum
			}
		}
		p.Sources = append(p.Sources, source)
	}
	first := p.Sources[0]
	if m := first.Manifest; m != nil {
		from.Data.Split = cmp.Or(from.Data.Split, m.Settings.Encode.Split)
		from.Data.Limit = cmp.Or(from.Data.Limit, m.Settings.Encode.Limit)
		if m.Settings.Encode.Size > 0 {
			p.How = m.Settings.Encode.LoadOptions()
		}
	}
	for _, other := range []struct {
		spec sets.Spec
		into **dataset.Set
	}{{from.Data, &p.Real}, {from.Test, &p.Test}} {
		if other.spec.Path == "" {
			continue
		}
		set, err := o.Alike(ctx, other.spec, first.Images.ClassNames())
		if err != nil {
			return p, close, err
		}
		opened, *other.into = append(opened, set), set
	}
	for _, source := range p.Sources[1:] {
		if fmt.Sprint(source.Images.ClassNames()) != fmt.Sprint(first.Images.ClassNames()) {
			return p, close, fmt.Errorf("%q has the classes %q, want those of %q: %q", source.Name,
				source.Images.ClassNames(), first.Name, first.Images.ClassNames())
		}
	}
	return p, close, nil
}
