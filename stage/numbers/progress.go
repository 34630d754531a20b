package numbers

import "mgd3/stage"

// Progress is that of a stage that makes files of numbers, one for each class or image.
type Progress struct {
	*stage.Progress
	Old int // files without checksums that were kept
}

// NewProgress is [stage.NewProgress] of such a stage.
func NewProgress(report func(stage.Event), name string, total int) *Progress {
	return &Progress{Progress: stage.NewProgress(report, name, total)}
}

// Kept says whether the file of a class is up to date, and warns of what is made again, and why.
func (p *Progress) Kept(class, path, key string) (bool, error) {
	is, old, fault, err := Look(path, key)
	switch {
	case err != nil:
		return false, err
	case is == stage.Damaged:
		p.Warn(class, "%v: made again", fault)
	case is == stage.Other:
		p.Warn(class, "%q was made of something else (weights, settings, or images of other names, sizes or times): "+
			"made again", path)
	case is == stage.Ours && old:
		p.Old++
	}
	return is == stage.Ours, nil
}

// End says of how many files the numbers could not be checked.
func (p *Progress) End() {
	if p.Old > 0 {
		p.Warn("", "%d files of an earlier version have no checksum: their numbers were taken as they are", p.Old)
		p.Old = 0
	}
}
