//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

type level int

const (
	plain level = iota
	avx2
	avx512
)

func (l level) String() string { return [...]string{"plain", "avx2", "avx512"}[l] }

// levels are those that this machine can run; use is the one in use. On a Zen 5 core dots forms 2.2
// products a nanosecond in plain Go, 20 by AVX2 and 30 by AVX-512.
var levels = available()
var use = levels[len(levels)-1]

func available() []level {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return []level{plain}
	}
	if !cpu.X86.HasAVX512F {
		return []level{plain, avx2}
	}
	return []level{plain, avx2, avx512}
}

func dots(sums *[2][4]lanes, x *[2][]float32, c *[4][]float32, n int) {
	switch use {
	case avx512:
		dotsAVX512(sums, x, c, n)
	case avx2:
		dotsAVX2(sums, x, c, n)
	default:
		dotsGeneric(sums, x, c, n)
	}
}

func sqDist(sums *lanes, a, b *float32, n int) {
	switch use {
	case avx512:
		sqDistAVX512(sums, a, b, n)
	case avx2:
		sqDistAVX2(sums, a, b, n)
	default:
		sqDistGeneric(sums, a, b, n)
	}
}

func add(sums *float64, x *float32, n int) {
	switch use {
	case avx512:
		addAVX512(sums, x, n)
	case avx2:
		addAVX2(sums, x, n)
	default:
		addGeneric(sums, x, n)
	}
}
