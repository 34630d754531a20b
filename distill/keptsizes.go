package distill

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"

	"mgd3/stage"
)

// KeptSizes returns the cluster sizes of the first n images of a class once the real images of those behind them are
// counted for these, and says how, [ByCentre] or [ByShare]; "" and the sizes as they are where nothing is left out, or
// where the class has none. Their sum stays what it was: a class stands for as many real images as before. The modes
// are those below run.
func KeptSizes(run, class string, images []ManifestImage, n int) (sizes []int64, how string, err error) {
	var kept []int
	total := int64(0)
	for i, im := range images {
		if im.ClusterSize < 0 || im.ClusterSize > math.MaxInt32 {
			return nil, "", fmt.Errorf("%q: %w: its cluster size is %d", im.File, stage.ErrDamaged,
				im.ClusterSize)
		}
		total += im.ClusterSize
		if i < n {
			kept, sizes = append(kept, im.Mode), append(sizes, im.ClusterSize)
		}
	}
	if n == len(images) || total == 0 {
		return sizes, "", nil
	}
	grown, there, err := byCentre(run, class, kept)
	if err != nil {
		return nil, "", err
	}
	sum := int64(0)
	for _, size := range grown {
		sum += size
	}
	// byCentre knows the modes of the run. Whether they are this set's, only the sum can tell.
	if !there || sum != total { // modes of another set lie there, or of this one before it was cut
		return shared(sizes, total), ByShare, nil
	}
	return grown, ByCentre, nil
}

// byCentre returns how many real images the kept modes of a class stand for once the others are gone, each of whose
// images is counted for the kept mode nearest to its own. ok is false where the run's modes are not there.
func byCentre(run, class string, kept []int) (sizes []int64, ok bool, err error) {
	var record modesRecord
	switch err := stage.ReadLocked(modesDir(run), &record); {
	case errors.Is(err, stage.ErrStage):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	if err := record.Check(); err != nil {
		return nil, false, fmt.Errorf("%s: %w", modesDir(run), err)
	}
	m, err := record.read(run, class)
	if errors.Is(err, stage.ErrStage) || errors.Is(err, os.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	at := make([]int, m.Centres.Rows) // the place in sizes of each mode
	for mode := range at {
		best := 0.0
		for i, k := range kept {
			if k < 0 || k >= m.Centres.Rows {
				return nil, false, fmt.Errorf("%s: mode %d of %d", ModesFile(run, class), k, m.Centres.Rows)
			}
			d := 0.0
			for j, v := range m.Centres.Row(k) {
				diff := float64(v) - float64(m.Centres.Row(mode)[j])
				d += diff * diff
			}
			if k == mode { // an equal one elsewhere has its own
				at[mode] = i
				break
			}
			if i == 0 || d < best {
				at[mode], best = i, d
			}
		}
	}
	sizes = make([]int64, len(kept))
	for mode, n := range m.Sizes {
		sizes[at[mode]] += n
	}
	return sizes, true, nil
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
