//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

// fast says whether to use the assembly. On a Zen 5 core it brings decoding a photograph of 500 × 375 pixels from 1.5
// to 0.74 ms, and its crop to 256 from 1.4 to 0.22 ms.
var fast = cpu.X86.HasAVX2
