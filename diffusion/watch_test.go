package diffusion

import "testing"

// TestWatch: who looks changes no bit of the chain, and sees what the state of coupled images keeps; the last x0 of
// DDPM is the image.
func TestWatch(t *testing.T) {
	for _, rule := range Rules() {
		s := start(t, rule)
		s.Respacing = "5"
		if formulas[rule].timesteps() {
			s.Respacing = "leading5"
		}
		s.Stop, s.CFGChannels = 1, 4
		b := images(3)
		b.Rows = 2
		sampler := mustNew(t, s)
		want := run(t, sampler, toy, b)
		seen := map[int][]float32{}
		b.Watch = &Watch{Every: 2, See: func(k, steps int, x0 []float32) error {
			if steps != len(sampler.Steps()) {
				t.Errorf("%s: told of %d steps, want %d", rule, steps, len(sampler.Steps()))
			}
			seen[k] = append([]float32(nil), x0...)
			return nil
		}}
		sameBits(t, string(rule), run(t, sampler, toy, b), want)
		if len(seen) != 3 || seen[0] == nil || seen[4] == nil {
			t.Fatalf("%s: saw %d steps, want 0, 2 and 4", rule, len(seen))
		}
		if rule == DDPM {
			sameBits(t, "the last x0", seen[4], want)
		}
		s.Guide = OT // keeps x0 in every rule
		first := seen[0]
		seen = map[int][]float32{}
		b.Class = &Class{Centres: b.Modes, Sizes: []float64{1, 1, 1}}
		run(t, mustNew(t, s), toy, b)
		sameBits(t, string(rule)+", the first x0", first, seen[0])
	}
}
