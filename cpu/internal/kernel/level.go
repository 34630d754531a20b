package kernel

import (
	"fmt"
	"slices"
	"sync"
)

// Level is an instruction set. Higher levels give the bytes of AVX2, only faster; Generic agrees
// with them within the rounding of its sums. BF16 alone has products of bfloat16 with bytes of their own.
type Level int

const (
	Generic Level = iota // plain Go
	AVX2                 // AVX2 and FMA
	AVX512               // AVX-512 F, VL, BW and DQ
	BF16                 // AVX-512 with BF16: VDPBF16PS
)

func (l Level) String() string {
	switch l {
	case Generic:
		return "generic"
	case AVX2:
		return "avx2"
	case AVX512:
		return "avx512"
	case BF16:
		return "avx512bf16"
	}
	return fmt.Sprintf("Level(%d)", int(l))
}

var level = struct {
	sync.Mutex
	current Level
	hooks   []func(Level)
}{current: slices.Max(available)}

// Levels returns the levels that this machine and build can run, lowest first.
func Levels() []Level { return slices.Clone(available) }

// Current returns the level in use: the highest one, unless SetLevel chose another.
func Current() Level {
	level.Lock()
	defer level.Unlock()
	return level.current
}

// SetLevel makes the whole process use l, for tests and comparisons. It must not be called while
// kernels run, and it panics if l is not one of Levels.
func SetLevel(l Level) {
	if !slices.Contains(available, l) {
		panic(fmt.Sprintf("kernel: this machine or build has no level %v", l))
	}
	level.Lock()
	defer level.Unlock()
	level.current = l
	for _, f := range level.hooks {
		f(l)
	}
}

// OnLevel calls f with the current level, at once and after every SetLevel. Packages choose their kernels
// in f, which must not call this package's level functions.
func OnLevel(f func(l Level)) {
	level.Lock()
	defer level.Unlock()
	level.hooks = append(level.hooks, f)
	f(level.current)
}
