// Package cpu is a backend for GoMLX (github.com/gomlx/compute) on processors without an accelerator,
// in pure Go and Go assembly. Importing it registers the name "cpu":
//
//	import _ "mgd3/cpu"
//	backend, err := compute.NewWithConfig("cpu")             // as many workers as GOMAXPROCS
//	backend, err := compute.NewWithConfig("cpu:threads=2")
//
// A configuration is a list of options, separated by commas:
//
//	threads=N    workers that share the work of an operation
//	isa=NAME     instruction set: generic, avx2, avx512 or avx512bf16; for the whole process, to test and to compare
//	copies=MIB   memory that rearranged copies of weights may take, see below; 1400 where it is not given
//	pairs=on     products of bfloat16 in the arithmetic of AVX512-BF16 (docs/cpu.md), in plain Go where the processor
//	             has none; pairs=off does without; where neither is given, on where the processor has it
//	plain        every operation by itself, in plain Go; what all else is compared with
//
// The result for a row never depends on the rows beside it, nor on the number of workers.
//
// # What is there
//
// All standard operations but FFT and those of complex numbers; functions and control flow; the fused
// operations; bool, the integers of 8 to 64 bits, float32, float64, and as storage (computed in float32, or
// unpacked) float16, bfloat16 and the integers of 2 and 4 bits. Shapes are static, and there is one device.
//
// # Buffers
//
// Buffers are Go memory, aligned to 64 bytes, and can be read and written directly. What a finalized one
// held may serve the next, so no slice of it may be used any more.
//
// A weight that is used again is rearranged once, and that copy is kept with its buffer, as long as all copies take no
// more memory than they may; those that come later are rearranged at each use. No result depends on it. Since nothing
// tells when somebody writes through a slice, a buffer keeps copies only as long as nobody could have one: those made
// by BufferFromFlatData or by an execution do, until their Data is called; those made by NewSharedBuffer never do.
package cpu
