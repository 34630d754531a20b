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

// Prediction is what a network says of x = √ā·x0 + √(1 − ā)·ε.
type Prediction string

const (
	Epsilon  Prediction = ""  // the noise ε (Ho et al. 2020)
	Velocity Prediction = "v" // v = √ā·ε − √(1 − ā)·x0 (Salimans and Ho 2022, arXiv:2202.00512, appendix D)
)

// Schedule is what a network was trained with: how much noise each of the T steps of the full process adds, and what
// the network says of it.
type Schedule struct {
	Kind  Kind    `json:"kind"`
	Steps int     `json:"steps"` // T, at least 1
	Start float64 `json:"start"` // the first β, in (0, 1); unused by Cosine
	End   float64 `json:"end"`   // the last β, likewise

	// ZeroSNR says that all β are changed so that nothing of x0 is left after the last step: √ā shifted and scaled to
	// end at 0 and to begin where it began (Lin et al. 2023, arXiv:2305.08891, Algorithm 1). Such a step is no use to
	// a network that predicts ε.
	ZeroSNR bool `json:"zero_snr,omitempty"`

	Prediction Prediction `json:"prediction,omitempty"`
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
	text := fmt.Sprintf("%s noise from %g to %g in %d steps", s.Kind, s.Start, s.End, s.Steps)
	if s.Kind == Cosine {
		text = fmt.Sprintf("%s noise in %d steps", s.Kind, s.Steps)
	}
	if s.ZeroSNR {
		text += ", rescaled to end without signal"
	}
	if s.Prediction != Epsilon {
		text += fmt.Sprintf(", to predict %s", s.Prediction)
	}
	return text
}

// sameFamily reports whether two schedules add the same noise, in as many steps or in others, whatever is predicted.
func (s Schedule) sameFamily(other Schedule) bool {
	s.Prediction, other.Prediction = Epsilon, Epsilon
	if s.Kind == Linear && s == DiT(s.Steps) && other.Steps > 0 {
		s = DiT(other.Steps)
	}
	return s == other
}

// Betas returns β of every step, [T], all in (0, 1); the last one of a ZeroSNR is 1.
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
	if s.Prediction != Epsilon && s.Prediction != Velocity {
		return nil, fmt.Errorf("prediction is %q, want %q, or nothing for the noise", s.Prediction, Velocity)
	}
	if s.ZeroSNR {
		return zeroSNR(betas)
	}
	return betas, nil
}

// zeroSNR shifts and scales √ā to end at 0 and to begin where it does.
func zeroSNR(betas []float64) ([]float64, error) {
	alphaBar := cumulate(betas)
	first, last := math.Sqrt(alphaBar[0]), math.Sqrt(alphaBar[len(betas)-1])
	if len(betas) < 2 {
		return nil, fmt.Errorf("a schedule of 1 step cannot be rescaled to end without signal, want at least 2")
	}
	rescaled := make([]float64, len(betas))
	before := 1.0
	for i, a := range alphaBar {
		root := (math.Sqrt(a) - last) * (first / (first - last))
		rescaled[i] = 1 - root*root/before
		before = root * root
	}
	return rescaled, nil
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
