package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"mgd3/distill"
)

// keepMasses counts the real images of the images after the n-th for those before, and says how; "" where there are
// none, or no masses.
func keepMasses(dir, class string, images []mergedImage, n int) (how string, err error) {
	if n == len(images) {
		return "", nil
	}
	var kept []int
	var masses []int64
	total := int64(0)
	for i, im := range images {
		var mass int64
		var mode int
		if im.entry["mass"] == nil || im.entry["mode"] == nil {
			return "", nil // a set of real images
		}
		if err := errors.Join(json.Unmarshal(im.entry["mass"], &mass),
			json.Unmarshal(im.entry["mode"], &mode)); err != nil {
			return "", fmt.Errorf("%w: %w", ErrSet, err)
		}
		if mass < 0 || mass > math.MaxInt32 {
			return "", fmt.Errorf("%w: image %d has a mass of %d", ErrSet, i, mass)
		}
		total += mass
		if i < n {
			kept, masses = append(kept, mode), append(masses, mass)
		}
	}
	if total == 0 {
		return "", nil
	}
	sizes, there, err := distill.KeptSizes(dir, class, kept)
	if err != nil {
		return "", err
	}
	sum := int64(0)
	for _, size := range sizes {
		sum += size
	}
	how = distill.ByCentre
	if !there || sum != total { // modes of another set lie there, or of this one before it was cut
		how, sizes = distill.ByShare, shared(masses, total)
	}
	for i := range n {
		images[i].entry["mass"] = mustJSON(sizes[i])
	}
	return how, nil
}

// shared enlarges masses in proportion so that they sum to total, by largest remainders, the first of equal ones before
// the others; masses that are all 0 become alike.
func shared(masses []int64, total int64) []int64 {
	sum := int64(0)
	for _, m := range masses {
		sum += m
	}
	out, rest := make([]int64, len(masses)), make([]int64, len(masses))
	order := make([]int, len(masses))
	left := total
	for i, m := range masses {
		of := sum
		if sum == 0 {
			m, of = 1, int64(len(masses))
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
