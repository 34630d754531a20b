package weights

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestInspect: every tensor has its line, with its type and shape, and the numbers of all are counted; what is missing,
// is no weights file, or differs from the record beside it, is an error.
func TestInspect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	write := func(path string) {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		err = WriteSealedTensors(f, []Tensor{F32("w", []int{2, 3}, make([]float32, 6)), F16("b", nil, []float32{1}),
			I64("n", []int{0}, nil)}, map[string]string{"by": "a test"})
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	write(path)
	c, err := Inspect(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]TensorLine{"w": {"w", "F32", []int{2, 3}, ""}, "b": {"b", "F16", []int{}, ""},
		"n": {"n", "I64", []int{0}, ""}}
	for _, line := range c.Tensors {
		w, ok := want[line.Name]
		if !ok || line.DType != w.DType || !slices.Equal(line.Shape, w.Shape) || line.Shape == nil || line.Fault != "" {
			t.Errorf("got %+v, want %+v", line, w)
		}
	}
	if len(c.Tensors) != len(want) || c.Numbers != 7 || c.Metadata["by"] != "a test" || c.PartsAlone {
		t.Errorf("got %d tensors of %d numbers, %v; want %d of 7", len(c.Tensors), c.Numbers, c.Metadata, len(want))
	}

	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed, other := filepath.Join(t.TempDir(), "changed.safetensors"), filepath.Join(t.TempDir(), "text.safetensors")
	record := fmt.Sprintf(`{"sha256": {"changed.safetensors": "%x"}}`, sha256.Sum256(data))
	data[len(data)-1] ^= 1 // not as the record beside it has it
	if err := errors.Join(os.WriteFile(changed, data, 0o644),
		os.WriteFile(filepath.Join(filepath.Dir(changed), RecordName), []byte(record), 0o644),
		os.WriteFile(other, []byte("no tensors"), 0o644)); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"changed": changed, "no weights": other} {
		if c, err := Inspect(t.Context(), path); err == nil {
			t.Errorf("%s: got %+v, want an error", name, c)
		}
	}
	if _, err := Inspect(t.Context(), path+".none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: got %v, want that it does not exist", err)
	}
}
