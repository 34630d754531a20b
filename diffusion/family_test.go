package diffusion

import (
	"slices"
	"strings"
	"testing"
)

// TestFamilies: every rule on the noise of every kind of model. The noise is that of the model; the rule says the
// step alone, and one that was published for other noise is warned of.
func TestFamilies(t *testing.T) {
	models := map[string]Schedule{
		"DiT":                  DiT(1000),
		"DiT, 4000 steps":      DiT(4000),
		"Stable Diffusion":     StableDiffusion(),
		"linear, other ends":   {Kind: Linear, Steps: 1000, Start: 0.001, End: 0.01},
		"cosine":               {Kind: Cosine, Steps: 1000},
		"scaled, other ends":   {Kind: ScaledLinear, Steps: 1000, Start: 1e-4, End: 0.02},
		"scaled, other length": {Kind: ScaledLinear, Steps: 500, Start: 0.00085, End: 0.012},
	}
	home := map[Rule][]string{
		DDPM: {"DiT", "DiT, 4000 steps"}, DDIMPaper: {"DiT", "DiT, 4000 steps"}, DDIMX0: {"DiT", "DiT, 4000 steps"},
		DDPMSD: {"Stable Diffusion"}, DDIMSD: {"Stable Diffusion"},
	}
	for name := range models {
		for _, few := range []Rule{DPM2M, DPM2MSDE, UniPC} {
			home[few] = append(home[few], name)
		}
	}
	for _, rule := range Rules() {
		for name, noise := range models {
			s := start(t, rule)
			s.Schedule = noise
			sampler := mustNew(t, s)
			if got := sampler.Settings().Schedule; got != noise {
				t.Errorf("%s, %s: sampled with %v, want the model's, %v", rule, name, got, noise)
			}
			want, err := NewChain(noise, s.Respacing)
			if err != nil {
				t.Fatal(err)
			}
			for i, step := range sampler.Steps() {
				at := want.Len() - 1 - i
				if step.Timestep != want.Timesteps[at] || sampler.chain.AlphaBar[at] != want.AlphaBar[at] {
					t.Errorf("%s, %s: step %d is at %d with ā %v, want %d and %v", rule, name, i, step.Timestep,
						sampler.chain.AlphaBar[at], want.Timesteps[at], want.AlphaBar[at])
				}
			}
			warned := strings.Contains(strings.Join(s.Warnings(), "\n"), "rule "+string(rule)+" was published with")
			if of := slices.Contains(home[rule], name); warned == of {
				t.Errorf("%s, %s: warned %v, want %v: %q", rule, name, warned, !of, s.Warnings())
			}
		}
	}
}

// TestFamilyWithoutPull: the warning is of the noise, and so there without a pull too.
func TestFamilyWithoutPull(t *testing.T) {
	s := start(t, DDPMSD)
	s.Schedule, s.Lambda = DiT(1000), 0
	if w := s.Warnings(); len(w) != 1 ||
		!strings.Contains(w[0], "scaled-linear noise from 0.00085 to 0.012 in 1000 steps") ||
		!strings.Contains(w[0], "linear noise from 0.0001 to 0.02 in 1000 steps") {
		t.Errorf("got %q, want one warning with both schedules", w)
	}
}
