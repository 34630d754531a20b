package matrix

import (
	"slices"
	"sync"
	"testing"
)

// Every number is in one block, on any number of them.
func TestInBlocks(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 17, 100} {
		var mu sync.Mutex
		times := make([]int, n)
		InBlocks(n, 16, func(lo, hi int) {
			mu.Lock()
			defer mu.Unlock()
			if lo%16 != 0 || hi != min(lo+16, n) {
				t.Errorf("n = %d: a block from %d to %d", n, lo, hi)
			}
			for i := lo; i < hi; i++ {
				times[i]++
			}
		})
		if n > 0 && (slices.Min(times) != 1 || slices.Max(times) != 1) {
			t.Errorf("n = %d: numbers came %v times, want once each", n, times)
		}
	}
}
