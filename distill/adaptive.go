package distill

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"mgd3/diffusion"
)

// Range is from Lo to Hi; zero is none.
type Range struct {
	Lo float64 `json:"lo"`
	Hi float64 `json:"hi"`
}

// ParseRange reads "LO:HI"; "" is none.
func ParseRange(text string) (r Range, err error) {
	if text == "" {
		return r, nil
	}
	lo, hi, ok := strings.Cut(text, ":")
	var errLo, errHi error
	r.Lo, errLo = strconv.ParseFloat(lo, 64)
	r.Hi, errHi = strconv.ParseFloat(hi, 64)
	if !ok || errLo != nil || errHi != nil || r == (Range{}) {
		return r, fmt.Errorf("a range is %q, want LO:HI, such as 0.05:0.15", text)
	}
	return r, r.check()
}

// String is what [ParseRange] reads.
func (r Range) String() string {
	if r == (Range{}) {
		return ""
	}
	return fmt.Sprintf("%v:%v", r.Lo, r.Hi)
}

func (r Range) check() error {
	if !(r.Lo >= 0 && r.Hi >= r.Lo) || math.IsInf(r.Hi, 1) {
		return fmt.Errorf("a range is from %v to %v, want numbers of at least 0 that do not fall", r.Lo, r.Hi)
	}
	return nil
}

// byClass reports whether classes have λ or stop of their own.
func (s SampleSettings) byClass() bool { return s.Adaptive != Range{} || s.StopByClass }

// complexity is how much a class's modes differ, 0 to 1, by the sizes p of their clusters (shares) and their centres c,
// with μ = Σ p·c:
//
//	C = ½·H/ln k + ½·B/(B + |μ|²),   H = −Σ p·ln p,   B = Σ p·|c − μ|²
//
// The first half is AGS-DD's. The program has three more parts (the number of clusters by silhouette, the mean distance
// to the centre, the separability), scaled over all classes and with weights that are not printed; B is what of them
// can be told by the class alone.
func (m *classModes) complexity() (c, entropy float64) {
	total, d := 0.0, m.Centres.Cols
	for _, n := range m.Sizes {
		total += float64(n)
	}
	mean := make([]float64, d)
	for j, n := range m.Sizes {
		p := float64(n) / total
		if p > 0 {
			entropy -= p * math.Log(p)
		}
		for l, v := range m.Centres.Row(j) {
			mean[l] += p * float64(v)
		}
	}
	if len(m.Sizes) < 2 {
		return 0, 0
	}
	between, norm := 0.0, 0.0
	for j, n := range m.Sizes {
		for l, v := range m.Centres.Row(j) {
			diff := float64(v) - mean[l]
			between += float64(n) / total * diff * diff
		}
	}
	for _, v := range mean {
		norm += v * v
	}
	c = entropy / math.Log(float64(len(m.Sizes))) / 2
	if between > 0 {
		c += between / (between + norm) / 2
	}
	return c, entropy
}

// ofClass returns the settings of a class: with [lo, hi] and T steps
//
//	λ = lo + (hi − lo)/(1 + e^(−10·(C − ½)))
//	G = T·(1 − e^(−0.316·√IPC/K)) + 0.3·C·T, at least 5 and at most 0.9·T
//
// the λ and the number of guided steps of AGS-DD, where K, the number of clusters, is e^H here. A rule whose stop
// counts timesteps stops at that of the first step that is not guided.
func (s SampleSettings) ofClass(m *classModes, timesteps []int) diffusion.Settings {
	own := s.Settings
	c, entropy := m.complexity()
	if (s.Adaptive != Range{}) {
		own.Lambda = s.Adaptive.Lo + (s.Adaptive.Hi-s.Adaptive.Lo)/(1+math.Exp(-10*(c-0.5)))
	}
	if s.StopByClass {
		n := float64(len(timesteps))
		guided := n*(1-math.Exp(-0.316*math.Sqrt(float64(len(m.Sizes)))/math.Exp(entropy))) + 0.3*c*n
		guided = min(max(guided, 5), 0.9*n)
		own.Stop = max(len(timesteps)-1-int(guided), -1)
		if own.Rule.CountsTimesteps() && own.Stop >= 0 {
			own.Stop = timesteps[own.Stop]
		}
	}
	return own
}

// samplerOf returns the sampler of a class's images.
func (s *sampling) samplerOf(m *classModes) (*diffusion.Sampler, error) {
	if !s.record.Settings.byClass() {
		return s.sampler, nil
	}
	steps := s.sampler.Steps()
	timesteps := make([]int, len(steps)) // rising
	for _, step := range steps {
		timesteps[step.Index] = step.Timestep
	}
	return diffusion.New(s.record.Settings.ofClass(m, timesteps))
}
