//go:build !amd64 || purego

package kernel

func gemmKernel(Level) *Gemm { return &gemmPlain }
