package matrix

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// InBlocks calls do(lo, hi) for the blocks of size numbers that cut 0 … n−1, on all cores. The
// blocks do not depend on the number of cores.
func InBlocks(n, size int, do func(lo, hi int)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (n+size-1)/size) {
		workers.Go(func() {
			for {
				hi := int(next.Add(int64(size)))
				lo := hi - size
				if lo >= n {
					return
				}
				do(lo, min(hi, n))
			}
		})
	}
	workers.Wait()
}
