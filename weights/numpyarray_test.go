package weights_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/internal/fixtures/pytorch"
	"mgd3/weights"
)

// TestNumPyArrays: arrays as pickles of protocol 2 have them; tensorset's fixtures have NumPy's own, of the others too.
func TestNumPyArrays(t *testing.T) {
	call := func(f string, args ...any) pytorch.Call {
		return pytorch.Call{Function: pytorch.Global(f), Args: args}
	}
	dtype := func(name, order string) any {
		return pytorch.Build{Object: call("numpy dtype", name, false, true),
			State: pytorch.Tuple{3, order, nil, nil, nil, -1, -1, 0}}
	}
	array := func(dtype, shape any, fortran bool, elements string) any {
		return pytorch.Build{Object: call("numpy.core.multiarray _reconstruct", pytorch.Global("numpy ndarray"),
			pytorch.Tuple{0}, call("_codecs encode", "b", "latin1")),
			State: pytorch.Tuple{1, shape, dtype, fortran, call("_codecs encode", elements, "latin1")}}
	}
	u1 := dtype("u1", "|")
	const four = "\u0001\u00ff\u0003\u0004"
	for name, c := range map[string]struct {
		value any
		want  []byte // nil: no tensor
		fail  string
	}{
		"bytes":             {array(u1, pytorch.Tuple{2, 2}, false, four), []byte{1, 255, 3, 4}, ""},
		"Fortran's order":   {array(u1, pytorch.Tuple{2, 2}, true, four), []byte{1, 3, 255, 4}, ""},
		"none":              {array(u1, pytorch.Tuple{0, 2}, true, ""), []byte{}, ""},
		"big-endian":        {array(dtype("i2", ">"), pytorch.Tuple{1}, false, "ab"), nil, ""},
		"objects":           {array(dtype("O8", "|"), pytorch.Tuple{1}, false, "a"), nil, ""},
		"too few bytes":     {array(u1, pytorch.Tuple{2, 2}, false, "abc"), nil, "has 3 bytes, want 4"},
		"a shape too large": {array(u1, pytorch.Tuple{math.MaxInt, math.MaxInt}, false, "abc"), nil, "shape"},
		"a negative shape":  {array(u1, pytorch.Tuple{-1}, false, "abc"), nil, "shape"},
		"no state": {call("numpy.core.multiarray _reconstruct", pytorch.Global("numpy ndarray"), pytorch.Tuple{0},
			"b"), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.pt")
			var file bytes.Buffer
			z := zip.NewWriter(&file)
			w, err := z.CreateHeader(&zip.FileHeader{Name: "x/data.pkl", Method: zip.Store})
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.Write(pytorch.Pickle(pytorch.List{c.value}))
			if err = errors.Join(err, z.Close(), os.WriteFile(path, file.Bytes(), 0o666)); err != nil {
				t.Fatal(err)
			}
			tree, err := weights.OpenTree(path)
			if c.fail != "" {
				if !errors.Is(err, weights.ErrFormat) || !strings.Contains(err.Error(), c.fail) {
					t.Fatalf("%v, want an error with %q", err, c.fail)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer tree.Close()
			got, ok := tree.Value.([]any)[0].(weights.Tensor)
			if ok != (c.want != nil) || !bytes.Equal(got.Bytes(), c.want) {
				t.Errorf("a tensor: %v, of the bytes %v, want %v", ok, got.Bytes(), c.want)
			}
		})
	}
}

// TestRowMajor: x[i][j][k] of shape [2, 3, 2] lies at i + 2j + 6k in Fortran's order.
func TestRowMajor(t *testing.T) {
	data, want := make([]byte, 24), make([]byte, 0, 24)
	for i := range data {
		data[i] = byte(i)
	}
	for i := range 2 {
		for j := range 3 {
			for k := range 2 {
				at := byte(2 * (i + 2*j + 6*k)) // elements of two bytes
				want = append(want, at, at+1)
			}
		}
	}
	if got := weights.RowMajor(data, []int{2, 3, 2}); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
