package diffusion

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Interval is a range of noise σ = √(1 − ā)/√ā, as guidance intervals are given in (Kynkäänniemi et al. 2024,
// arXiv:2404.07724, section 3: the scale is that of guidance where σ is in (σ_lo, σ_hi], and 1 elsewhere). The noisiest
// step of DiT's process has σ 157, its 500th 3.4, its 250th 0.95, its first 0.01. The zero Interval is all noise.
type Interval struct {
	Lo float64 `json:"lo"`           // σ must be above it; at least 0
	Hi float64 `json:"hi,omitempty"` // and not above this; 0 is no bound
}

// ParseInterval reads "LO:HI"; either side may be empty. "" is the zero Interval.
func ParseInterval(text string) (Interval, error) {
	if text == "" {
		return Interval{}, nil
	}
	var v Interval
	lo, hi, ok := strings.Cut(text, ":")
	for _, side := range []struct {
		text string
		to   *float64
	}{{lo, &v.Lo}, {hi, &v.Hi}} {
		if side.text == "" {
			continue
		}
		var err error
		if *side.to, err = strconv.ParseFloat(side.text, 64); err != nil {
			ok = false
		}
	}
	if !ok || hi != "" && v.Hi == 0 {
		return v, fmt.Errorf("an interval of noise is %q, want LO:HI, such as 0.3:5, or one of them empty", text)
	}
	return v, v.check()
}

// String is what [ParseInterval] reads.
func (v Interval) String() string {
	if v == (Interval{}) {
		return ""
	}
	side := func(x float64) string {
		if x == 0 {
			return ""
		}
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return side(v.Lo) + ":" + side(v.Hi)
}

func (v Interval) check() error {
	if !(v.Lo >= 0) || math.IsInf(v.Lo, 1) || !(v.Hi >= 0) || math.IsInf(v.Hi, 1) || v.Hi != 0 && v.Hi <= v.Lo {
		return fmt.Errorf("an interval of noise is %v to %v, want numbers of at least 0 that rise", v.Lo, v.Hi)
	}
	return nil
}

// has reports whether noise of ā is in the interval.
func (v Interval) has(alphaBar float64) bool {
	sigma := math.Sqrt(1-alphaBar) / math.Sqrt(alphaBar) // +∞ where ā is 0
	return v == Interval{} || sigma > v.Lo && (v.Hi == 0 || sigma <= v.Hi)
}
