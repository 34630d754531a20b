package engine

import (
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// TestMixed: a layer of Mixed rounds input and weight to bf16, to the nearest and ties to even, forwards and back; its
// bias is added in float32, and its tensors keep changes that bf16 has no digits for. bf16 has the products here, since
// OpenXLA may leave them as they are.
func TestMixed(t *testing.T) {
	mixed(t, open(t))
}

func mixed(t *testing.T, e *Engine) {
	w := Weights{}
	for name, v := range map[string][]float32{
		"weight": {1 + 0x1p-8, 0}, // the tie goes to 1
		"bias":   {0x1p-20},       // bf16 would lose it beside the product
	} {
		var err error
		dims := []int{len(v)}
		if name == "weight" {
			dims = []int{1, 2}
		}
		if w[name], err = e.Tensor(v, dims...); err != nil {
			t.Fatal(err)
		}
	}
	step, err := e.Compile("step", func(p Params, in []*Node) []*Node {
		y := Linear(p.Mixed(), in[0], 1)
		if y.DType() != dtypes.Float32 {
			t.Errorf("the result is %s", y.DType())
		}
		weight := p.Get("weight", 1, 2)
		g := Gradient(ReduceAllSum(y), weight, in[0])
		p.Set("weight", Add(weight, MulScalar(OnesLike(weight), 0x1p-12)))
		return []*Node{y, g[0], g[1]}
	}, w)
	if err != nil {
		t.Fatal(err)
	}
	x := []float32{1 + 0x1p-9, 0} // 1 in bf16
	for i, want := range [][]float32{
		{1 + 0x1p-20, 1, 0, 1, 0},
		{1 + 0x1p-7 + 0x1p-20, 1, 0, 1 + 0x1p-7, 0x1p-12}, // the weight has passed the tie
	} {
		in, err := e.Tensor(x, 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		out, err := step.Run(in)
		if err != nil {
			t.Fatal(err)
		}
		var got []float32
		for _, tensor := range out {
			got = append(got, tensors.MustCopyFlatData[float32](tensor)...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("step %d: the result and the gradients by weight and input are %v, want %v", i, got, want)
		}
	}
}
