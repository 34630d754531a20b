package opening

import (
	"runtime"
	"runtime/debug"
)

// Nearly all of a heap with networks are tensors, which the garbage collector need not look into: collecting often
// costs little there, and the usual growth by 100 per cent costs as much memory as all weights. In a small heap it is
// the other way round: a tenth of 10 MB is allocated at once, and collecting took much of the time of a small run.
const (
	leastGC = 10        // per cent
	spare   = 256 << 20 // bytes that may be free and not collected, where that is more than leastGC and less than all
)

// growth is by how many per cent a heap of so many bytes may grow before it is collected.
func growth(heap uint64) int {
	return int(min(100, max(leastGC, 100*spare/max(heap, 1))))
}

// spareOfHeap sets the growth of the heap as it is now, with the networks open.
func spareOfHeap() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	debug.SetGCPercent(growth(m.HeapAlloc))
}
