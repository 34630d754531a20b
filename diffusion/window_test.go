package diffusion

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestWindow: of the steps that stop leaves those are pulled that start leaves too; a start before all of them is none,
// to the bit, and DIVER's window is what its paper says.
func TestWindow(t *testing.T) {
	for _, rule := range Rules() {
		s := start(t, rule)
		b := images(2)
		last := 1000
		if !rule.CountsTimesteps() {
			last = mustNew(t, s).chain.Len() - 1
		}
		all := run(t, mustNew(t, s), toy, b)
		s.Start = last
		if rule.FewSteps() {
			if _, err := New(s); err == nil || !strings.Contains(err.Error(), "pulled from its first step on") {
				t.Errorf("%s: a start: %v", rule, err)
			}
			continue
		}
		sameBits(t, string(rule)+", start before all", run(t, mustNew(t, s), toy, b), all)

		s.Start = s.Stop + 1
		if rule.CountsTimesteps() {
			s.Start = s.Stop + 40
		}
		one := mustNew(t, s)
		var guided []int
		for _, step := range one.Steps() {
			at := step.Index
			if rule.CountsTimesteps() {
				at = step.Timestep
			}
			if step.Guided {
				guided = append(guided, at)
				if at <= s.Stop || at > s.Start {
					t.Errorf("%s: pulled at %d, want more than %d and at most %d", rule, at, s.Stop, s.Start)
				}
			}
		}
		if len(guided) == 0 || len(guided) > 2 {
			t.Errorf("%s: pulled at %v, want one or two steps", rule, guided)
		}
		narrow := run(t, one, toy, b)
		if slices.Equal(narrow, all) {
			t.Errorf("%s: the window changes nothing", rule)
		}
		s.Lambda = 0
		free := run(t, mustNew(t, s), toy, b)
		s.Start = 0
		sameBits(t, string(rule)+", lambda 0", run(t, mustNew(t, s), toy, b), free)
		if slices.Equal(narrow, free) {
			t.Errorf("%s: the window pulls nothing", rule)
		}
	}
	s := start(t, DDPM)
	s.Respacing, s.Start, s.Stop = "50", 40, 24
	var pulled []int
	for _, step := range mustNew(t, s).Steps() {
		if step.Guided {
			pulled = append(pulled, step.Index)
		}
	}
	if len(pulled) != 16 || pulled[0] != 40 || pulled[15] != 25 {
		t.Errorf("DIVER's window: %v, want 40 to 25", pulled)
	}
	for _, start := range []int{-1, 24, 3} {
		s.Start = start
		if _, err := New(s); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("start is %d", start)) {
			t.Errorf("start %d: %v", start, err)
		}
	}
}

// TestNoised: the noise of as many steps as are taken is that of From, to the bit; else it is that of the step named.
func TestNoised(t *testing.T) {
	for _, rule := range Rules() {
		s := start(t, rule)
		b := images(2)
		s.From = 3
		as := run(t, mustNew(t, s), toy, b)
		s.Noised = 3
		sameBits(t, string(rule)+", noised as from", run(t, mustNew(t, s), toy, b), as)
		s.Noised = 2
		sampler := mustNew(t, s)
		if steps := sampler.Steps(); len(steps) != 3 || steps[0].Index != 2 {
			t.Errorf("%s: noised 2 takes %+v", rule, steps)
		}
		if slices.Equal(run(t, sampler, toy, b), as) {
			t.Errorf("%s: noised by 2 it is as by 3", rule)
		}
		b.Noise = func(_, _ int, dst []float32) { clear(dst) }
		want := float32(math.Sqrt(sampler.chain.AlphaBar[1]) * float64(b.Modes[0]))
		if x := sampler.start(b); x[0] != want {
			t.Errorf("%s: begins at %v, want %v", rule, x[0], want)
		}
		for noised, from := range map[int]int{-1: 3, 1: 0, 2: -1, sampler.chain.Len() + 1: 3} {
			s.Noised, s.From = noised, from
			if _, err := New(s); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("noised is %d", noised)) {
				t.Errorf("%s: noised %d, from %d: %v", rule, noised, from, err)
			}
		}
	}
}
