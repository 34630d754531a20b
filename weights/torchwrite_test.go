package weights_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"mgd3/weights"
)

// TestSave: what Save writes is read here as it was, twice the same bytes; internal/clients has torch.load open it.
func TestSave(t *testing.T) {
	list := []weights.Tensor{
		weights.F32("f32", []int{2, 3}, []float32{1, -2, 3.5, 0, 1e-30, 7}),
		weights.F16("f16", []int{3}, []float32{1, 2, 65504}),
		weights.I64("i64", []int{2}, []int64{-1, 1 << 40}),
		weights.Raw("u8", "U8", []int{1, 2, 2}, []byte{0, 1, 128, 255}),
		weights.F32("scalar", []int{}, []float32{0.25}),
		weights.F32("empty", []int{0, 3}, nil),
	}
	object := []weights.Item{{Key: "epoch", Value: 3}, {Key: "big", Value: 1 << 40}, {Key: "ok", Value: true},
		{Key: "rate", Value: 0.5}, {Key: "names", Value: []any{"å", "b"}}}
	var state []weights.Item
	for _, tensor := range list {
		state = append(state, weights.Item{Key: tensor.Name, Value: tensor})
	}
	object = append(object, weights.Item{Key: "state_dict", Value: state})
	var file, again bytes.Buffer
	if err := errors.Join(weights.Save(&file, object), weights.Save(&again, object)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file.Bytes(), again.Bytes()) {
		t.Error("the same object gives other bytes")
	}
	f, err := openBytes(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, want := range list {
		got, err := f.Tensor(want.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		if got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) || !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("%s: got %s %v %v, want %s %v %v", want.Name, got.DType, got.Shape, got.Bytes(), want.DType,
				want.Shape, want.Bytes())
		}
	}
}

// TestSaveRefused: types that PyTorch has no storage for, objects of other kinds, and too few elements.
func TestSaveRefused(t *testing.T) {
	short := weights.Streamed{Layout: weights.Tensor{Name: "x", DType: "F32", Shape: []int{2}},
		Write: func(w io.Writer) error { _, err := w.Write(make([]byte, 4)); return err }}
	for name, object := range map[string]any{"type": weights.Raw("x", "F8_E4M3", []int{1}, []byte{0}), "object": t,
		"short": []weights.Item{{Key: "x", Value: short}}} {
		if err := weights.Save(io.Discard, object); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
