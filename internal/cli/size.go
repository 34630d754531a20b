package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ParseSize reads a number of bytes such as 2GB or 1.5GiB, which a flag is given: at least 1 byte.
func ParseSize(flag, text string) (int64, error) {
	for _, unit := range []struct {
		name  string
		bytes float64
	}{
		{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
		{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
	} {
		number, ok := strings.CutSuffix(text, unit.name)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(v*unit.bytes >= 1 && v*unit.bytes < math.MaxInt64/2) {
			break
		}
		return int64(v * unit.bytes), nil
	}
	return 0, fmt.Errorf("%s is %q, want a size such as 2GB or 500MB", flag, text)
}
