package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/compute/support/testutil"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/nn"

	"mgd3/cpu"
	"mgd3/cpu/internal/kernel"
)

// pairsCase is a graph of products of bfloat16, of rows x [n, 37] that do not know of each other.
type pairsCase struct {
	name    string
	weights []shapes.Shape
	build   func(x *Node, w []*Node) *Node
	pairs   int // kernels of pairs, with pairs=on
}

func half(dims ...int) shapes.Shape { return shapes.Make(dtypes.BFloat16, dims...) }

var pairsCases = []pairsCase{
	{"two layers", []shapes.Shape{half(70, 37), half(70), half(9, 70)}, func(x *Node, w []*Node) *Node {
		y := MaxScalar(nn.Dense(x, w[0], w[1], compute.DenseLayoutOutputsInput), 0)
		return nn.Dense(y, w[2], nil, compute.DenseLayoutOutputsInput)
	}, 2},
	{"a weight that is made in the graph", []shapes.Shape{shapes.Make(dtypes.Float32, 37, 33)},
		func(x *Node, w []*Node) *Node {
			return nn.Dense(x, ConvertDType(w[0], dtypes.BFloat16), nil, compute.DenseLayoutInputOutputs)
		}, 1},
	{"a part of the rows", []shapes.Shape{half(5, 18)}, func(x *Node, w []*Node) *Node {
		return nn.Dense(Slice(x, AxisRange(), AxisRange(0, 36).Stride(2)), w[0], nil, compute.DenseLayoutOutputsInput)
	}, 1},
	{"a convolution of 1×1", []shapes.Shape{half(21, 4, 1, 1)}, convolved, 1},
	{"a convolution of few pixels", []shapes.Shape{half(10, 4, 3, 3)}, convolved, 1},
	{"rows of float32", []shapes.Shape{half(41, 37)}, func(x *Node, w []*Node) *Node {
		y := nn.Dense(MulScalar(ConvertDType(x, dtypes.Float32), 1.0/3), ConvertDType(w[0], dtypes.Float32), nil,
			compute.DenseLayoutOutputsInput)
		return ConvertDType(y, dtypes.BFloat16)
	}, 0},
	{"a network of float32", []shapes.Shape{half(41, 37)}, func(x *Node, w []*Node) *Node {
		return nn.Dense(ConvertDType(x, dtypes.Float32), ConvertDType(w[0], dtypes.Float32), nil,
			compute.DenseLayoutOutputsInput)
	}, 0},
}

// convolved makes images [3, 3, 4] of rows of 37, and convolves them.
func convolved(x *Node, w []*Node) *Node {
	n, size := x.Shape().Dim(0), w[0].Shape().Dim(2)
	x = Reshape(Slice(x, AxisRange(), AxisRange(0, 36)), n, 3, 3, 4)
	y := ConvGeneral(x, w[0], ConvolveAxesConfig{
		InputBatch: 0, InputSpatial: []int{1, 2}, InputChannels: 3,
		KernelOutputChannels: 0, KernelInputChannels: 1, KernelSpatial: []int{2, 3},
		OutputBatch: 0, OutputSpatial: []int{1, 2}, OutputChannels: 3,
	}, []int{1, 1}, [][2]int{{size / 2, size / 2}, {size / 2, size / 2}}, nil, nil, 1, 1)
	return Reshape(y, n, -1)
}

// run computes the case for rows of x, and counts the kernels of pairs.
func (c pairsCase) run(t *testing.T, config string, x []bfloat16.BFloat16) (y []float32, pairs int) {
	t.Helper()
	b := testutil.Must1(cpu.New(config))
	defer b.Finalize()
	g := NewGraph(b, c.name)
	defer g.Finalize()
	r := rand.New(rand.NewPCG(5, 6))
	shape := half(len(x)/37, 37)
	in := Parameter(g, "x", shape)
	buffers := []compute.Buffer{testutil.Must1(b.BufferFromFlatData(0, x, shape))}
	var weights []*Node
	for i, shape := range c.weights {
		weights = append(weights, Parameter(g, fmt.Sprint("w", i), shape))
		flat := make([]float64, shape.Size())
		for i := range flat {
			flat[i] = r.NormFloat64()
		}
		buffers = append(buffers, testutil.Must1(b.BufferFromFlatData(0, floats(shape.DType, flat), shape)))
	}
	if err := g.Compile(ConvertDType(c.build(in, weights), dtypes.Float32)); err != nil {
		t.Fatal(err)
	}
	var out []compute.Buffer
	for range 2 { // the second time with the weights packed
		out = testutil.Must1(g.Executable().Execute(buffers, nil, 0))
	}
	for _, name := range cpu.KernelsOf(g.Executable()) {
		if strings.HasPrefix(name, "product of pairs") {
			pairs++
		}
	}
	return slices.Clone(testutil.Must1(out[0].Data()).([]float32)), pairs
}

// rowsOf37 are normal numbers.
func rowsOf37(n int) []bfloat16.BFloat16 {
	r := rand.New(rand.NewPCG(7, 8))
	x := make([]bfloat16.BFloat16, n*37)
	for i := range x {
		x[i] = bfloat16.FromFloat32(float32(r.NormFloat64()))
	}
	return x
}

// TestPairs: products of bfloat16 in pairs have the same bytes at all levels, so with the instruction as in plain Go;
// and in any place of any batch, with any number of workers, with copies of weights or without.
func TestPairs(t *testing.T) {
	cpu.ConvProductsFrom(t, 8)
	level := kernel.Current()
	t.Cleanup(func() { kernel.SetLevel(level) })
	const n = 19
	x := rowsOf37(n)
	for _, c := range pairsCases {
		want, pairs := c.run(t, "threads=1,pairs=on", x)
		if _, without := c.run(t, "threads=1,pairs=off", x); pairs != c.pairs || without != 0 {
			t.Errorf("%s: %d kernels of pairs, %d with pairs=off; want %d and none", c.name, pairs, without, c.pairs)
		}
		width := len(want) / n
		same := func(how string, got []float32, row int) {
			t.Helper()
			if at := differAt(got, want[row*width:][:len(got)]); at >= 0 {
				t.Errorf("%s, %s: element %d from row %d on is %v, want %v", c.name, how, at, row, got[at],
					want[row*width+at])
			}
		}
		for _, l := range kernel.Levels() {
			if l == kernel.Generic && c.pairs == 0 {
				continue // sums in plain Go are rounded otherwise
			}
			for _, config := range []string{"threads=1", "threads=3", "threads=2,copies=0"} {
				config = fmt.Sprintf("%s,pairs=on,isa=%s", config, l)
				got, _ := c.run(t, config, x)
				same(config, got, 0)
			}
		}
		kernel.SetLevel(level)
		for _, at := range [][2]int{{0, 1}, {1, 1}, {13, 1}, {14, 1}, {18, 1}, {0, 2}, {15, 2}, {5, 7}, {12, 7}} {
			row, rows := at[0], at[1]
			got, _ := c.run(t, "threads=2,pairs=on", x[row*37:(row+rows)*37])
			same(fmt.Sprintf("%d rows", rows), got, row)
		}
	}
}

// TestPairsError bounds a product in pairs by its definition: a chain of k multiply-adds of float32, each off by 2⁻²⁴
// of a partial sum, which is no larger than the sum of magnitudes; rounded once to bfloat16, off by 2⁻⁸.
func TestPairsError(t *testing.T) {
	const n, k = 33, 37
	x := rowsOf37(n)
	c := pairsCase{"a product", []shapes.Shape{half(29, k)}, func(x *Node, w []*Node) *Node {
		return nn.Dense(x, w[0], nil, compute.DenseLayoutOutputsInput)
	}, 1}
	identity := make([]bfloat16.BFloat16, k*k)
	for i := range k {
		identity[i*k+i] = bfloat16.FromFloat32(1)
	}
	w, _ := c.run(t, "pairs=on", identity) // Wᵀ
	got, _ := c.run(t, "pairs=on", x)
	off := 0.0
	for i := range n {
		for j := range 29 {
			sum, magnitude := 0.0, 0.0
			for p := range k {
				term := float64(x[i*k+p].Float32()) * float64(w[p*29+j])
				sum, magnitude = sum+term, magnitude+math.Abs(term)
			}
			bound := 0x1p-8*math.Abs(sum) + (k+2)*0x1p-24*magnitude
			d := math.Abs(float64(got[i*29+j]) - sum)
			if d > bound {
				t.Errorf("element %d, %d is %v, want %v ± %.1e", i, j, got[i*29+j], sum, bound)
			}
			off = max(off, d/bound)
		}
	}
	if off < 0.1 {
		t.Errorf("no element is off by more than %.2g of the bound: was anything rounded?", off)
	}
}

// TestPairsByDefault: they are in use where the instruction is, and nobody says otherwise.
func TestPairsByDefault(t *testing.T) {
	level := kernel.Current()
	t.Cleanup(func() { kernel.SetLevel(level) })
	for _, l := range kernel.Levels() {
		for option, want := range map[string]bool{"": l == kernel.BF16, ",pairs=on": true, ",pairs=off": false} {
			b := testutil.Must1(cpu.New(fmt.Sprintf("threads=1,isa=%s%s", l, option)))
			if got := b.(*cpu.Backend).Pairs(); got != want {
				t.Errorf("isa=%s%s: pairs %v, want %v", l, option, got, want)
			}
			b.Finalize()
		}
	}
}
