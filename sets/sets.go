// Package sets opens image sets as people name them:
//
//	a path            what dataset.Open reads: a folder, an archive, …
//	tensors           what programs of distillation save, as package tensorset reads it
//	glyphs            the set in the program; a folder of that name is ./glyphs
//	a run's folder    the images of a distilled set, held against its manifest; see [Opener.Made]
//
// What is passed over in a set, or is odd about it, is told to the functions of an [Opener], once, however often the
// set is opened.
package sets

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"mgd3/dataset"
	"mgd3/glyphs"
	"mgd3/tensorset"
)

// Glyphs is the name that stands for the set drawn by the program in the place of a path.
const Glyphs = "glyphs"

// Spec names a set, and the images of it that are taken.
type Spec struct {
	Path       string
	Split      string // the part of the set, "train" say; "" if it has none, or is glyphs' train
	Classes    string // those to take, as [dataset.ParseClasses] reads it; "" takes all
	ClassNames string // of labels that are numbers, as [dataset.ParseNames] reads it
	Labels     string // which of several labels; "" takes the usual ones
	Limit      int    // images per class, the first by name; 0 takes all
}

// Options are those of [dataset.Open] that s stands for. The error is a [dataset.ErrList].
func (s Spec) Options() (o dataset.OpenOptions, err error) {
	o = dataset.OpenOptions{Split: s.Split, Labels: s.Labels, Limit: s.Limit}
	if o.Classes, err = dataset.ParseClasses(s.Classes); err != nil {
		return o, err
	}
	o.Names, err = dataset.ParseNames(s.ClassNames)
	return o, err
}

// Opener opens the sets of one command or run.
type Opener struct {
	Strict      bool              // whatever is passed over in a set is an error
	FollowLinks bool              // links that lead out of a set's folder are followed; else they are errors
	PassedOver  func(text string) // told of what is passed over in a set; may be nil
	Warn        func(text string) // told of what may be wrong otherwise; may be nil
	Note        func(text string) // told of what was taken for what in a set of tensors; may be nil
	Tensors     Tensors           // how sets of tensors are read

	told      map[string]bool
	opened    []openedSet
	published map[*dataset.Set]*tensorset.Set
	learned   map[[2]int]*tensorset.Whitening
}

// openedSet is a set with the path that names it.
type openedSet struct {
	path string
	set  *dataset.Set
}

// Open opens a set.
func (o *Opener) Open(ctx context.Context, s Spec) (*dataset.Set, error) {
	options, err := s.Options()
	if err != nil {
		return nil, err
	}
	return o.OpenPath(ctx, s.Path, options)
}

// Alike opens a set with the classes of another, in their order, in place of those of the Spec.
func (o *Opener) Alike(ctx context.Context, s Spec, classes []string) (*dataset.Set, error) {
	s.Classes = ""
	options, err := s.Options()
	if err != nil {
		return nil, err
	}
	options.Classes = classes
	return o.OpenPath(ctx, s.Path, options)
}

// OpenPath opens the set at a path, or the glyphs, of which no split is train, and a limit may be above the usual
// number of images. Links and strictness are as the Opener says. The images of a run are held against its manifest, as
// [Opener.Made] does.
func (o *Opener) OpenPath(ctx context.Context, path string, options dataset.OpenOptions) (*dataset.Set, error) {
	if run := runOf(filepath.Join(path, options.Split)); run != "" {
		if err := o.checkImages(ctx, run); err != nil {
			return nil, err
		}
	}
	return o.open(ctx, path, options)
}

// open is OpenPath without a look for a manifest.
func (o *Opener) open(ctx context.Context, path string, options dataset.OpenOptions) (*dataset.Set, error) {
	if path == Glyphs {
		return o.glyphs(options)
	}
	if tensors, err := tensorset.Is(path, options.Split); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	} else if tensors {
		return o.tensors(ctx, path, options)
	}
	options.Strict, options.KeepIn = o.Strict, !o.FollowLinks
	set, err := dataset.Open(ctx, path, options)
	if err != nil {
		return nil, err
	}
	for _, passed := range set.PassedOver {
		o.tell(o.PassedOver, "%s: %v", path, passed)
	}
	o.opened = append(o.opened, openedSet{path, set})
	return set, nil
}

func (o *Opener) glyphs(options dataset.OpenOptions) (*dataset.Set, error) {
	if options.Labels != "" {
		return nil, fmt.Errorf("%s: %w, so no %q", Glyphs, dataset.ErrOneKind, options.Labels)
	}
	if options.Split == "" {
		options.Split = "train"
	}
	classes := slices.Clone(options.Classes)
	for i, line := range classes {
		classes[i] = strings.Fields(line)[0]
	}
	set, err := glyphs.Open(options.Split, glyphs.Options{Classes: classes, PerClass: options.Limit})
	if err == nil && options.Names != nil && !slices.ContainsFunc(set.ClassNames(), func(name string) bool {
		return slices.Contains(options.Names, name)
	}) {
		o.tell(o.Warn, "%s: its classes have names, none of which is in the list of class names", Glyphs)
	}
	return set, err
}

// ImageNotes returns what is to be known of the images that were read of all sets on disk: a line for each kind and
// set, also after they are closed.
func (o *Opener) ImageNotes() (lines []string) {
	for _, opened := range o.opened {
		for _, note := range opened.set.ImageNotes() {
			line := opened.path + ": " + note.String()
			if !slices.Contains(lines, line) { // a path may be opened twice
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// Keep has heard told each warning, too, until done is called: a result says what was said of its sets.
func (o *Opener) Keep(heard func(text string)) (done func()) {
	warn := o.Warn
	o.Warn = func(text string) {
		heard(text)
		if warn != nil {
			warn(text)
		}
	}
	return func() { o.Warn = warn }
}

// tell calls f, if it is there, with a text that was not told before.
func (o *Opener) tell(f func(text string), format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if f == nil || o.told[text] {
		return
	}
	if o.told == nil {
		o.told = map[string]bool{}
	}
	o.told[text] = true
	f(text)
}
