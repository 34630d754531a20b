package diffusion

import (
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
)

func TestParseInterval(t *testing.T) {
	for _, c := range []struct {
		text string
		want Interval
		ok   bool
	}{
		{"", Interval{}, true},
		{"0.3:5", Interval{0.3, 5}, true},
		{":5", Interval{0, 5}, true},
		{"0.3:", Interval{Lo: 0.3}, true},
		{"5:0.3", Interval{}, false},
		{"1:1", Interval{}, false},
		{"1:0", Interval{}, false},
		{"-1:2", Interval{}, false},
		{"NaN:2", Interval{}, false},
		{"1:Inf", Interval{}, false},
		{"1", Interval{}, false},
		{"a:b", Interval{}, false},
		{"1:2:3", Interval{}, false},
	} {
		got, err := ParseInterval(c.text)
		if (err == nil) != c.ok || c.ok && got != c.want {
			t.Errorf("%q: got %+v, %v, want %+v, ok %v", c.text, got, err, c.want, c.ok)
		}
		if again, err := ParseInterval(got.String()); c.ok && (err != nil || again != got) {
			t.Errorf("%q: %q is read as %+v, %v", c.text, got.String(), again, err)
		}
	}
}

// TestIntervalLaws: an interval of all noise is no interval, one of none is no guidance, to the bit; and between the
// two just the steps within are taken by the graph with two rows an image.
func TestIntervalLaws(t *testing.T) {
	batch := func(n int) Batch {
		return Batch{Dims: [3]int{2, 3, 3}, Labels: make([]int32, n), Modes: make([]float32, n*18), Noise: noise(0)}
	}
	for _, rule := range Rules() {
		draw := func(cfg float64, v Interval) (x []float32, guided, plain int) {
			s := start(t, rule)
			s.CFG, s.CFGChannels, s.CFGInterval = cfg, 1, v
			sampler, b := mustNew(t, s), batch(2)
			b.Labels[1] = 3
			if p := sampler.Plain(); p != nil {
				exec := stepper(t, p, toy, 9)
				b.Plain = func(x, label, mode, z, coef *tensors.Tensor) (*tensors.Tensor, error) {
					plain++
					return exec(x, label, mode, z, coef)
				}
			}
			exec := stepper(t, sampler, toy, 9)
			x, err := sampler.Run(t.Context(), func(x, label, mode, z, coef *tensors.Tensor) (*tensors.Tensor, error) {
				guided++
				return exec(x, label, mode, z, coef)
			}, b)
			if err != nil {
				t.Fatal(err)
			}
			return x, guided, plain
		}
		all, n, _ := draw(4, Interval{})
		without, _, _ := draw(1, Interval{})
		if x, guided, plain := draw(4, Interval{Lo: 0, Hi: 1e4}); !slices.Equal(x, all) || guided != n || plain != 0 {
			t.Errorf("%s: all noise is other than no interval; %d and %d steps", rule, guided, plain)
		}
		if x, guided, plain := draw(4, Interval{Lo: 1e4}); !slices.Equal(x, without) || guided != 0 || plain != n {
			t.Errorf("%s: no noise is other than cfg 1; %d and %d steps", rule, guided, plain)
		}
		x, guided, plain := draw(4, Interval{Lo: 0.3, Hi: 5})
		want := 0
		s := start(t, rule)
		sampler := mustNew(t, s)
		for _, ab := range sampler.chain.AlphaBar {
			if ratio := (1 - ab) / ab; ratio > 0.09 && ratio <= 25 {
				want++
			}
		}
		if guided != want || plain != n-want || slices.Equal(x, all) || slices.Equal(x, without) {
			t.Errorf("%s: %d steps with guidance and %d without, want %d of %d", rule, guided, plain, want, n)
		}
	}
}

func TestIntervalNeedsItsGraph(t *testing.T) {
	s := start(t, DDPM)
	s.CFGInterval.Lo = 1
	b := Batch{Dims: [3]int{1, 1, 1}, Labels: []int32{0}, Modes: []float32{0}, Noise: noise(0)}
	if _, err := mustNew(t, s).Run(t.Context(), nil, b); err == nil {
		t.Error("no error without a graph of the plain steps")
	}
	for _, c := range []struct {
		v    Interval
		cfg  float64
		want string
	}{
		{Interval{Lo: 1e4}, 4, "none of the 50 steps"}, {Interval{Hi: 1e4}, 4, "all 50 steps"},
		{Interval{Lo: 1}, 1, "no effect"}, {Interval{Lo: 1}, 4, ""},
	} {
		s.CFG, s.CFGInterval = c.cfg, c.v
		if have := strings.Join(s.Warnings(), "; "); c.want == "" && have != "" || !strings.Contains(have, c.want) {
			t.Errorf("%v, cfg %v: warned %q, want %q", c.v, c.cfg, have, c.want)
		}
	}
}
