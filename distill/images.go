package distill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mgd3/stage/atomicfile"
)

// ErrChanged says that an image of a set is not as the set's manifest says.
var ErrChanged = errors.New("is not as the manifest says")

// CheckImages holds the images in an output folder against its manifest. One that is missing or has another hash is an
// [ErrChanged] that names it. extra are images that the manifest has not. Without a manifest nothing is checked.
func CheckImages(ctx context.Context, out string) (extra []string, err error) {
	m, err := ReadManifest(out)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, class := range m.Classes {
		for _, im := range class.Images {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if err := im.check(out); err != nil {
				return nil, fmt.Errorf("%q: %w", filepath.Join(out, manifestName), err)
			}
			known[strings.TrimPrefix(im.File, "images/")] = true
		}
	}
	files, err := atomicfile.List(ctx, ImagesDir(out))
	for _, name := range files {
		if !known[name] {
			extra = append(extra, name)
		}
	}
	return extra, err
}

// check holds the image's file against its hash.
func (im ManifestImage) check(out string) error {
	path, err := im.Path(out)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrChanged, err)
	}
	data, err := atomicfile.Read(path, mostPNG)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%q %w: it is missing", path, ErrChanged)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrChanged, err)
	case digest(data) != im.SHA256:
		return fmt.Errorf("%q %w: it has SHA-256 %s, want %s", path, ErrChanged, digest(data), im.SHA256)
	}
	return nil
}
