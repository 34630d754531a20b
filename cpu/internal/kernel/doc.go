// Package kernel is the inner loops of the backend: what runs between two loads of the first cache.
//
//	group            files                what they compute
//	products         gemm*.go             tiles of matrix products and convolutions, of packed panels
//	of bfloat16      pairs*.go            the same tiles of words of two bfloat16
//	vectors          vec*.go              element-wise functions, sums, rows, conversions, transposes; rules in vec.go
//	transforms       winograd*.go         the transforms of Winograd's convolutions
//	pools            selectscatter*.go    the gradient of a maximum over windows
//	speed            peak*.go             how fast the processor multiplies and adds, for benchmarks
//	instruction set  level*.go            which of the versions of a kernel run: [SetLevel], [Current], [Levels]
//
// Each group has the same files:
//
//	NAME.go            what a caller sees: checks of lengths, the formula, the rules
//	NAME_generic.go    the loop as on paper, compiled everywhere: the specification
//	NAME_amd64.go      which assembly a level takes, and what it gains, measured on which processor
//	NAME_amd64.s       made by the generator in _asm, with its stubs; never edited
//	NAME_noasm.go      other architectures, and the build tag purego
//
// A kernel knows no goroutines, no graph and no shapes of more than two axes. Its bytes depend on its operands alone:
// AVX2 and AVX-512 agree to the bit, and so does plain Go but for the order of the sums of products, and in full for
// products of bfloat16.
package kernel
