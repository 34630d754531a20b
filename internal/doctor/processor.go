package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/cpu"
)

// processor tells the cores that mgd3 may use, and the instruction sets that its kernels know.
func (m Machine) processor() []Fact {
	all, used := runtime.NumCPU(), runtime.GOMAXPROCS(0)
	cores := Fact{Area: "processor", Name: "cores", State: Good, Value: fmt.Sprint(used), Number: int64(used)}
	if used < all {
		cores.Value = fmt.Sprintf("%d of %d", used, all)
		cores.Advice = "GOMAXPROCS or the container's limit of processor time says so"
	}
	facts := []Fact{cores, instructions(runtime.GOARCH, cpu.X86.HasAVX2 && cpu.X86.HasFMA,
		cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ,
		cpu.X86.HasAVX512BF16)}
	if name := field(filepath.Join(m.Proc, "cpuinfo"), "model name"); name != "" {
		facts = append(facts, Fact{Area: "processor", Name: "model", State: Good, Value: name})
	}
	return facts
}

// instructions says which kernels the backend cpu has for the processor.
func instructions(arch string, avx2, avx512, bf16 bool) Fact {
	f := Fact{Area: "processor", Name: "instructions", State: Good, Value: "AVX2"}
	switch {
	case arch == "amd64" && avx512 && bf16:
		f.Value = "AVX-512, with BF16 for --precision bf16"
	case arch == "amd64" && avx512:
		f.Value = "AVX-512"
	case arch == "amd64" && avx2:
	default:
		f.State, f.Value = Tight, "plain Go alone"
		f.Advice = "the backend cpu has kernels for AVX2 and AVX-512; here it is some ten times as slow. " +
			"A plugin of OpenXLA may be faster (docs/gpu.md)"
	}
	return f
}

// memory tells the memory of the machine, or of the container where that is less.
func (m Machine) memory() []Fact {
	const gib = 1 << 30
	total, free := kilobytes(m.Proc, "MemTotal"), kilobytes(m.Proc, "MemAvailable")
	if total == 0 {
		return []Fact{{Area: "memory", Name: "total", State: Absent, Value: "this system does not tell it here"}}
	}
	all := Fact{Area: "memory", Name: "total", State: Good, Value: size(total), Number: total}
	now := Fact{Area: "memory", Name: "free now", State: Good, Value: size(free), Number: free}
	switch { // DiT-XL/2 of 256 pixels peaks at 3.4 GiB: docs/benchmarks.md
	case free < gib:
		now.State = Tight
		now.Advice = "small models alone fit: close other programs, or take --low-memory and --batch 1"
	case free < 4*gib:
		now.State = Tight
		now.Advice = "a model of DiT-XL/2's size needs 3 to 4 GB: --low-memory, --batch 1, or --precision bf16"
	}
	return []Fact{all, now}
}

func kilobytes(proc, name string) int64 {
	n, err := strconv.ParseInt(strings.TrimSuffix(field(filepath.Join(proc, "meminfo"), name), " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}

// field is the value of the first line "name: value" of a file of the system, or "".
func field(path, name string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// size is a number of bytes for people, in powers of two as memory is sold.
func size(n int64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
