package cpu_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/compute/support/testutil"
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/cpu"
)

// TestManyGraphsAtOnce runs several executables from many goroutines, each of them by several at once, and wants what
// they give when they run alone. Nothing is left running afterwards.
func TestManyGraphsAtOnce(t *testing.T) {
	before := runtime.NumGoroutine()
	backend := testutil.Must1(cpu.New("threads=3"))
	var graphs []computed
	var want [][]any
	never := func(int) bool { return false }
	for seed := uint64(0); len(graphs) < 12; seed++ {
		c, err := specOf(seed).compile(backend, dtypes.Float32)
		if err != nil {
			continue
		}
		graphs = append(graphs, c)
		want = append(want, testutil.Must1(c.run(false, never)))
	}
	var group sync.WaitGroup
	for who := range 10 {
		group.Go(func() {
			for i := range 3 * len(graphs) {
				k := (i*7 + who/2*5) % len(graphs)
				got, err := graphs[k].run(false, func(j int) bool { return (who+j)%3 == 0 })
				if err != nil {
					t.Errorf("graph %d: %v", k, err)
					return
				}
				for o := range want[k] {
					if d, at := distance(numbers(want[k][o]), numbers(got[o])); d != 0 {
						t.Errorf("graph %d, output %d, element %d: %g, alone %g", k, o, at, numbers(got[o])[at],
							numbers(want[k][o])[at])
					}
				}
			}
		})
	}
	group.Wait()
	backend.Finalize()
	for try := 0; runtime.NumGoroutine() > before; try++ {
		if try == 1000 {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
		time.Sleep(time.Millisecond)
	}
}

// TestDonations runs every graph with every choice of what is donated.
func TestDonations(t *testing.T) {
	large := 5000 // elements, so that the workers share a loop
	for _, c := range []struct {
		name  string
		build func(x, y *Node) []*Node
	}{
		{"in place of one", func(x, y *Node) []*Node { return []*Node{Add(x, y)} }},
		{"in place of each", func(x, y *Node) []*Node { return []*Node{Add(x, y), Sub(x, y)} }},
		{"and summed", func(x, y *Node) []*Node { return []*Node{Sin(x), ReduceAllSum(x), Mul(x, y)} }},
		{"and returned", func(x, y *Node) []*Node { return []*Node{Neg(x), x, y, x} }},
		{"and returned in another shape",
			func(x, y *Node) []*Node { return []*Node{Reshape(x, -1, 2), Exp(y), Reshape(y, 2, -1)} }},
		{"only returned", func(x, y *Node) []*Node { return []*Node{y, x} }},
		{"and reversed", func(x, y *Node) []*Node { return []*Node{Add(x, Reverse(x, 0)), Mul(y, y)} }},
		{"read again in another order", func(x, y *Node) []*Node {
			a := Tanh(x)
			b := TransposeAllAxes(Reshape(x, 50, -1), 1, 0)
			return []*Node{a, MatMul(b, Reshape(y, 50, -1)), Square(x)}
		}},
		{"an optimizer's step", func(x, y *Node) []*Node {
			m := Add(MulScalar(x, 0.9), MulScalar(y, 0.1))
			return []*Node{m, Sub(y, Div(m, OnePlus(Sqrt(Square(m))))), L2Norm(y)}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			backend := testutil.Must1(cpu.New("threads=2"))
			defer backend.Finalize()
			g := NewGraph(backend, c.name)
			shape := shapes.Make(dtypes.Float32, large)
			testutil.Must(g.Compile(c.build(Parameter(g, "x", shape), Parameter(g, "y", shape))...))
			run := func(same, giveX, giveY bool) [][]float32 {
				var in []compute.Buffer
				for k := range 2 {
					data := make([]float32, large)
					for i := range data {
						data[i] = float32((i*(3+k))%17-8) / 4
					}
					in = append(in, testutil.Must1(backend.BufferFromFlatData(0, data, shape)))
				}
				if same {
					in[1] = in[0]
				}
				outs, err := g.Executable().Execute(in, []bool{giveX, giveY}, 0)
				if err != nil {
					t.Fatal(err)
				}
				var flats [][]float32
				for _, o := range outs {
					flats = append(flats, slices.Clone(testutil.Must1(o.Data()).([]float32)))
					clear(testutil.Must1(o.Data()).([]float32)) // must not reach the other outputs
				}
				for k, given := range []bool{giveX, giveY} {
					given = given || same && (giveX || giveY)
					if _, err := in[k].Shape(); (err != nil) != given {
						t.Errorf("input %d was donated: %v; using it gives %v", k, given, err)
					}
				}
				for _, b := range in {
					if err := b.Finalize(); err != nil {
						t.Error(err)
					}
				}
				return flats
			}
			for _, same := range []bool{false, true} {
				want := run(same, false, false)
				for give := range 4 {
					got := run(same, give&1 > 0, give&2 > 0)
					for i := range want {
						if at := differAt(got[i], want[i]); at >= 0 {
							t.Errorf("one buffer for both: %v, donated: %b: output %d, element %d is %g, want %g", same,
								give, i, at, got[i][at], want[i][at])
						}
					}
				}
			}
		})
	}
}

// TestNothingToCompute has tensors without elements, and scalars.
func TestNothingToCompute(t *testing.T) {
	f32 := func(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }
	for _, c := range []struct {
		name  string
		in    []shapes.Shape
		build func(x []*Node) []*Node
		want  [][]float32 // of inputs that are 2 throughout
	}{
		{"loop", []shapes.Shape{f32(0, 3)}, func(x []*Node) []*Node { return []*Node{Tanh(OnePlus(x[0]))} },
			[][]float32{{}}},
		{"sums of nothing", []shapes.Shape{f32(0, 3)},
			func(x []*Node) []*Node { return []*Node{ReduceSum(x[0], 0), ReduceSum(x[0], 1), ReduceAllSum(x[0])} },
			[][]float32{{0, 0, 0}, {}, {0}}},
		{"product over nothing", []shapes.Shape{f32(2, 0), f32(0, 3)},
			func(x []*Node) []*Node { return []*Node{Add(MatMul(x[0], x[1]), Const(x[0].Graph(), float32(1)))} },
			[][]float32{{1, 1, 1, 1, 1, 1}}},
		{"product of nothing", []shapes.Shape{f32(0, 2), f32(2, 3)},
			func(x []*Node) []*Node { return []*Node{MatMul(x[0], x[1])} }, [][]float32{{}}},
		{"empty batch", []shapes.Shape{f32(0, 4, 4, 1), f32(3, 3, 1, 2)},
			func(x []*Node) []*Node { return []*Node{Convolve(x[0], x[1]).PadSame().Done()} },
			[][]float32{{}}},
		{"concatenate with nothing", []shapes.Shape{f32(0, 2), f32(1, 2)},
			func(x []*Node) []*Node { return []*Node{Concatenate([]*Node{x[0], x[1], x[0]}, 0)} },
			[][]float32{{2, 2}}},
		{"pad nothing", []shapes.Shape{f32(0)}, func(x []*Node) []*Node {
			return []*Node{Pad(x[0], Const(x[0].Graph(), float32(5)), compute.PadAxis{Start: 1, End: 2})}
		}, [][]float32{{5, 5, 5}}},
		{"scalars", []shapes.Shape{f32(), f32()}, func(x []*Node) []*Node {
			return []*Node{Add(Mul(x[0], x[1]), x[0]), ReduceAllSum(x[1]), Reshape(x[0], 1, 1), Square(Square(x[0]))}
		}, [][]float32{{6}, {2}, {2}, {16}}},
		{"a row of one", []shapes.Shape{f32(1, 1)},
			func(x []*Node) []*Node { return []*Node{Softmax(x[0]), Sub(x[0], ReduceAndKeep(x[0], ReduceMean, -1))} },
			[][]float32{{1}, {0}}},
		{"unused input", []shapes.Shape{f32(2), f32(3)}, func(x []*Node) []*Node { return []*Node{Neg(x[1])} },
			[][]float32{{-2, -2, -2}}},
	} {
		for _, config := range []string{"threads=1", "threads=3"} {
			t.Run(c.name+"/"+config, func(t *testing.T) {
				backend := testutil.Must1(cpu.New(config))
				defer backend.Finalize()
				g := NewGraph(backend, c.name)
				var params []*Node
				for i, s := range c.in {
					params = append(params, Parameter(g, fmt.Sprint(i), s))
				}
				testutil.Must(g.Compile(c.build(params)...))
				for _, give := range []bool{false, true} {
					var in []compute.Buffer
					var donate []bool
					for _, s := range c.in {
						in = append(in, testutil.Must1(backend.BufferFromFlatData(0,
							slices.Repeat([]float32{2}, s.Size()), s)))
						donate = append(donate, give)
					}
					outs, err := g.Executable().Execute(in, donate, 0)
					if err != nil {
						t.Fatal(err)
					}
					for i, o := range outs {
						if got := testutil.Must1(o.Data()).([]float32); !slices.Equal(got, c.want[i]) {
							t.Errorf("output %d is %v, want %v", i, got, c.want[i])
						}
					}
				}
			})
		}
	}
}
