package opening

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// Nearly all of a heap with networks are tensors, which the garbage collector need not look into: collecting often
// costs little there, and the usual growth by 100 per cent costs as much memory as all weights. In a small heap it is
// the other way round: as many bytes as live are allocated at once, and collecting took a quarter of a small run.
const (
	leastGC, mostGC = 10, 800   // per cent
	spare           = 256 << 20 // bytes that may be free and not collected, if more than leastGC and less than all
	always          = 32 << 20  // and those that may be so in a small heap, too
)

// growth is by how many per cent a heap of so many live bytes may grow before it is collected.
func growth(live uint64) int {
	live = max(live, 1)
	return int(max(min(100, max(leastGC, 100*spare/live)), min(mostGC, 100*always/live)))
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
