//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

var available = detect()

func detect() []Level {
	levels := []Level{Generic}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		levels = append(levels, AVX2)
		if cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ {
			levels = append(levels, AVX512)
			if cpu.X86.HasAVX512BF16 {
				levels = append(levels, BF16)
			}
		}
	}
	return levels
}
