package opening

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// Nearly all of a heap with networks are tensors, which the garbage collector need not look into: collecting often
// costs little there, and the usual growth by 100 per cent costs as much memory as all weights. In a small heap it is
// the other way round: a tenth of 10 MB is allocated at once, and collecting took much of the time of a small run.
const (
	leastGC = 10        // per cent
	spare   = 256 << 20 // bytes that may be free and not collected, where that is more than leastGC and less than all
)

// growth is by how many per cent a heap of so many live bytes may grow before it is collected.
func growth(live uint64) int {
	return int(min(100, max(leastGC, 100*spare/max(live, 1))))
}

// keepSpare holds the heap to growth for the rest of the process: it is set anew after each collection, since weights
// come as they are read, long after the networks were opened.
var keepSpare = sync.OnceFunc(func() { afterCollection(0) })

// afterCollection sets the growth, which is last now, and does so after the next collection.
func afterCollection(last int) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	percent := growth(live[0].Value.Uint64())
	if percent != last {
		debug.SetGCPercent(percent)
	}
	runtime.SetFinalizer(new([16]byte), func(*[16]byte) { afterCollection(percent) }) // no tiny object: those share one
}
