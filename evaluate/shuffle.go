package evaluate

import "math/rand/v2"

// shuffled appends to dst[:0] the numbers 0 to n-1 cut into f strips of n/f, in random order; those too many are
// left out, as in RDED's program. The patches of an image change places when its rows and its columns are shuffled
// so, one after the other.
func shuffled(dst []int, n, f int, r *rand.Rand) []int {
	f = min(f, n)
	if f < 2 {
		return inOrder(dst, n)
	}
	dst = dst[:0]
	width := n / f
	for strip := range f { // Fisher and Yates over the strips, from the first on
		other := r.IntN(strip + 1)
		lo := strip * width
		for i := range width {
			dst = append(dst, lo+i)
		}
		for i := range width {
			a, b := lo+i, other*width+i
			dst[a], dst[b] = dst[b], dst[a]
		}
	}
	return dst
}

// inOrder appends 0 to n-1 to dst[:0].
func inOrder(dst []int, n int) []int {
	dst = dst[:0]
	for i := range n {
		dst = append(dst, i)
	}
	return dst
}
