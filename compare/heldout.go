package compare

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"mgd3/dataset"
	"mgd3/rng"
)

// ErrHeldOut says that a set is too small for a part of it to be held out.
var ErrHeldOut = errors.New("too few images to hold some out")

// HoldOut divides the images of a set: held gets share of each class's, at least one, and kept the others. Which
// images are held depends on nothing but their class and name, and on how many there are. Both parts read from the set,
// which must stay open.
func HoldOut(set *dataset.Set, share float64) (kept, held *dataset.Set, err error) {
	if !(share > 0 && share < 1) {
		return nil, nil, fmt.Errorf("a share of %v of the images is to be held out, want more than 0 and less than 1",
			share)
	}
	k, h := *set, *set
	k.Classes, h.Classes = nil, nil
	for _, class := range set.Classes {
		n := max(1, int(math.Round(share*float64(len(class.Images)))))
		if n >= len(class.Images) {
			return nil, nil, fmt.Errorf("class %q: %w: has %d", class.Name, ErrHeldOut, len(class.Images))
		}
		order := lot(class)
		keep, hold := pickRefs(class, order[n:]), pickRefs(class, order[:n])
		k.Classes = append(k.Classes, dataset.Class{Name: class.Name, Images: keep})
		h.Classes = append(h.Classes, dataset.Class{Name: class.Name, Images: hold})
	}
	return &k, &h, nil
}

// pickRefs is some images of a class in their usual order.
func pickRefs(class dataset.Class, rows []int) []dataset.Ref {
	slices.Sort(rows)
	refs := make([]dataset.Ref, len(rows))
	for i, row := range rows {
		refs[i] = class.Images[row]
	}
	return refs
}

// lot is the indices of a class's images in the order of numbers drawn from their names.
func lot(class dataset.Class) []int {
	number := make([]uint64, len(class.Images))
	order := make([]int, len(class.Images))
	for i, ref := range class.Images {
		number[i] = rng.Stream(0, "held-out", rng.Hash(class.Name), rng.Hash(ref.Name)).Uint64()
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(number[a], number[b]) })
	return order
}

// byName is the names of a set's images by class.
func byName(set *dataset.Set) map[string]map[string]bool {
	names := map[string]map[string]bool{}
	for _, class := range set.Classes {
		names[class.Name] = map[string]bool{}
		for _, ref := range class.Images {
			names[class.Name][ref.Name] = true
		}
	}
	return names
}
