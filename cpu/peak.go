package cpu

import (
	"sync"
	"time"

	"mgd3/cpu/internal/kernel"
)

// Peak returns the speed of so many threads at once in multiply-adds of float32 that never leave the
// registers, in GFLOP/s, a multiply-add counted as two: what no program on this machine exceeds. It
// measures for about a fifth of a second, with the instruction set in use.
func Peak(threads int) float64 {
	speeds := make([]float64, threads)
	var all sync.WaitGroup
	for i := range speeds {
		all.Go(func() { speeds[i] = kernel.FMAPeak(200 * time.Millisecond) })
	}
	all.Wait()
	sum := 0.0
	for _, s := range speeds {
		sum += s
	}
	return sum
}
