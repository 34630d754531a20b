package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// TestSet: what a program sets is there at its next run, and for other programs of the same weights.
func TestSet(t *testing.T) {
	for _, name := range []string{"cpu", "go"} {
		t.Run(name, func(t *testing.T) {
			e, err := Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			start, err := e.Tensor([]float32{1, 2}, 2)
			if err != nil {
				t.Fatal(err)
			}
			w := Weights{"sum.total": start}
			add, err := e.Compile("add", func(p Params, in []*Node) []*Node {
				total := p.In("sum").Get("total", 2)
				p.In("sum").Set("total", Add(total, in[0]))
				return []*Node{ReduceAllSum(total)}
			}, w)
			if err != nil {
				t.Fatal(err)
			}
			read, err := e.Compile("read",
				func(p Params, _ []*Node) []*Node { return []*Node{Neg(p.Get("sum.total", 2))} }, w)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []struct {
				before float32
				after  []float32
			}{{3, []float32{-11, -102}}, {113, []float32{-21, -202}}} {
				out, err := add.Run(tensors.FromValue([]float32{10, 100}))
				if err != nil {
					t.Fatal(err)
				}
				if len(out) != 1 || tensors.ToScalar[float32](out[0]) != want.before {
					t.Errorf("got %v, want the one output %v", out, want.before)
				}
				after, err := read.Run1(tensors.FromScalar(float32(0)))
				if err != nil {
					t.Fatal(err)
				}
				if got := tensors.MustCopyFlatData[float32](after); !slices.Equal(got, want.after) {
					t.Errorf("got %v, want %v", got, want.after)
				}
			}
		})
	}
}

func TestUnset(t *testing.T) {
	var names []string
	_, err := open(t).Declare(func(p Params, in []*Node) []*Node {
		for _, name := range []string{"a", "b", "c"} {
			p.In("net").Get(name, 2)
		}
		p.In("net").Set("b", in[0])
		for _, spec := range p.In("elsewhere").Unset() {
			names = append(names, spec.Name)
		}
		return in
	}, shapes.Make(dtypes.Float32, 2))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"net.a", "net.c"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

func TestSetRefused(t *testing.T) {
	for want, f := range map[string]Func{
		"b is set but was not asked for": func(p Params, in []*Node) []*Node { p.Set("b", in[0]); return in },
		"a is set to (Float32)[2]": func(p Params,
			in []*Node) []*Node {
			p.Get("a", 3)
			p.Set("a", in[0])
			return in
		},
		"a is set twice": func(p Params, in []*Node) []*Node {
			p.Get("a", 2)
			p.Set("a", in[0])
			p.Set("a", in[0])
			return in
		},
	} {
		if _, err := open(t).Declare(f, shapes.Make(dtypes.Float32, 2)); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

// TestTake: inputs are gone afterwards, also after an error.
func TestTake(t *testing.T) {
	e, err := Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	double := func(_ Params, in []*Node) []*Node { return []*Node{Add(in[0], in[0])} }
	p, err := e.Compile("double", double, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, length := range []int{2, 3} {
		x, dst := tensors.FromFlatDataAndDimensions([]float32{1, -2}, 2), make([]float32, length)
		if err := p.Take(dst, x); (err == nil) != (length == 2) {
			t.Errorf("%d numbers: got %v", length, err)
		}
		if length == 2 && (dst[0] != 2 || dst[1] != -4) {
			t.Errorf("got %v, want [2 -4]", dst)
		}
		if x.Ok() {
			t.Errorf("%d numbers: the input is still there", length)
		}
	}
}

// TestWith: other weights go through the graphs that are compiled already, each program sets its own, and weights that
// do not fit are named.
func TestWith(t *testing.T) {
	e := open(t)
	built := 0
	weights := func(values ...float32) Weights {
		tensor, err := e.Tensor(values, len(values))
		if err != nil {
			t.Fatal(err)
		}
		return Weights{"total": tensor}
	}
	first, err := e.Compile("add", func(p Params, in []*Node) []*Node {
		built++
		total := Add(p.Get("total", 2), in[0])
		p.Set("total", total)
		return []*Node{total}
	}, weights(1, 2))
	if err != nil {
		t.Fatal(err)
	}
	second, err := first.With(weights(10, 20))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		program *Program
		want    []float32
	}{{first, []float32{2, 4}}, {second, []float32{11, 22}}, {first, []float32{3, 6}}, {second, []float32{12, 24}}} {
		got := make([]float32, 2)
		if err := step.program.Into(got, tensors.FromValue([]float32{1, 2})); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("got %v, want %v", got, step.want)
		}
	}
	if built != 1 {
		t.Errorf("the graph was built %d times, want once", built)
	}
	for want, w := range map[string]Weights{"is not among the weights": {}, "want (Float32)[2]": weights(1, 2, 3)} {
		if _, err := first.With(w); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}
