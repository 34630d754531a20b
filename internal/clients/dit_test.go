package clients

import (
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/dit"
	"mgd3/engine"
	"mgd3/weights"
)

func openDiT(t *testing.T, e *engine.Engine, path string) *dit.Model {
	t.Helper()
	model, err := dit.Open(t.Context(), e, path)
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// runDiT returns the output for two latents x [2, 4, size, size].
func runDiT(t *testing.T, e *engine.Engine, model *dit.Model, x []float32, size int, times []float32,
	labels []int32) []float32 {
	t.Helper()
	p, err := e.Compile("dit", model.Func, model.Weights)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, 2*model.OutChannels()*size*size)
	if err := p.Take(out, tensors.FromFlatDataAndDimensions(x, 2, 4, size, size),
		tensors.FromFlatDataAndDimensions(times, 2), tensors.FromFlatDataAndDimensions(labels, 2)); err != nil {
		t.Fatal(err)
	}
	return out
}

// denoise runs the denoiser at a path once and returns inputs and output.
func denoise(t *testing.T, e *engine.Engine, path string) []weights.Tensor {
	t.Helper()
	model := openDiT(t, e, path)
	list := wave("x", 2, 4, 4, 4)
	x, err := list[0].Float32s()
	if err != nil {
		t.Fatal(err)
	}
	times, labels := []float32{999, 17}, []int32{1, model.Null()}
	out := runDiT(t, e, model, x, 4, times, labels)
	return append(list, weights.F32("t", []int{2}, times), weights.I64("y", []int{2},
		[]int64{int64(labels[0]), int64(labels[1])}),
		weights.F32("out", []int{2, model.OutChannels(), 4, 4}, out))
}
