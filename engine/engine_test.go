package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/weights"
)

func open(t *testing.T) *Engine {
	t.Helper()
	e, err := Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func TestOpenUnknown(t *testing.T) {
	for _, name := range []string{"", "cuda", "Go", "xla:no-such-plugin", "xla:/no/such/plugin.so"} {
		if e, err := Open(name); !errors.Is(err, ErrBackend) {
			t.Errorf("%q: got %v, %v, want an ErrBackend", name, e, err)
		}
	}
}

// TestPairsInName: the arithmetic of bf16 on cpu is in the name in bf16, once, however it was chosen.
func TestPairsInName(t *testing.T) {
	for _, c := range []struct{ opened, float32, bf16 string }{
		{"cpu:pairs=off", "cpu", "cpu in bf16"},
		{"cpu:pairs=on", "cpu", "cpu:pairs=on in bf16"},
		{"cpu:pairs=on,threads=1", "cpu:threads=1", "cpu:threads=1,pairs=on in bf16"},
		{"cpu:threads=1,pairs=off", "cpu:threads=1", "cpu:threads=1 in bf16"},
		{"cpu:threads=1,pairs=off,copies=9", "cpu:threads=1,copies=9", "cpu:threads=1,copies=9 in bf16"},
	} {
		e, err := Open(c.opened)
		if err != nil {
			t.Fatal(err)
		}
		e.Close()
		for p, want := range map[Precision]string{"": c.float32, Float32: c.float32, BF16: c.bf16} {
			if e.Precision = p; e.Name() != want {
				t.Errorf("%s in %q is called %q, want %q", c.opened, p, e.Name(), want)
			}
		}
	}
}

func TestEach(t *testing.T) {
	e := open(t)
	for _, c := range []struct{ n, batch int }{{0, 1}, {1, 1}, {7, 1}, {7, 3}, {7, 100}} {
		seen := make([]atomic.Int32, c.n)
		err := e.Each(t.Context(), c.n, c.batch, func(_ context.Context, lo, hi int) error {
			for i := lo; i < hi; i++ {
				seen[i].Add(1)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range seen {
			if n := seen[i].Load(); n != 1 {
				t.Errorf("%d rows, batch %d: row %d came %d times", c.n, c.batch, i, n)
			}
		}
	}
}

func TestEachStops(t *testing.T) {
	e := open(t)
	broken := errors.New("broken")
	var calls atomic.Int32
	err := e.Each(t.Context(), 1000, 1, func(context.Context, int, int) error {
		calls.Add(1)
		return broken
	})
	if !errors.Is(err, broken) || calls.Load() > 2 {
		t.Errorf("got error %v after %d calls, want %v after one or two", err, calls.Load(), broken)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = e.Each(ctx, 1000, 1, func(context.Context, int, int) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want that it was cancelled", err)
	}
}

// double is x·Wᵀ + b, twice over one pair of tensors.
func double(p Params, in []*Node) []*Node {
	q := p.In("layer").At("part", 3)
	return []*Node{Add(Linear(q, in[0], 2), Linear(q, in[0], 2))}
}

func TestProgram(t *testing.T) {
	e := open(t)
	input := shapes.Make(dtypes.Float32, 1, 3)
	specs, err := e.Declare(double, input)
	if err != nil {
		t.Fatal(err)
	}
	if len(specs) != 2 || specs[0].Name != "layer.part.3.weight" || specs[1].Name != "layer.part.3.bias" {
		t.Fatalf("declared %v, want one weight and one bias", specs)
	}
	w := Weights{}
	for name, data := range map[string][]float32{specs[0].Name: {1, 2, 3, 4, 5, 6}, specs[1].Name: {10, 20}} {
		dims := []int{2, 3}[:len(data)/3+1-len(data)/6] // [2, 3] or [2]
		if w[name], err = e.Tensor(data, dims...); err != nil {
			t.Fatal(err)
		}
	}
	program, err := e.Compile("double", double, w)
	if err != nil {
		t.Fatal(err)
	}
	// Many goroutines, two shapes: 2·(x·Wᵀ + b) for x = (1, 1, 1) and (1, 0, 0).
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for rows := 1; rows <= 2; rows++ {
				x := []float32{1, 1, 1, 1, 0, 0}[:3*rows]
				want := []float32{32, 70, 22, 48}[:2*rows]
				got := make([]float32, len(want))
				if err := program.Into(got, tensors.FromFlatDataAndDimensions(x, rows, 3)); err != nil {
					t.Error(err)
				}
				for i := range want {
					if got[i] != want[i] {
						t.Errorf("%d rows: got %v, want %v", rows, got, want)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := program.Into(make([]float32, 1), tensors.FromFlatDataAndDimensions([]float32{1, 1, 1}, 1,
		3)); err == nil {
		t.Error("two numbers went into one, want an error")
	}
}

func TestProgramErrors(t *testing.T) {
	e := open(t)
	program, err := e.Compile("double", double, Weights{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := program.Run(tensors.FromValue([][]float32{{1, 2, 3}})); err == nil {
		t.Error("ran without weights, want an error that names them")
	}
	broken := func(Params, []*Node) []*Node { panic("a graph that cannot be built") }
	if _, err := e.Declare(broken); err == nil {
		t.Error("declared a graph that cannot be built, want an error")
	}
	if _, err := e.Upload(weights.AsIs(&weights.File{}),
		[]weights.Spec{{Name: "w", Shape: []int{1}}}); !errors.Is(err, weights.ErrMismatch) {
		t.Errorf("got error %v, want a mismatch", err)
	}
}
