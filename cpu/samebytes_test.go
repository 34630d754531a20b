package cpu_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/compute/support/testutil"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/nn"

	"mgd3/cpu"
	"mgd3/cpu/internal/kernel"
)

// block is a piece of one of our networks.
type block struct {
	name    string
	image   []int   // without the batch
	weights [][]int // of the parameters
	build   func(x *Node, w []*Node) *Node
}

// blocks have sizes that are multiples of nothing, so that every kernel meets its tails.
var blocks = []block{
	{"transformer", []int{37, 30}, [][]int{{180, 30}, {180}, {3 * 30, 30}, {90}, {30, 30}, {30}, {67, 30}, {67},
		{30, 67}, {30}},
		func(x *Node, w []*Node) *Node {
			b, n, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
			linear := func(x *Node, i int) *Node { return nn.Dense(x, w[i], w[i+1], compute.DenseLayoutOutputsInput) }
			m := Split(InsertAxes(linear(activation.Swish(ReduceMean(x, 1)), 0), 1), 2, 6)
			modulated := func(x *Node, shift, scale *Node) *Node {
				return Add(Mul(nn.LayerNorm(x, []int{-1}, 1e-6, nil, nil, nil), OnePlus(scale)), shift)
			}
			qkv := Split(Reshape(linear(modulated(x, m[0], m[1]), 2), b, n, 9, c/3), 2, 3)
			a, _ := BackendFusedScaledDotProductAttention(qkv[0], qkv[1], qkv[2], compute.AttentionAxesLayoutBSHD,
				&compute.ScaledDotProductAttentionConfig{Scale: 0.3})
			x = Add(x, Mul(m[2], linear(Reshape(a, b, n, c), 4)))
			return Add(x, Mul(m[5], linear(activation.GeluApproximate(linear(modulated(x, m[3], m[4]), 6)), 8)))
		}},
	{"autoencoder", []int{13, 11, 10}, [][]int{{10}, {10}, {3, 3, 10, 22}, {22}, {22}, {22}, {3, 3, 22, 10}, {10},
		{3, 3, 10, 5}},
		func(x *Node, w []*Node) *Node {
			normed := func(x *Node, i int) *Node {
				d := x.Shape().Dimensions
				g := Reshape(nn.LayerNorm(Reshape(x, d[0], d[1], d[2], 2, d[3]/2), []int{1, 2, 4}, 1e-6, nil, nil, nil),
					d...)
				return activation.Swish(Add(Mul(g, Reshape(w[i], 1, 1, 1, d[3])), Reshape(w[i+1], 1, 1, 1, d[3])))
			}
			conv := func(x *Node, i int) *Node { return Convolve(x, w[i]).PadSame().Done() }
			channel := func(w *Node) *Node { return Reshape(w, 1, 1, 1, w.Shape().Size()) }
			h := Add(conv(normed(x, 0), 2), channel(w[3]))
			x = Add(x, Add(conv(normed(h, 4), 6), channel(w[7])))
			d := x.Shape().Dimensions
			up := BroadcastToDims(Reshape(x, d[0], d[1], 1, d[2], 1, d[3]), d[0], d[1], 2, d[2], 2, d[3])
			return conv(Reshape(up, d[0], 2*d[1], 2*d[2], d[3]), 8)
		}},
	{"convnet", []int{18, 18, 3}, [][]int{{3, 3, 3, 20}, {20}, {20}, {3, 3, 20, 20}, {20}, {20}, {5, 5, 20, 7},
		{3 * 3 * 7, 10}},
		func(x *Node, w []*Node) *Node {
			stage := func(x *Node, i int) *Node {
				x = Convolve(x, w[i]).PadSame().Done()
				mean := ReduceAndKeep(x, ReduceMean, 1, 2)
				x = Sub(x, mean)
				x = Div(x, Sqrt(AddScalar(ReduceAndKeep(Square(x), ReduceMean, 1, 2), 1e-5)))
				c := x.Shape().Dim(-1)
				return activation.Relu(Add(Mul(x, Reshape(w[i+1], 1, 1, 1, c)), Reshape(w[i+2], 1, 1, 1, c)))
			}
			x = MeanPool(stage(x, 0)).Window(2).Done()
			x = stage(x, 3)
			x = Convolve(x, w[6]).Strides(3).PadSame().Done()
			return nn.Dense(Reshape(x, x.Shape().Dim(0), -1), w[7], nil, compute.DenseLayoutInputOutputs)
		}},
}

// outputs of the block for a batch, the gradient by the images too. The images are those of the seed.
func (k block) outputs(t *testing.T, backend compute.Backend, batch int) [][]float32 {
	g := NewGraph(backend, k.name)
	defer g.Finalize()
	r := rand.New(rand.NewPCG(1, 2))
	upload := func(dims []int, scale float64) (*Node, compute.Buffer) {
		shape := shapes.Make(dtypes.Float32, dims...)
		data := make([]float32, shape.Size())
		for i := range data {
			data[i] = float32(scale * r.NormFloat64())
		}
		return Parameter(g, fmt.Sprint(g.NumParameters()), shape),
			testutil.Must1(backend.BufferFromFlatData(0, data, shape))
	}
	var weights []*Node
	var in []compute.Buffer
	for _, dims := range k.weights {
		w, b := upload(dims, 0.3)
		weights, in = append(weights, w), append(in, b)
	}
	x, b := upload(append([]int{batch}, k.image...), 1)
	y := k.build(x, weights)
	if err := g.Compile(y, Gradient(ReduceAllSum(Mul(y, y)), x)[0]); err != nil {
		t.Fatal(err)
	}
	var flats [][]float32
	for _, out := range testutil.Must1(g.Executable().Execute(append(in, b), nil, 0)) {
		flats = append(flats, testutil.Must1(out.Data()).([]float32))
	}
	return flats
}

// TestSameBytes wants the bytes of an image to be the same in every batch, with any number of workers, and with both
// vector instruction sets.
func TestSameBytes(t *testing.T) {
	level := kernel.Current()
	t.Cleanup(func() { kernel.SetLevel(level) })
	for _, k := range blocks {
		var vector [][]float32 // of the lowest level with vector instructions
		for _, l := range kernel.Levels() {
			t.Run(fmt.Sprint(k.name, "/", l), func(t *testing.T) {
				var want [][]float32
				for _, threads := range []int{1, 2, 3, 5} {
					backend := testutil.Must1(cpu.New(fmt.Sprintf("threads=%d,isa=%s", threads, l)))
					for _, batch := range []int{1, 2, 5, 8} {
						got := k.outputs(t, backend, batch)
						if want == nil {
							want = got
						}
						for i := range got {
							if at := differAt(got[i][:len(want[i])], want[i]); at >= 0 {
								t.Errorf("output %d, element %d of %d: %g in a batch of %d with %d workers, %g alone "+
									"with one", i, at, len(want[i]),
									got[i][at], batch, threads, want[i][at])
							}
						}
					}
					backend.Finalize()
				}
				switch {
				case l == kernel.Generic:
				case vector == nil:
					vector = want
				default:
					for i := range want {
						if at := differAt(want[i], vector[i]); at >= 0 {
							t.Errorf("output %d, element %d of %d: %g, with fewer instructions %g", i, at, len(want[i]),
								want[i][at], vector[i][at])
						}
					}
				}
			})
		}
	}
}

// differAt returns the first place where x and y differ, or -1.
func differAt(x, y []float32) int {
	for i := range y {
		if x[i] != y[i] {
			return i
		}
	}
	return -1
}
