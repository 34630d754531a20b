package cpu_test

import (
	"maps"
	"strings"
	"testing"
)

// reduced returns a smaller graph that differs too.
func (f *fleet) reduced(s spec) spec {
	fails := func(s spec) (fails bool) {
		defer func() { fails = recover() != nil || fails }()
		v, _, _ := f.check(s)
		return v == differs
	}
	for _, try := range []spec{{seed: s.seed, steps: s.steps, only: true},
		{seed: s.seed, steps: s.steps, gradient: true}} {
		for n := 1; n <= s.steps; n++ {
			if try.steps = n; fails(try) {
				s = try
				break
			}
		}
		if s.only {
			break
		}
	}
	for i := s.steps - 2; i >= 0; i-- {
		try := s
		try.cut = maps.Clone(s.cut)
		if try.cut == nil {
			try.cut = map[int]bool{}
		}
		try.cut[i] = true
		if fails(try) {
			s = try
		}
	}
	return s
}

// report fails the test with the smallest graph found.
func (f *fleet) report(t *testing.T, s spec, text string) {
	small := f.reduced(s)
	v, smallText, at := f.check(small)
	var dump strings.Builder
	if at.b != nil {
		dump.WriteString(at.b.dump(at.outs))
	}
	t.Errorf("%s\nreduced to steps %d, cut %v, only %v, gradient %v: %d %s\n%s", text, small.steps, small.cut,
		small.only, small.gradient, v, smallText, dump.String())
}
