//go:build !amd64 || purego

package kernel

func pairsKernel(Level) *Gemm { return &pairsPlain }
