package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"mgd3/distill"
)

// keepSizes counts the real images of the images after the n-th for those before, in their entries ("mass", the cluster
// size of an image's mode), and says how, [distill.ByCentre] or [distill.ByShare]; "" where nothing is left out, or
// where the set has no cluster sizes. Their sum stays what it was: a class stands for as many real images as before.
func keepSizes(dir, class string, images []mergedImage, n int) (how string, err error) {
	if n == len(images) {
		return "", nil
	}
	var kept []int
	var sizes []int64
	total := int64(0)
	for i, im := range images {
		var size int64
		var mode int
		if im.entry["mass"] == nil || im.entry["mode"] == nil {
			return "", nil // a set of real images
		}
		if err := errors.Join(json.Unmarshal(im.entry["mass"], &size),
			json.Unmarshal(im.entry["mode"], &mode)); err != nil {
			return "", fmt.Errorf("%w: %w", ErrSet, err)
		}
		if size < 0 || size > math.MaxInt32 {
			return "", fmt.Errorf("%w: image %d has a cluster size of %d", ErrSet, i, size)
		}
		total += size
		if i < n {
			kept, sizes = append(kept, mode), append(sizes, size)
		}
	}
	if total == 0 {
		return "", nil
	}
	grown, there, err := distill.KeptSizes(dir, class, kept)
	if err != nil {
		return "", err
	}
	sum := int64(0)
	for _, size := range grown {
		sum += size
	}
	// KeptSizes knows the modes of the run. Whether they are this set's, only the sum can tell.
	how = distill.ByCentre
	if !there || sum != total { // modes of another set lie there, or of this one before it was cut
		how, grown = distill.ByShare, shared(sizes, total)
	}
	for i := range n {
		images[i].entry["mass"] = mustJSON(grown[i])
	}
	return how, nil
}

// shared enlarges sizes in proportion so that they sum to total: each becomes ⌊size·total/sum⌋, and what is left goes,
// one each, to those with the largest remainders, the first of equal ones first (Hamilton's method); sizes that are all
// 0 become alike. All of it is in whole numbers: a size below 2³¹ times a total of some of them fits in 64 bits.
func shared(sizes []int64, total int64) []int64 {
	sum := int64(0)
	for _, m := range sizes {
		sum += m
	}
	out, rest := make([]int64, len(sizes)), make([]int64, len(sizes))
	order := make([]int, len(sizes))
	left := total
	for i, m := range sizes {
		of := sum
		if sum == 0 {
			m, of = 1, int64(len(sizes))
		}
		out[i], rest[i], order[i] = m*total/of, m*total%of, i
		left -= out[i]
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(min(1, max(-1, rest[b]-rest[a]))) })
	for _, i := range order[:left] {
		out[i]++
	}
	return out
}
