package train

import "mgd3/rng"

// order deals out size images: every epoch all of them once, in an order of its own.
type order struct {
	size int
	seed uint64
}

// batch returns which images the n-th step takes, from 1, at b a step.
func (o order) batch(n, b int) []int {
	at := make([]int, 0, b)
	epoch, list := -1, []int(nil)
	for i := (n - 1) * b; i < n*b; i++ {
		if e := i / o.size; e != epoch {
			epoch, list = e, rng.Stream(o.seed, "epoch", uint64(e)).Perm(o.size)
		}
		at = append(at, list[i%o.size])
	}
	return at
}
