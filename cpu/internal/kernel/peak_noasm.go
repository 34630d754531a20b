//go:build !amd64 || purego

package kernel

// fmaLoop returns the loop of level l and its floats per vector.
func fmaLoop(Level) (f func(n int), lanes int) { return fmaLoopGeneric, 1 }
