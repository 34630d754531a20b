package sets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/store"
	"mgd3/tensorset"
)

// Made is a set that a run made, or any other set of images.
type Made struct {
	Images   *dataset.Set
	Path     string            // of the images: below the run's folder, if it is one
	IsRun    bool              // it is a run's folder
	Manifest *distill.Manifest // of the run; nil where it is not finished, or the set is none of a run
	Tensors  *tensorset.Set    // what is known of a set of tensors; nil of others
}

// ChangedError is the error where the images of a run differ from its manifest; it wraps [distill.ErrChanged].
type ChangedError struct {
	Run string // its folder
	Err error
}

func (e *ChangedError) Error() string { return e.Err.Error() }

func (e *ChangedError) Unwrap() error { return e.Err }

// IsRun reports whether dir looks like the output folder of a run.
func IsRun(dir string) bool {
	info, err := store.Stat(distill.ImagesDir(dir))
	return err == nil && info.IsDir()
}

// runOf is the run whose folder of images is at a path, or "".
func runOf(images string) string {
	run, name := filepath.Split(filepath.Clean(images))
	if run = filepath.Clean(run); name != filepath.Base(distill.ImagesDir(run)) {
		return ""
	}
	if _, err := distill.ReadManifest(run); err != nil && !distill.Begun(run) {
		return "" // it is none of ours
	}
	return run
}

// Made opens the images of a run, or else the set that path names. A run has no split, and its images are held against
// its manifest: a difference is a [*ChangedError], and files that the manifest has not are warned of, as is a run that
// is not finished. Labels are left
// out for a set that has one kind of them, as one made of such labels does.
func (o *Opener) Made(ctx context.Context, path string, options dataset.OpenOptions) (*Made, error) {
	m := &Made{Path: path, IsRun: IsRun(path)}
	if run := runOf(path); run != "" {
		// named as a folder of images, and so taken as they are, but not in silence
		var changed *ChangedError
		if err := o.checkImages(ctx, run); errors.As(err, &changed) {
			o.tell(o.Warn, "%v", err)
		} else if err != nil {
			return nil, err
		}
	}
	if m.IsRun {
		m.Path, options.Split = distill.ImagesDir(path), ""
		if err := o.checkImages(ctx, path); err != nil {
			return nil, err
		}
		var err error
		if m.Manifest, err = distill.ReadManifest(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	set, err := o.open(ctx, m.Path, options)
	if errors.Is(err, dataset.ErrOneKind) {
		options.Labels = ""
		set, err = o.open(ctx, m.Path, options)
	}
	m.Images, m.Tensors = set, o.Published(set)
	return m, err
}

// checkImages holds the images of a run against its manifest, or says that the run is not finished.
func (o *Opener) checkImages(ctx context.Context, run string) error {
	if distill.Begun(run) {
		have, err := distill.Present(ctx, run)
		if err != nil {
			return err
		}
		of := ""
		if n, err := distill.Planned(run); err == nil && n > 0 { // a baseline of real images does not say
			of = fmt.Sprintf(" of %d", n)
		}
		o.tell(o.Warn, "%q is not finished: %d%s images are there; the command that began it finishes it, or mgd3 "+
			"merge, if they are a shard's", run, have, of)
		return nil
	}
	extra, err := distill.CheckImages(ctx, run)
	if errors.Is(err, distill.ErrChanged) {
		return &ChangedError{run, err}
	}
	if len(extra) > 0 {
		o.tell(o.Warn, "%q has %d files that are not in its manifest, %q say", distill.ImagesDir(run), len(extra),
			extra[0])
	}
	return err
}
