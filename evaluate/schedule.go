package evaluate

import (
	"fmt"
	"math"
	"slices"
)

// Schedule is how the rate of the optimiser falls: Rate of epoch e = 0, 1, … E−1 is the protocol's times
//
//	steps         Factorⁿ,  n = milestones ≤ e         PyTorch's MultiStepLR
//	half-cosine   ½·(1 + cos(π·e/2E)),                 RDED's program; ends at ½
//	cosine        ½·(1 + cos(π·e/E)),                  SRe2L's program
//	half-step     1 up to the middle, then Factor      DC's program: from e = ⌊(E − 1)/2⌋ + 2 on
type Schedule struct {
	Kind       string  `json:"kind"`
	Milestones []int   `json:"milestones,omitempty"`
	Factor     float64 `json:"factor,omitempty"`
}

// Kinds of schedules.
const (
	Steps      = "steps"
	HalfCosine = "half-cosine"
	Cosine     = "cosine"
	HalfStep   = "half-step"
)

// thirds are the milestones of the hard-label programs for that many epochs: after two thirds and five sixths.
func thirds(epochs int) []int { return []int{2 * epochs / 3, 5 * epochs / 6} }

// Scale returns what the rate is multiplied by in epoch e of the given number.
func (s Schedule) Scale(e, epochs int) float64 {
	switch {
	case s.Kind == HalfCosine:
		return (1 + math.Cos(math.Pi*float64(e)/float64(2*epochs))) / 2
	case s.Kind == Cosine:
		return (1 + math.Cos(math.Pi*float64(e)/float64(epochs))) / 2
	case s.Kind == HalfStep && e >= (epochs-1)/2+2:
		return s.Factor
	}
	scale := 1.0
	for _, m := range s.Milestones {
		if e >= m {
			scale *= s.Factor
		}
	}
	return scale
}

// Check says what is wrong with s, if anything.
func (s Schedule) Check() error {
	switch {
	case !slices.Contains([]string{Steps, HalfCosine, Cosine, HalfStep}, s.Kind):
		return fmt.Errorf("the schedule is %q, want %q, %q, %q or %q", s.Kind, Steps, HalfCosine, Cosine, HalfStep)
	case (s.Kind == Steps || s.Kind == HalfStep) && !(s.Factor > 0 && s.Factor <= 1):
		return fmt.Errorf("the factor of the schedule's steps is %v, want more than 0 and at most 1", s.Factor)
	}
	return nil
}
