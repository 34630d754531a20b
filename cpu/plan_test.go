package cpu_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/nn"

	"mgd3/cpu"
	"mgd3/engine"
)

// kernelsOf compiles a graph and returns the names of its kernels, in the order in which they run.
func kernelsOf(t *testing.T, build func(in []*Node) []*Node, in ...shapes.Shape) []string {
	t.Helper()
	b, err := cpu.New("threads=2")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	g := NewGraph(b, "plan")
	defer g.Finalize()
	nodes := make([]*Node, len(in))
	for i, shape := range in {
		nodes[i] = Parameter(g, string(rune('a'+i)), shape)
	}
	if err := g.Compile(build(nodes)...); err != nil {
		t.Fatal(err)
	}
	return cpu.KernelsOf(g.Executable())
}

// TestPlans: what is one kernel stays one.
func TestPlans(t *testing.T) {
	f32 := func(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }
	x, image, heads := f32(2, 64, 96), f32(2, 16, 16, 32), f32(2, 64, 3, 32)
	conv := func(x, kernel *Node) *Node { return Convolve(x, kernel).PadSame().Done() }
	for _, c := range []struct {
		name  string
		build func(in []*Node) []*Node
		in    []shapes.Shape
		want  string
	}{
		{"a chain", func(in []*Node) []*Node { return []*Node{Exp(AddScalar(MulScalar(in[0], 2), 1))} },
			[]shapes.Shape{x}, "loop"},
		{"softmax", func(in []*Node) []*Node { return []*Node{Softmax(in[0], -1)} }, []shapes.Shape{x}, "loop"},
		{"layer norm and modulation", func(in []*Node) []*Node {
			y := nn.LayerNorm(in[0], []int{-1}, 1e-6, nil, nil, nil)
			return []*Node{Add(Mul(y, OnePlus(in[1])), in[2])}
		}, []shapes.Shape{x, f32(2, 1, 96), f32(2, 1, 96)}, "loop, loop"}, // 1 + b is small: it is computed once
		{"dense, gelu", func(in []*Node) []*Node {
			y := Add(Einsum("btd,de->bte", in[0], in[1]), ExpandLeftToRank(in[2], 3))
			return []*Node{Mul(y, Tanh(y))}
		}, []shapes.Shape{x, f32(96, 128), f32(128)}, "product + loop"},
		{"dense, gate, residual, layer norm", func(in []*Node) []*Node {
			h := Add(in[0], Mul(in[2], Einsum("btd,de->bte", in[0], in[1])))
			return []*Node{h, nn.LayerNorm(h, []int{-1}, 1e-6, nil, nil, nil)}
		}, []shapes.Shape{x, f32(96, 96), f32(2, 1, 96)}, "product + loop"},
		// The gradient of gelu is some thirty instructions, many of them used twice: one loop, and one of the bias.
		{"the gradient of dense, gelu", func(in []*Node) []*Node {
			y := engine.GELU(Add(Einsum("btd,de->bte", in[0], in[1]), ExpandLeftToRank(in[2], 3)))
			return Gradient(ReduceAllSum(Mul(Einsum("bte,ef->btf", y, in[3]), in[0])), in[2])
		}, []shapes.Shape{x, f32(96, 128), f32(128), f32(128, 96)}, "product, loop, product, loop"},
		{"attention and its gradient", func(in []*Node) []*Node {
			y := engine.Attention(in[0], in[1], in[2])
			return append(Gradient(ReduceAllSum(Mul(y, in[3])), in[:3]...), y)
		}, []shapes.Shape{heads, heads, heads, heads}, "attention, loop, attention gradient"},
		{"transposed operands are read as they lie", func(in []*Node) []*Node {
			return []*Node{Einsum("btd,bde->bte", in[0], Transpose(in[1], 1, 2))}
		}, []shapes.Shape{x, f32(2, 80, 96)}, "product"},
		{"convolution, bias, relu", func(in []*Node) []*Node {
			return []*Node{MaxScalar(Add(conv(in[0], in[1]), ExpandLeftToRank(in[2], 4)), 0)}
		}, []shapes.Shape{image, f32(3, 3, 32, 32), f32(32)}, "conv winograd4 + loop"},
		{"instance norm: two sums, what they give, and the result", func(in []*Node) []*Node {
			y := conv(in[0], in[1])
			c := Sub(y, ReduceAndKeep(y, ReduceMean, 1, 2))
			v := ReduceAndKeep(Square(c), ReduceMean, 1, 2)
			return []*Node{Mul(c, Rsqrt(AddScalar(v, 1e-5)))}
		}, []shapes.Shape{image, f32(3, 3, 32, 32)}, "conv winograd4, loop, loop, loop, loop, loop"},
		{"sums of one tensor are one loop", func(in []*Node) []*Node {
			return []*Node{ReduceSum(in[0], 1, 2), ReduceSum(Mul(in[0], in[1]), 1, 2)}
		}, []shapes.Shape{image, image}, "loop"},
		{"a pool of an activation", func(in []*Node) []*Node {
			y := Reshape(MaxScalar(in[0], 0), 2, 8, 2, 8, 2, 32)
			return []*Node{MulScalar(ReduceSum(y, 2, 4), 0.25)}
		}, []shapes.Shape{image}, "loop, loop"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := kernelsOf(t, c.build, c.in...); !slices.Equal(got, strings.Split(c.want, ", ")) {
				t.Errorf("got %s, want %s", strings.Join(got, ", "), c.want)
			}
		})
	}
}

// TestExplain: what an executable says of its plan.
func TestExplain(t *testing.T) {
	b, err := cpu.New("threads=1")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	g := NewGraph(b, "explained")
	defer g.Finalize()
	x := Parameter(g, "x", shapes.Make(dtypes.Float32, 4, 64))
	if err := g.Compile(Softmax(x, -1)); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := g.Executable().(*cpu.Executable).Explain(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"explained", "1 kernels", "loop", "(Float32)[4, 64]"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
