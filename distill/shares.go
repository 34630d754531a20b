package distill

import (
	"mgd3/matrix"
	"mgd3/modes"
)

// modeCount returns how many modes a class has.
func (s ModeSettings) modeCount() int {
	if s.Shares > 0 {
		return s.Shares
	}
	return s.IPC
}

// shares returns how many of ipc images each mode gets by the sizes of the clusters: one each, and then one after
// another to the mode with the largest size/(images + ½), the first of equals (Webster's method).
func shares(sizes []int, ipc int) []int {
	images := make([]int, len(sizes))
	for j := range images {
		images[j] = 1
	}
	for range ipc - len(sizes) {
		best := 0
		for j, size := range sizes {
			// size/(2·images + 1) against the best's, in whole numbers
			if size*(2*images[best]+1) > sizes[best]*(2*images[j]+1) {
				best = j
			}
		}
		images[best]++
	}
	return images
}

// share repeats each mode as often as it has images. The images of a mode share its cluster: the first ones stand for
// one more of its rows where there is a rest, and which row is whose goes round.
func share(c modes.Clustering, ipc int) modes.Clustering {
	counts := shares(c.Sizes, ipc)
	first := make([]int, len(counts)) // of each mode's images
	shared := modes.Clustering{Inertia: c.Inertia, Iterations: c.Iterations,
		Centres: matrix.Matrix{Cols: c.Centres.Cols}}
	for j, n := range counts {
		first[j] = shared.Centres.Rows
		for i := range n {
			shared.Centres.Rows++
			shared.Centres.Data = append(shared.Centres.Data, c.Centres.Row(j)...)
			size := c.Sizes[j] / n
			if i < c.Sizes[j]%n {
				size++
			}
			shared.Sizes = append(shared.Sizes, size)
			shared.Nearest = append(shared.Nearest, c.Nearest[j])
		}
	}
	seen := make([]int, len(counts))
	for _, j := range c.Assignment {
		shared.Assignment = append(shared.Assignment, first[j]+seen[j]%counts[j])
		seen[j]++
	}
	return shared
}

// ownModes takes each latent for a mode.
func ownModes(x matrix.Matrix) (modes.Clustering, error) {
	c := modes.Clustering{Centres: x}
	for i := range x.Rows {
		c.Assignment, c.Nearest, c.Sizes = append(c.Assignment, i), append(c.Nearest, i), append(c.Sizes, 1)
	}
	return c, nil
}
