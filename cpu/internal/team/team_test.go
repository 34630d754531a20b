package team

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestFor runs many loops of many callers at once: each part comes once, and no two parts of a loop share
// a worker at the same time.
func TestFor(t *testing.T) {
	for _, size := range []int{1, 2, 5} {
		team := New(size)
		var callers sync.WaitGroup
		for caller := range 4 {
			callers.Go(func() {
				for round := range 200 {
					n := (caller*7 + round) % 23
					seen := make([]atomic.Int32, n)
					busy := make([]atomic.Bool, size)
					team.For(n, func(part, worker int) {
						if busy[worker].Swap(true) {
							t.Errorf("size %d: worker %d does two parts at once", size, worker)
						}
						seen[part].Add(1)
						busy[worker].Store(false)
					})
					for part := range seen {
						if got := seen[part].Load(); got != 1 {
							t.Errorf("size %d, %d parts: part %d ran %d times", size, n, part, got)
						}
					}
				}
			})
		}
		callers.Wait()
		team.Close()
	}
}

// TestForNested is a loop within a loop, which must not wait for itself.
func TestForNested(t *testing.T) {
	team := New(3)
	defer team.Close()
	var count atomic.Int64
	team.For(10, func(int, int) { team.For(10, func(int, int) { count.Add(1) }) })
	if count.Load() != 100 {
		t.Errorf("got %d parts, want 100", count.Load())
	}
}

func TestForAllocatesNothing(t *testing.T) {
	team := New(2)
	defer team.Close()
	f := func(int, int) {}
	if got := testing.AllocsPerRun(100, func() { team.For(8, f) }); got >= 1 {
		t.Errorf("a loop allocates %v times, want 0", got)
	}
}
