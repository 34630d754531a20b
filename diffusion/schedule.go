package diffusion

import (
	"fmt"
	"math"
)

// Kind names a formula for β.
type Kind string

const (
	Linear       Kind = "linear"        // β from Start to End in equal steps (Ho et al. 2020, section 4)
	ScaledLinear Kind = "scaled-linear" // √β from √Start to √End in equal steps (Rombach et al. 2022)
	Cosine       Kind = "cosine"        // Nichol and Dhariwal 2021 (arXiv:2102.09672), eq. 17
)

// Schedule says how much noise each of the T steps of the full process adds.
type Schedule struct {
	Kind  Kind    `json:"kind"`
	Steps int     `json:"steps"` // T, at least 1
	Start float64 `json:"start"` // the first β, in (0, 1); unused by Cosine
	End   float64 `json:"end"`   // the last β, likewise
}

// DiT returns the schedule of the DiT models: linear from 1e-4 to 0.02 at 1000 steps. With
// other numbers of steps both ends scale with 1000/steps, so that the same noise comes in all.
func DiT(steps int) Schedule {
	scale := 1000 / float64(steps)
	return Schedule{Kind: Linear, Steps: steps, Start: 1e-4 * scale, End: 0.02 * scale}
}

// StableDiffusion returns the schedule of Stable Diffusion 1.x.
func StableDiffusion() Schedule {
	return Schedule{Kind: ScaledLinear, Steps: 1000, Start: 0.00085, End: 0.012}
}

// String is the schedule in words: "linear noise from 0.0001 to 0.02 in 1000 steps".
func (s Schedule) String() string {
	if s.Kind == Cosine {
		return fmt.Sprintf("%s noise in %d steps", s.Kind, s.Steps)
	}
	return fmt.Sprintf("%s noise from %g to %g in %d steps", s.Kind, s.Start, s.End, s.Steps)
}

// sameFamily reports whether two schedules add the same noise, in as many steps or in others.
func (s Schedule) sameFamily(other Schedule) bool {
	if s.Kind == Linear && s == DiT(s.Steps) && other.Steps > 0 {
		s = DiT(other.Steps)
	}
	return s == other
}

// Betas returns β of every step, [T], all in (0, 1).
func (s Schedule) Betas() ([]float64, error) {
	if s.Steps < 1 {
		return nil, fmt.Errorf("schedule %s: have %d steps, want at least 1", s.Kind, s.Steps)
	}
	var betas []float64
	switch s.Kind {
	case Linear:
		betas = line(s.Start, s.End, s.Steps)
	case ScaledLinear:
		betas = line(math.Sqrt(s.Start), math.Sqrt(s.End), s.Steps)
		for i, root := range betas {
			betas[i] = root * root
		}
	case Cosine:
		betas = cosine(s.Steps)
	default:
		return nil, fmt.Errorf("schedule is %q, want %s, %s or %s", s.Kind, Linear, ScaledLinear, Cosine)
	}
	for i, beta := range betas {
		if !(beta > 0 && beta < 1) {
			return nil, fmt.Errorf("schedule %s from %v to %v: beta of step %d is %v, want it between 0 and 1",
				s.Kind, s.Start, s.End, i, beta)
		}
	}
	return betas, nil
}

// line returns n numbers at equal distances, from start to end.
func line(start, end float64, n int) []float64 {
	y := make([]float64, n)
	step := (end - start) / max(1, float64(n-1))
	for i := range y {
		y[i] = start + float64(i)*step
	}
	return y
}

// cosine returns 1 − ā(i+1)/ā(i), at most 0.999, for ā(i) = cos²(π/2·(i/T + 0.008)/1.008).
func cosine(steps int) []float64 {
	alphaBar := func(i int) float64 {
		c := math.Cos((float64(i)/float64(steps) + 0.008) / 1.008 * math.Pi / 2)
		return c * c
	}
	betas := make([]float64, steps)
	for i := range betas {
		betas[i] = min(1-alphaBar(i+1)/alphaBar(i), 0.999)
	}
	return betas
}
