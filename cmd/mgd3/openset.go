package main

import (
	"context"

	"mgd3/dataset"
	"mgd3/glyphs"
)

// glyphsSet is the name that stands for the set drawn by the program in the place of a path; a folder of
// that name is ./glyphs.
const glyphsSet = "glyphs"

// openSet opens the image set that path names. Every command opens its sets through it. Of glyphs, no
// split is train, and a limit may be above the usual number of images.
func openSet(ctx context.Context, path string, o dataset.OpenOptions) (*dataset.Set, error) {
	if path != glyphsSet {
		return dataset.Open(ctx, path, o)
	}
	if o.Split == "" {
		o.Split = "train"
	}
	return glyphs.Open(o.Split, glyphs.Options{Classes: o.Classes, PerClass: o.Limit})
}
