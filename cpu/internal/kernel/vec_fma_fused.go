//go:build arm64 || loong64 || ppc64 || ppc64le || riscv64 || s390x

package kernel

// fma32 returns x·y + z rounded once: the compiler uses the instruction for it here. TestFMA32 watches that.
func fma32(x, y, z float32) float32 { return x*y + z }
