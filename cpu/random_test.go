package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/compute/support/testutil"
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/cpu"
	"mgd3/cpu/internal/kernel"
)

// Random graphs, built as users do, are compared with GoMLX's portable backend, which computes them in float64.
//
// How far may a float32 result be off? That depends on the graph: on its roundings, and on how it amplifies them. Both
// are measured. The portable backend computes it in float32 too (its roundings), and in float64 with the inputs moved
// by one rounding each (the amplification of what comes in). The larger difference to the reference, over all elements
// of the output, is what an honest float32 evaluation errs by; ours may err 64 times as much, for both may have been
// lucky and ours takes longer sums, fused multiplications and Winograd's transforms. To that come 64 roundings of the
// largest element and a floor of 16 of one. Where only whole numbers occur every result is exact, and compared so.
// Graphs that come too near to where a function or its gradient jumps are left out.
//
// To look at one seed of any size: go test ./cpu -run 'FuzzGraphs$' after adding it there, or -run
// 'TestRandomGraphs/seed=123$' if it is below graphs. A failure is reduced at once, by leaving out steps and making
// inputs of others, and what is left is printed: the values, their kinds and shapes, and the spec. To reduce it further
// by hand, call check with that spec after changing its steps and cut.

// Graphs are many and small, and a small heap is collected all the time.
func init() { debug.SetGCPercent(400) }

// fleet are the backends of a test: the portable one, and ours.
type fleet struct {
	portable compute.Backend
	ours     []compute.Backend // of one worker, and of three
	pairs    []compute.Backend // the same, multiplying bfloat16 in pairs
}

func newFleet(t testing.TB) *fleet {
	cpu.ConvProductsFrom(t, 8) // some of both kinds
	f := &fleet{portable: testutil.Must1(gobackend.New("ops_sequential"))}
	if cpu.RaceDetector {
		f.portable = testutil.Must1(cpu.New("plain"))
	}
	for _, config := range []string{"threads=1,pairs=", "threads=3,pairs="} {
		f.ours = append(f.ours, testutil.Must1(cpu.New(config+"off")))
		if !cpu.RaceDetector { // TestPairs has their goroutines
			f.pairs = append(f.pairs, testutil.Must1(cpu.New(config+"on")))
		}
	}
	t.Cleanup(func() {
		f.portable.Finalize()
		for _, b := range slices.Concat(f.ours, f.pairs) {
			b.Finalize()
		}
	})
	return f
}

// computed is a compiled graph.
type computed struct {
	b    *builder
	outs []*val
	g    *Graph
	exe  compute.Executable
}

func (s spec) compile(backend compute.Backend, float dtypes.DType) (c computed, err error) {
	c.g = NewGraph(backend, fmt.Sprint("seed ", s.seed))
	caught := caught(func() {
		c.b, c.outs = s.build(c.g, float, backend.Name() != cpu.Name)
		var nodes []*Node
		for _, o := range c.outs {
			nodes = append(nodes, o.Node)
		}
		nodes = append(nodes, c.b.guards...)
		if backend.Name() != cpu.Name { // it fails if a parameter comes after all outputs
			nodes = append(nodes, Iota(c.g, shapes.Make(dtypes.Int32, 1, 1, 1, 1, 1, 3), 5))
		}
		if err = c.g.Compile(nodes...); err == nil {
			c.exe = c.g.Executable()
		}
	})
	if caught != nil {
		err = caught
	}
	return c, err
}

// caught returns what f panics with.
func caught(f func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	f()
	return nil
}

// run runs with the inputs of the seed. Of its results those of the guards are the last ones.
func (c computed) run(nudged bool, donate func(i int) bool) (outs []any, err error) {
	r := rand.New(rand.NewPCG(c.b.seed, 1<<43))
	in, give := make([]compute.Buffer, len(c.b.inputs)), make([]bool, len(c.b.inputs))
	for i, g := range c.b.inputs {
		values, moved := g.values(r)
		if nudged {
			values = moved
		}
		if in[i], err = c.g.Backend().BufferFromFlatData(0, floats(g.dtype, values),
			shapes.Make(g.dtype, g.dims...)); err != nil {
			return nil, err
		}
		give[i] = donate(i)
	}
	var buffers []compute.Buffer
	if caught := caught(func() { buffers, err = c.exe.Execute(in, give, 0) }); caught != nil {
		err = caught
	}
	if err != nil {
		return nil, err
	}
	for i, b := range buffers {
		flat := dtypes.MakeAnySlice(testutil.Must1(b.Shape()).DType, testutil.Must1(b.Shape()).Size())
		if err := b.ToFlatData(flat); err != nil {
			return nil, fmt.Errorf("output %d: %w", i, err)
		}
		outs = append(outs, flat)
		b.Finalize()
	}
	for i, b := range in {
		if !give[i] {
			b.Finalize()
		}
	}
	return outs, nil
}

// floats converts to a slice of the type.
func floats(dtype dtypes.DType, x []float64) any {
	switch dtype {
	case dtypes.Float32:
		return convert(x, func(x float64) float32 { return float32(x) })
	case dtypes.BFloat16:
		return convert(x, func(x float64) bfloat16.BFloat16 { return bfloat16.FromFloat32(float32(x)) })
	case dtypes.Int32:
		return convert(x, func(x float64) int32 { return int32(x) })
	case dtypes.Int64:
		return convert(x, func(x float64) int64 { return int64(x) })
	case dtypes.Bool:
		return convert(x, func(x float64) bool { return x != 0 })
	}
	return x
}

func convert[A, B any](x []A, f func(A) B) []B {
	y := make([]B, len(x))
	for i := range x {
		y[i] = f(x[i])
	}
	return y
}

// numbers is the inverse of floats.
func numbers(flat any) []float64 {
	switch x := flat.(type) {
	case []float32:
		return convert(x, func(x float32) float64 { return float64(x) })
	case []bfloat16.BFloat16:
		return convert(x, func(x bfloat16.BFloat16) float64 { return float64(x.Float32()) })
	case []int32:
		return convert(x, func(x int32) float64 { return float64(x) })
	case []int64:
		return convert(x, func(x int64) float64 { return float64(x) })
	case []bool:
		return convert(x, func(x bool) float64 {
			if x {
				return 1
			}
			return 0
		})
	}
	return flat.([]float64)
}

// distance is the largest difference, and at which element.
func distance(x, y []float64) (most float64, at int) {
	for i := range x {
		if d := math.Abs(x[i] - y[i]); d > most || math.IsNaN(d) && !(math.IsNaN(x[i]) && math.IsNaN(y[i])) {
			most, at = d, i
			if math.IsNaN(d) {
				return math.Inf(1), i
			}
		}
	}
	return most, at
}

// verdict is what became of a graph.
type verdict int

const (
	equal   verdict = iota
	ill             // too near to a jump, or its results lose more than a thousandth in float32
	refused         // by the graph library, or the portable backend
	differs
)

// reference is what a graph should give.
type reference struct {
	computed
	want      [][]float64
	tolerance []float64
}

// reference computes what s should give; the verdict is equal if that can be told.
func (f *fleet) reference(s spec) (ref reference, v verdict, text string) {
	never := func(int) bool { return false }
	var exact, nudged, rounded []any
	for _, way := range []struct {
		outs   *[]any
		float  dtypes.DType
		nudged bool
	}{{&rounded, dtypes.Float32, false}, {&nudged, dtypes.Float64, true}, {&exact, dtypes.Float64, false}} {
		c, err := s.compile(f.portable, way.float)
		if err == nil {
			defer c.g.Finalize()
			ref.computed = c
			*way.outs, err = c.run(way.nudged, never)
		}
		if err != nil {
			return ref, refused, err.Error()
		}
	}
	for i := range ref.b.guards {
		if numbers(exact[len(ref.outs)+i])[0] < 0x1p-15 {
			return ref, ill, ""
		}
	}
	for i, o := range ref.outs {
		want := numbers(exact[i])
		largest, _ := distance(want, make([]float64, len(want)))
		byRounding, _ := distance(want, numbers(rounded[i]))
		byInput, _ := distance(want, numbers(nudged[i]))
		tolerance := 64*max(byRounding, byInput) + 0x1p-24*(64*largest+16)
		switch {
		case o.whole:
			tolerance = 0
		case !(max(byRounding, byInput) <= 1e-3*max(largest, 1e-3)): // not a number either
			return ref, ill, ""
		}
		ref.want, ref.tolerance = append(ref.want, want), append(ref.tolerance, tolerance)
	}
	return ref, equal, ""
}

// check compares one graph: with the reference, and byte by byte between numbers of workers, runs, donations and
// vector instruction sets. text says what differs.
func (f *fleet) check(s spec) (v verdict, text string, ref reference) {
	if ref, v, text = f.reference(s); v != equal {
		return v, text, ref
	}
	level := kernel.Current()
	defer kernel.SetLevel(level)
	never, some := func(int) bool { return false }, func(i int) bool { return (s.seed>>i)&1 == 0 }
	all := func(int) bool { return true }
	var first []any
	for _, l := range slices.Backward(kernel.Levels()) {
		kernel.SetLevel(l)
		for _, backend := range f.ours {
			rounds := []func(int) bool{never, never, some, all}
			if l != level {
				rounds = rounds[2:3]
			}
			c, err := s.compile(backend, dtypes.Float32)
			if err != nil {
				return differs, fmt.Sprint("compile: ", err), ref
			}
			defer c.g.Finalize()
			for round, donate := range rounds {
				got, err := c.run(false, donate)
				if err != nil {
					return differs, fmt.Sprint("execute: ", err), ref
				}
				// plain Go may round otherwise
				if first == nil || l == kernel.Generic && backend == f.ours[0] && round == 0 {
					first = got
				}
				if text := ref.compare(got, first); text != "" {
					return differs,
						fmt.Sprintf("%s, run %d: %s", backend.(*cpu.Backend).Description(), round, text), ref
				}
			}
		}
	}
	return equal, "", ref
}

// compare returns how got differs from what is wanted, or from the results of the first run.
func (r reference) compare(got, first []any) string {
	for i, o := range r.outs {
		x, y, z := r.want[i], numbers(got[i]), numbers(first[i])
		at := fmt.Sprintf("output %d, %s = %s %s", i, o.name, o.text, o.Shape())
		if len(y) != len(x) {
			return fmt.Sprintf("%s: %d elements, want %d", at, len(y), len(x))
		}
		if d, j := distance(x, y); d > r.tolerance[i] {
			return fmt.Sprintf("%s, element %d of %d: %g, want %g ± %.1e", at, j, len(x), y[j], x[j], r.tolerance[i])
		}
		if d, j := distance(z, y); d != 0 {
			return fmt.Sprintf("%s, element %d of %d: %g, but %g in the first run", at, j, len(x), y[j], z[j])
		}
	}
	return ""
}

// graphs is the number of seeds of an ordinary run.
const graphs = 2500

func TestRandomGraphs(t *testing.T) {
	f := newFleet(t)
	tally(t, graphs, 9./10, func(t *testing.T, seed uint64) (verdict, string) {
		s := specOf(seed)
		v, text, _ := f.check(s)
		if v == differs {
			f.report(t, s, text)
		}
		return v, text
	})
}

// tally checks the graphs of n seeds, a tenth of them with -short, of which at least a share must be comparable, and
// logs what became of them.
func tally(t *testing.T, n int, share float64, check func(t *testing.T, seed uint64) (verdict, string)) {
	if testing.Short() {
		n /= 10
	}
	var count [differs + 1]int
	reasons := map[string]int{}
	for seed := range uint64(n) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			v, text := check(t, seed)
			count[v]++
			if v == refused {
				reasons[text]++
			}
		})
	}
	for text, n := range reasons {
		t.Logf("refused %d: %s", n, text)
	}
	if float64(count[equal]) < float64(n)*share {
		t.Errorf("only %d of %d graphs were compared", count[equal], n)
	}
	t.Logf("%d graphs agree, %d are ill-conditioned, %d refused, %d differ", count[equal], count[ill], count[refused],
		count[differs])
}

// FuzzGraphs goes on where TestRandomGraphs ends.
func FuzzGraphs(f *testing.F) {
	fleet := newFleet(f)
	for seed := range uint64(20) {
		f.Add(graphs + seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		if v, text, _ := fleet.check(specOf(seed)); v == differs {
			fleet.report(t, specOf(seed), text)
		}
	})
}
