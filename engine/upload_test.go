package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"mgd3/stage/atomicfile"
	"mgd3/weights"
)

// TestUploadHashed: the tensors are those of the file, whichever is moved while the next one is read, and so is the
// hash. A set that does not fit is a mismatch even where no hash could be made, and a hash that cannot be made is an
// error.
func TestUploadHashed(t *testing.T) {
	e := open(t)
	path := filepath.Join(t.TempDir(), "w.safetensors")
	var list []weights.Tensor
	var specs []weights.Spec
	for i := range 20 {
		name, data := fmt.Sprint("w", i), make([]float32, 1+1000*(i%3))
		for j := range data {
			data[j] = float32(1000*i + j)
		}
		list = append(list, weights.F32(name, []int{len(data)}, data))
		specs = append(specs, weights.Spec{Name: name, Shape: []int{len(data)}})
	}
	bad := weights.F32("bad", []int{1}, []float32{float32(math.NaN())})
	write := func(list ...weights.Tensor) *weights.File {
		if err := atomicfile.Write(path, func(w io.Writer) error { return weights.Write(w, list, nil) }); err != nil {
			t.Fatal(err)
		}
		f, err := weights.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	gone, stop := context.WithCancel(t.Context())
	stop()

	file := write(list...)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	w, sum, err := e.UploadHashed(t.Context(), file, weights.AsIs(file), specs)
	want := sha256.Sum256(content)
	if err != nil || sum != hex.EncodeToString(want[:]) || len(w) != len(list) {
		t.Fatalf("%d tensors, hash %s, error %v, want %d, %x", len(w), sum, err, len(list), want)
	}
	for i, spec := range specs {
		if got := w[spec.Name].Value().([]float32); len(got) != spec.Shape[0] || got[0] != float32(1000*i) {
			t.Errorf("tensor %s has %d numbers from %v on, want %d from %d on", spec.Name, len(got), got[0],
				spec.Shape[0], 1000*i)
		}
	}
	if _, _, err := e.UploadHashed(gone, file, weights.AsIs(file), specs); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v of what is cancelled, want that", err)
	}
	file = write(append(list, bad)...)
	specs = append(specs, weights.Spec{Name: bad.Name, Shape: bad.Shape})
	for _, ctx := range []context.Context{t.Context(), gone} {
		if _, _, err := e.UploadHashed(ctx, file, weights.AsIs(file), specs); !errors.Is(err, weights.ErrMismatch) {
			t.Errorf("got error %v, want a mismatch", err)
		}
	}
}
