// Package memory allocates the memory of tensors.
package memory

import "unsafe"

// Align is what addresses of allocated memory are multiples of: a line of the cache.
const Align = 64

// hugePage is the size of a large page, and of the memory for which one is asked: with them, a first touch
// costs a 512th of the page faults, and long strides miss the translation cache less.
const hugePage = 2 << 20

// Bytes returns n bytes, zero, at a multiple of Align; large pieces at a multiple of 2 MiB, in large pages where
// the system has them.
func Bytes(n int) []byte {
	if n < 2*hugePage {
		return aligned(n, Align)
	}
	memory := aligned(n, hugePage)
	largePages(memory[:n/hugePage*hugePage])
	return memory
}

// Compact is Bytes for pieces of which there are many: in those below 64 MiB the 2 MiB of room to begin at a large page
// would be felt. DiT-XL/2 has 140 weights of 5 to 32 MiB.
func Compact(n int) []byte {
	if n < 32*hugePage {
		return aligned(n, Align)
	}
	return Bytes(n)
}

// aligned returns n bytes, zero, at a multiple of align, a power of two.
func aligned(n, align int) []byte {
	memory := make([]byte, n+align-1)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(memory)))) & (align - 1)
	return memory[skip:][:n:n]
}

// Floats returns n float32s, zero, as Bytes does.
func Floats(n int) []float32 {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(Bytes(4*n)))), n)
}
