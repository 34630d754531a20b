package diffusion

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Respace returns the steps, rising, that a process of total steps keeps under spec:
//
//	spec        kept
//	""          all
//	"50"        50, from the first to the last, at equal distances rounded half to even
//	"10,10,20"  10, 10 and 20 of the three equal parts of the process, each as above
//	"ddim50"    50 at a whole-numbered distance, from 0 on (Song et al. 2021, appendix D.3)
//
// and, as diffusers' schedulers space theirs (Lin et al. 2023, arXiv:2305.08891, Table 2),
//
//	"leading50"   50 at a whole-numbered distance, from 1 on; "leading50+0" from 0 on, and so on
//	"linspace50"  50, from the first to the last, at equal distances rounded half to even
//	"trailing50"  50 at equal distances, rounded half to even, the last of the process the last
//
// A spec that cannot be kept to exactly is an error.
func Respace(spec string, total int) ([]int, error) {
	steps, err := respace(strings.TrimSpace(spec), total)
	if err != nil {
		return nil, fmt.Errorf("respacing %q: %w", spec, err)
	}
	return steps, nil
}

func respace(spec string, total int) ([]int, error) {
	if total < 1 {
		return nil, fmt.Errorf("the process has %d steps, want at least 1", total)
	}
	if spec == "" {
		return stride(0, 1, total), nil
	}
	if n, ok := strings.CutPrefix(spec, "ddim"); ok {
		return respaceDDIM(n, total)
	}
	for _, by := range spacings {
		if n, ok := strings.CutPrefix(spec, by.name); ok {
			return by.space(n, total)
		}
	}
	return respaceSections(strings.Split(spec, ","), total)
}

// respaceDDIM takes the smallest distance that gives n steps from 0 on.
func respaceDDIM(n string, total int) ([]int, error) {
	want, err := parseCount(n)
	if err != nil {
		return nil, err
	}
	for distance := 1; distance < total; distance++ {
		if have := (total-1)/distance + 1; have == want {
			return stride(0, distance, want), nil
		}
	}
	// The number is that of the whole process, not the one asked for: so says the original.
	return nil, fmt.Errorf("cannot create exactly %d steps with an integer stride", total)
}

// respaceSections spreads counts[i] steps over the i-th part of the process; the first parts
// are one longer where the parts cannot be equal.
func respaceSections(counts []string, total int) ([]int, error) {
	var steps []int
	start := 0
	for i, text := range counts {
		count, err := parseCount(text)
		if err != nil {
			return nil, err
		}
		size := total / len(counts)
		if i < total%len(counts) {
			size++
		}
		if count > size {
			return nil, fmt.Errorf("cannot divide section of %d steps into %d", size, count)
		}
		steps = append(steps, spread(start, size, count)...)
		start += size
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("no steps are left, want at least 1")
	}
	return steps, nil
}

// spread returns count of the size steps from start on, the first and the last among them.
// The distance is accumulated, not multiplied: the original's roundings depend on it.
func spread(start, size, count int) []int {
	distance := 1.0
	if count > 1 {
		distance = float64(size-1) / float64(count-1)
	}
	steps := make([]int, count)
	at := 0.0
	for i := range steps {
		steps[i] = start + int(math.RoundToEven(at))
		at += distance
	}
	return steps
}

// stride returns n steps from first on at the given distance.
func stride(first, distance, n int) []int {
	steps := make([]int, n)
	for i := range steps {
		steps[i] = first + i*distance
	}
	return steps
}

func parseCount(text string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a number of steps", text)
	}
	return n, nil
}
