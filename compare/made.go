package compare

import (
	"context"
	"errors"
	"fmt"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/sets"
)

// openMade opens the images of a set that was made in dir, with these classes in their order, once they are held
// against its manifest: a set that is there is kept as it is, and a network that was trained on images that changed
// since then would have a score that is not the method's. An image that differs or is missing is a
// [*sets.ChangedError]; warn is told of files that the manifest has not.
func openMade(ctx context.Context, dir string, classes []string, warn func(text string)) (*dataset.Set, error) {
	extra, err := distill.CheckImages(ctx, dir)
	if errors.Is(err, distill.ErrChanged) {
		return nil, &sets.ChangedError{Run: dir, Err: err}
	}
	if err != nil {
		return nil, err
	}
	if len(extra) > 0 {
		warn(fmt.Sprintf("%q has %d files that are not in its manifest, %q say", distill.ImagesDir(dir), len(extra),
			extra[0]))
	}
	return dataset.Open(ctx, distill.ImagesDir(dir), dataset.OpenOptions{Classes: classes})
}
