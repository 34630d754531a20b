package engine

import (
	"io"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/stage/atomicfile"
	"mgd3/weights"
)

// bf16 is a tensor of the upper halves of data.
func bf16(name string, shape []int, data []float32) weights.Tensor {
	var b []byte
	for _, v := range data {
		bits := math.Float32bits(v)
		b = append(b, byte(bits>>16), byte(bits>>24))
	}
	return weights.Raw(name, "BF16", shape, b)
}

func TestKeepHalf(t *testing.T) {
	// Small binary fractions: products and sums are exact in every type and order.
	// 2⁻²⁴ is the smallest number of half precision.
	w, b, x := []float32{1, -0.5, 0.25, 3, 1.5, 0x1p-24}, []float32{4, -8}, []float32{2, 3, 0x1p24}
	want := []float32{1*2 - 0.5*3 + 0x1p22 + 4, 3*2 + 1.5*3 + 1 - 8}
	for _, c := range []struct {
		tensor func(string, []int, []float32) weights.Tensor
		keep   bool
		dtype  dtypes.DType
	}{
		{weights.F32, true, dtypes.Float32},
		{weights.F16, true, dtypes.Float16},
		{weights.F16, false, dtypes.Float32},
		{bf16, true, dtypes.BFloat16},
		{bf16, false, dtypes.Float32},
	} {
		e := open(t)
		e.KeepHalf = c.keep
		stored := c.tensor("w", []int{2, 3}, w)
		uploaded := upload(t, e, stored, c.tensor("b", []int{2}, b))
		if got := uploaded["w"].DType(); got != c.dtype {
			t.Errorf("%s, KeepHalf %v: on the device as %s, want %s", stored.DType, c.keep, got, c.dtype)
		}
		program, err := e.Compile("linear", func(p Params, in []*Node) []*Node {
			return []*Node{Add(Einsum("i,oi->o", in[0], p.Get("w", 2, 3)), p.Get("b", 2))}
		}, uploaded)
		if err != nil {
			t.Fatal(err)
		}
		in, err := e.Tensor(x, 3)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, 2)
		if err := program.Into(got, in); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s, KeepHalf %v: %v, %v, want %v", stored.DType, c.keep, got, err, want)
		}
	}
}

// upload writes a file of the tensors and uploads it.
func upload(t *testing.T, e *Engine, list ...weights.Tensor) Weights {
	t.Helper()
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := atomicfile.Write(path, func(w io.Writer) error { return weights.Write(w, list, nil) }); err != nil {
		t.Fatal(err)
	}
	file, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var specs []weights.Spec
	for _, tensor := range list {
		specs = append(specs, weights.Spec{Name: tensor.Name, Shape: tensor.Shape})
	}
	w, err := e.Upload(weights.AsIs(file), specs)
	if err != nil {
		t.Fatal(err)
	}
	return w
}
