package export

import (
	"encoding/json"
	"fmt"

	"mgd3/distill"
)

// keepSizes counts the real images of the images after the n-th for those before, in their entries ("mass", the cluster
// size of an image's mode), as [distill.KeptSizes] does, and says how; "" also for a set that has no cluster sizes.
func keepSizes(dir, class string, images []mergedImage, n int) (how string, err error) {
	list := make([]distill.ManifestImage, len(images))
	for i, im := range images {
		if im.entry["mass"] == nil || im.entry["mode"] == nil {
			return "", nil // a set of real images
		}
		if err := json.Unmarshal(mustJSON(im.entry), &list[i]); err != nil {
			return "", fmt.Errorf("%w: %w", ErrSet, err)
		}
	}
	sizes, how, err := distill.KeptSizes(dir, class, list, n)
	if err != nil {
		return "", err
	}
	for i, size := range sizes {
		images[i].entry["mass"] = mustJSON(size)
	}
	return how, nil
}
