package cpu_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/support/testutil"

	"mgd3/cpu"
	"mgd3/cpu/internal/kernel"
)

// TestRandomGraphsBF16 compares random graphs in bfloat16 with package plain, which evaluates them node by node, each
// result rounded to bfloat16 as the compiled graph rounds it. The two differ where sums or functions that are off by
// a float32 rounding fall on two sides of the middle between bfloat16 numbers. How much such a step, of 2⁻⁸, is
// amplified is measured as the distance of the plain result to that in float64. That holds of products in pairs too,
// whose sums are chains of float32. And byte by byte between numbers of workers, runs, donations and vector instruction
// sets.
func TestRandomGraphsBF16(t *testing.T) {
	f := newFleet(t)
	oracle := testutil.Must1(cpu.New("plain"))
	t.Cleanup(oracle.Finalize)
	tally(t, 600, 1./2, func(t *testing.T, seed uint64) (verdict, string) {
		v, text := f.checkBF16(oracle, specOf(seed))
		if v == differs {
			t.Error(text)
		}
		return v, text
	})
}

func (f *fleet) checkBF16(oracle compute.Backend, s spec) (verdict, string) {
	never, all := func(int) bool { return false }, func(int) bool { return true }
	run := func(b compute.Backend, float dtypes.DType, donate func(int) bool) (computed, []any, error) {
		c, err := s.compile(b, float)
		if err != nil {
			return c, nil, err
		}
		defer c.g.Finalize()
		outs, err := c.run(false, donate)
		return c, outs, err
	}
	ref, exact, err := run(f.portable, dtypes.Float64, never)
	if err != nil {
		return refused, err.Error()
	}
	_, rounded, err := run(oracle, dtypes.BFloat16, never)
	if err != nil {
		return refused, err.Error()
	}
	for i := range ref.b.guards {
		if numbers(exact[len(ref.outs)+i])[0] < 0x1p-7 {
			return ill, ""
		}
	}
	r := reference{computed: ref}
	for i, o := range ref.outs {
		want := numbers(exact[i])
		largest, _ := distance(want, make([]float64, len(want)))
		byRounding, _ := distance(want, numbers(rounded[i]))
		if !(byRounding <= 0.25*max(largest, 1e-3)) {
			return ill, ""
		}
		tolerance := 2*byRounding + 0x1p-8*(4*largest+1)
		if o.DType() != dtypes.Float64 {
			tolerance = byRounding
		}
		r.want, r.tolerance = append(r.want, numbers(rounded[i])), append(r.tolerance, tolerance)
	}
	level := kernel.Current()
	defer kernel.SetLevel(level)
	var first [2][]any // without pairs, and with them
	for _, l := range slices.Backward(kernel.Levels()) {
		kernel.SetLevel(l)
		if l == kernel.Generic { // it rounds otherwise
			first = [2][]any{}
		}
		for i, b := range slices.Concat(f.ours, f.pairs) {
			kind := i / len(f.ours)
			if i > len(f.ours) && l == kernel.Generic {
				continue // pairs are plain Go at other levels too
			}
			for _, donate := range []func(int) bool{never, all} {
				_, got, err := run(b, dtypes.BFloat16, donate)
				if err != nil {
					return differs, fmt.Sprint("run: ", err)
				}
				if first[kind] == nil {
					first[kind] = got
				}
				if text := r.compare(got, first[kind]); text != "" {
					return differs, b.(*cpu.Backend).Description() + ": " + text
				}
			}
		}
	}
	return equal, ""
}
