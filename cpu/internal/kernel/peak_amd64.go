//go:build !purego

package kernel

//go:generate go run -C _asm ./peak -pkg kernel -out ../peak_amd64.s -stubs ../peak_stubs_amd64.go

// fmaLoop returns the loop of level l and its floats per vector.
func fmaLoop(l Level) (f func(n int), lanes int) {
	switch l {
	case AVX512, BF16:
		return fmaLoopAVX512, 16
	case AVX2:
		return fmaLoopAVX2, 8
	}
	return fmaLoopGeneric, 1
}
