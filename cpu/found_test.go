package cpu_test

import (
	"fmt"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/compute/support/testutil"
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/cpu"
)

// TestFound keeps the graphs that went wrong once, as random graphs found them and as small as they could be made. Sums
// here are of a few dozen numbers of up to 7.
func TestFound(t *testing.T) {
	for _, c := range []struct {
		name  string
		in    [][]int
		build func(x []*Node) []*Node
	}{
		{"what is summed is overwritten in place", [][]int{{1, 3}}, func(x []*Node) []*Node {
			y := Sin(x[0])
			return []*Node{ReduceSum(x[0], 0, 1), y}
		}},
		{"two shapes that have no common refinement", [][]int{{1, 2, 2, 5}},
			func(x []*Node) []*Node { return []*Node{Tanh(Reshape(Tanh(x[0]), 1, 1, 5, 4))} }},
		{"a reduction over nothing of what a row gave", [][]int{{4, 10}}, func(x []*Node) []*Node {
			return []*Node{ReduceMultiply(MulScalar(ReduceAndKeep(x[0], ReduceSum, 0, 1), 0.01), 0)}
		}},
		{"groups that wait for each other", [][]int{{2, 5, 3}, {}, {2, 5, 3}}, func(x []*Node) []*Node {
			y := Div(x[1], OnePlus(Square(Square(x[0]))))
			return Gradient(ReduceAllSum(Mul(Log(OnePlus(Square(Max(y, y)))), x[2])), x[0])
		}},
		{"scalars that wait for each other", [][]int{{}, {}, {}}, func(x []*Node) []*Node {
			v := Log1p(Square(x[0]))
			s := Logistic(v)
			d := Add(s, s)
			y := Div(d, OnePlus(Square(d)))
			return append([]*Node{y, s, x[0]}, Gradient(Add(Mul(y, x[1]), Mul(d, x[2])), x[0], v)...)
		}},
		{"fewer outputs than phases", [][]int{{1, 6, 3, 4}, {4, 4, 1, 12}}, func(x []*Node) []*Node {
			return []*Node{Convolve(x[0], x[1]).PaddingPerDim([][2]int{{1, 0},
				{0, 1}}).StridePerAxis(1, 3).InputDilationPerAxis(1, 2).ChannelGroupCount(4).Done()}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := func(config string, give bool) (flats []any) {
				backend := testutil.Must1(cpu.New(config))
				defer backend.Finalize()
				g := NewGraph(backend, c.name)
				var params []*Node
				var in []compute.Buffer
				var donate []bool
				for i, dims := range c.in {
					shape := shapes.Make(dtypes.Float32, dims...)
					data := make([]float32, shape.Size())
					for k := range data {
						data[k] = float32((k*5+i*3)%15-7) + 0.25
					}
					params = append(params, Parameter(g, fmt.Sprint(i), shape))
					in = append(in, testutil.Must1(backend.BufferFromFlatData(0, data, shape)))
					donate = append(donate, give)
				}
				testutil.Must(g.Compile(c.build(params)...))
				for _, o := range testutil.Must1(g.Executable().Execute(in, donate, 0)) {
					flats = append(flats, testutil.Must1(o.Data()))
				}
				return flats
			}
			want := run("plain", false)
			for _, config := range []string{"threads=1", "threads=3"} {
				for _, give := range []bool{false, true} {
					for i, got := range run(config, give) {
						if d, at := distance(numbers(want[i]), numbers(got)); d > 100*7*0x1p-23 {
							t.Errorf("%s, donated %v: output %d, element %d is %g, want %g", config, give, i, at,
								numbers(got)[at], numbers(want[i])[at])
						}
					}
				}
			}
		})
	}
}
