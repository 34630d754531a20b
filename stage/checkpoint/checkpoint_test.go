package checkpoint

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/internal/fixtures/testengine"
)

type extra struct{ Best float64 }

func open(t *testing.T) *engine.Engine {
	t.Helper()
	return testengine.Open(t)
}

func state() engine.Weights {
	return engine.Weights{
		"layer.weight":        tensors.FromFlatDataAndDimensions([]float32{1, -2, 3e-40, 4, 5, 6}, 2, 3),
		"adam.m.layer.weight": tensors.FromFlatDataAndDimensions([]float32{0, 0, 1, 0, 0, 0}, 2, 3),
		"scalar":              tensors.FromScalar(float32(7)),
	}
}

// write writes state() at step 12 under the key "one" and returns its path and bytes.
func write(t *testing.T) (path string, data []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "sub", "state.safetensors")
	if err := Write(path, "one", 12, state(), extra{0.5}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, data
}

func TestRoundTrip(t *testing.T) {
	path, first := write(t)
	var x extra
	e := open(t)
	e.Precision = engine.BF16 // a training's numbers stay float32
	step, w, found, err := Read(e, path, "one", &x)
	e.Precision = engine.Float32
	if err != nil || !found || step != 12 || x.Best != 0.5 {
		t.Fatalf("got step %d, extra %v, found %v, error %v; want 12, {0.5}, true", step, x, found, err)
	}
	want := state()
	if len(w) != len(want) {
		t.Errorf("got %d tensors, want %d", len(w), len(want))
	}
	for name, tensor := range want {
		if !w[name].Shape().Equal(tensor.Shape()) || !reflect.DeepEqual(flat(w[name]), flat(tensor)) {
			t.Errorf("%s: got %v, want %v", name, w[name], tensor)
		}
	}
	if err := Write(path, "one", step, w, x); err != nil {
		t.Fatal(err)
	}
	if second, err := os.ReadFile(path); err != nil || !bytes.Equal(first, second) {
		t.Errorf("written again, the bytes differ (error %v)", err)
	}
}

func flat(t *tensors.Tensor) []float32 { return tensors.MustCopyFlatData[float32](t) }

func TestNotFound(t *testing.T) {
	path, _ := write(t)
	for name, c := range map[string]struct{ path, key string }{
		"no file":     {path + "x", "one"},
		"another key": {path, "two"},
	} {
		if _, w, found, err := Read(open(t), c.path, c.key, &extra{}); found || err != nil || w != nil {
			t.Errorf("%s: got %v, found %v, error %v, want nothing", name, w, found, err)
		}
	}
}

// TestDamaged: part of a file, which no kill of ours leaves, is never taken for a state.
func TestDamaged(t *testing.T) {
	path, data := write(t)
	for n := range data {
		if err := os.WriteFile(path, data[:n], 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, found, err := Read(open(t), path, "one", &extra{}); found || err == nil ||
			!strings.Contains(err.Error(), path) {
			t.Fatalf("%d of %d bytes: found %v, error %v, want one that names the file", n, len(data), found, err)
		}
	}
}

func TestWrongMetadata(t *testing.T) {
	path, data := write(t)
	for was, is := range map[string]string{`"step":"12"`: `"step":"-2"`, `0.5}`: `0.5]`} {
		if err := os.WriteFile(path, bytes.Replace(data, []byte(was), []byte(is), 1), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, found, err := Read(open(t), path, "one", &extra{}); found || err == nil {
			t.Errorf("%s: found %v, error %v, want an error", is, found, err)
		}
	}
}

// TestFlips: no changed bit passes, and none lets a training begin anew in silence.
func TestFlips(t *testing.T) {
	path, data := write(t)
	e := open(t)
	for at := range data {
		changed := bytes.Clone(data)
		changed[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, changed, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, found, err := Read(e, path, "one", &extra{}); found || !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d: found %v, error %v, want an ErrDamaged", at, found, err)
		}
	}
}

// TestKilled: what a write that was killed leaves behind is not looked at, and the state before it stays.
func TestKilled(t *testing.T) {
	path, _ := write(t)
	dir, name := filepath.Split(path)
	if err := os.WriteFile(filepath.Join(dir, "."+name+".tmp"), []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	if step, _, found, err := Read(open(t), path, "one", &extra{}); step != 12 || !found || err != nil {
		t.Errorf("got step %d, found %v, error %v, want 12", step, found, err)
	}
	if err := Write(path, "one", 13, state(), extra{}); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("the folder has %v (error %v), want the checkpoint alone", left, err)
	}
}
