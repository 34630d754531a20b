package cpu

import (
	"math/bits"
	"sync"
	"unsafe"

	"mgd3/cpu/internal/memory"
)

// pool keeps memory for buffers to come. What it keeps is up to the garbage collector.
type pool struct{ classes sync.Map } // of *sync.Pool, by size in bytes

// get returns n bytes that hold anything, with some room to spare.
func (p *pool) get(n int) []byte {
	size := classOf(n)
	if class, ok := p.classes.Load(size); ok {
		if free, ok := class.(*sync.Pool).Get().(*byte); ok {
			return unsafe.Slice(free, size)
		}
	}
	return memory.Compact(size)
}

// put takes back what get returned.
func (p *pool) put(memory []byte) {
	class, ok := p.classes.Load(len(memory))
	if !ok {
		class, _ = p.classes.LoadOrStore(len(memory), new(sync.Pool))
	}
	class.(*sync.Pool).Put(unsafe.SliceData(memory))
}

func (p *pool) clear() { p.classes.Clear() }

// classOf rounds n up to a size with at most seven significant bits, at least memory.Align: at most a 64th too much,
// which for weights by the hundred is memory that somebody pays for.
func classOf(n int) int {
	unit := max(memory.Align, 1<<max(0, bits.Len(uint(n))-7))
	return max(1, (n+unit-1)/unit) * unit
}
