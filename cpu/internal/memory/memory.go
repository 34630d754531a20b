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
	align := Align
	if n >= 2*hugePage {
		align = hugePage
	}
	memory := make([]byte, n+align-1)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(memory)))) & (align - 1)
	memory = memory[skip:][:n:n]
	if align == hugePage {
		largePages(memory[:n/hugePage*hugePage])
	}
	return memory
}

// Floats returns n float32s, zero, as Bytes does.
func Floats(n int) []float32 {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(Bytes(4*n)))), n)
}
