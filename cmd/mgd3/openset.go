package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/glyphs"
	"mgd3/stage"
)

// glyphsSet is the name that stands for the set drawn by the program in the place of a path; a folder of
// that name is ./glyphs.
const glyphsSet = "glyphs"

// openedSet is a set that the command has opened, with the path that names it.
type openedSet struct {
	path string
	set  *dataset.Set
}

// sayImageNotes says at the end of a command what is to be known of the images that it has read, a line for each
// kind and set.
func (e *env) sayImageNotes() {
	p := e.progress()
	said := map[string]bool{}
	for _, opened := range e.sets {
		for _, note := range opened.set.ImageNotes() {
			line := opened.path + ": " + note.String()
			if !said[line] { // a path may be opened twice
				p.Event(stage.Event{Warning: line})
			}
			said[line] = true
		}
	}
}

// openSet opens the image set that path names, and warns of what was passed over in it. Every command opens its sets
// through it. Of glyphs, no split is train, and a limit may be above the usual number of images.
func (e *env) openSet(ctx context.Context, path string, o dataset.OpenOptions) (*dataset.Set, error) {
	if path != glyphsSet {
		o.Strict, o.KeepIn = e.strict, !e.followLinks
		set, err := dataset.Open(ctx, path, o)
		if err != nil {
			return nil, err
		}
		p := e.progress()
		for _, passed := range set.PassedOver {
			p.Event(stage.Event{Warning: path + ": " + passed.String()})
		}
		e.sets = append(e.sets, openedSet{path, set})
		return set, nil
	}
	if o.Labels != "" {
		return nil, fmt.Errorf("%s: %w, so no %q", path, dataset.ErrOneKind, o.Labels)
	}
	if o.Split == "" {
		o.Split = "train"
	}
	for i, line := range o.Classes {
		o.Classes[i] = strings.Fields(line)[0]
	}
	set, err := glyphs.Open(o.Split, glyphs.Options{Classes: o.Classes, PerClass: o.Limit})
	if err == nil && o.Names != nil && !slices.ContainsFunc(set.ClassNames(), func(name string) bool { return slices.Contains(o.Names, name) }) {
		e.warn("%s: its classes have names, none of which is in the list of class names", path)
	}
	return set, err
}

// checkImages holds the images of a run against its manifest, and warns of those that the manifest has not.
func (e *env) checkImages(ctx context.Context, run string) error {
	extra, err := distill.CheckImages(ctx, run)
	if errors.Is(err, distill.ErrChanged) {
		return fail(exitVerify, fmt.Sprintf(`"mgd3 verify %s" lists all that differ; %s`, run, remake), err)
	}
	if len(extra) > 0 {
		e.warn("%q has %d files that are not in its manifest, %q say", distill.ImagesDir(run), len(extra), extra[0])
	}
	return err
}
