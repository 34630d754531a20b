package cpu

import (
	"math/bits"
	"sync"
	"unsafe"
)

// pool keeps memory for buffers to come. What it keeps is up to the garbage collector.
type pool struct{ classes sync.Map } // of *sync.Pool, by size in bytes

// align is the alignment of buffers, a cache line.
const align = 64

// get returns n bytes that hold anything, with some room to spare.
func (p *pool) get(n int) []byte {
	size := classOf(n)
	if class, ok := p.classes.Load(size); ok {
		if memory, ok := class.(*sync.Pool).Get().(*byte); ok {
			return unsafe.Slice(memory, size)
		}
	}
	memory := make([]byte, size+align-1)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(memory)))) & (align - 1)
	return memory[skip:][:size:size]
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

// classOf rounds n up to a size with at most four significant bits, at least align: at most an eighth too much.
func classOf(n int) int {
	unit := max(align, 1<<max(0, bits.Len(uint(n))-4))
	return max(1, (n+unit-1)/unit) * unit
}
