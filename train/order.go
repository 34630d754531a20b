package train

import "mgd3/rng"

// order deals out size images: every epoch all of them once, in an order of its own, which hangs on the seed and the
// number of the epoch alone. Batches are all full: one that an epoch's end cuts goes on with the next epoch, so that
// the step is compiled for one shape.
type order struct {
	size int
	seed uint64
}

// batch returns which images [b] the n-th step takes, from 1: the places (n − 1)·b to n·b − 1 of all epochs in a row.
// It needs nothing of the steps before, so a training continues at any step.
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
