//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && arm64))

package engine

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gomlx/go-xla/compute/xla"
)

// What is wrong in the libraries below us, each with the smallest case, and what we do about it: docs/gpu.md. A
// test fails where a new version has mended it: then our way around it can go.

const upstreamCase = "MGD3_TEST_UPSTREAM" // names the case that a process of its own runs

// apart runs a case in a process of its own, whose output it returns, and whether it ended in order.
func apart(t *testing.T, name string) (string, error) {
	t.Helper()
	openOnXLA(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestUpstreamApart$")
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "TF_CPP_MIN_LOG_LEVEL=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, upstreamCase+"="+name)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestUpstreamApart is the other process of apart; without a case it has nothing to do.
func TestUpstreamApart(t *testing.T) {
	plugin := os.Getenv("MGD3_TEST_PLUGIN")
	switch os.Getenv(upstreamCase) {
	case "log":
		fmt.Println("level", os.Getenv("TF_CPP_MIN_LOG_LEVEL"))
	case "path":
		dir := filepath.Join(t.TempDir(), "nvidia")
		link := filepath.Join(dir, filepath.Base(plugin))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(plugin, link); err != nil {
			t.Fatal(err)
		}
		_, err := xla.New(link)
		fmt.Println("opened:", err)
	}
}

// addOne compiles x + 1 and returns it with an input.
func addOne(t *testing.T, b compute.Backend) (compute.Executable, compute.Buffer) {
	t.Helper()
	const n = 1 << 12
	g := NewGraph(b, "add one")
	x := Parameter(g, "x", shapes.Make(dtypes.Float32, n))
	if err := g.Compile(AddScalar(x, 1)); err != nil {
		t.Fatal(err)
	}
	in, err := b.BufferFromFlatData(0, make([]float32, n), shapes.Make(dtypes.Float32, n))
	if err != nil {
		t.Fatal(err)
	}
	return g.Executable(), in
}

// TestUpstreamLog: a program that imports go-xla hears no error of XLA's.
func TestUpstreamLog(t *testing.T) {
	if out, err := apart(t, "log"); err != nil || !strings.Contains(out, "level 3") {
		t.Errorf("got %v, %q, want level 3", err, out)
	}
}

// TestUpstreamPath: a plugin for the CPU in a folder called nvidia is taken for CUDA's, given an option that only that
// one knows, and so does not open.
func TestUpstreamPath(t *testing.T) {
	if out, err := apart(t, "path"); err != nil || !strings.Contains(out, "preallocate") {
		t.Errorf("got %v, %q, want it refused for preallocate", err, out)
	}
}

// TestUpstreamDonated: what is given away to x + 1 is not where the result is, although nothing else needs the place.
func TestUpstreamDonated(t *testing.T) {
	exe, in := addOne(t, openOnXLA(t).backend)
	place := func(b compute.Buffer) *float32 {
		data, err := b.(interface{ Data() (any, error) }).Data()
		if err != nil {
			t.Fatal(err)
		}
		return &data.([]float32)[0]
	}
	was := place(in)
	out, err := exe.Execute([]compute.Buffer{in}, []bool{true}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer out[0].Finalize()
	if place(out[0]) == was {
		t.Error("the result took the place of the input")
	}
}

// TestUpstreamHalf: compute's conversion to half precision makes 0 of 2⁻²⁴, the smallest number that it has.
func TestUpstreamHalf(t *testing.T) {
	if got := float16.FromFloat32(0x1p-24).Bits(); got != 0 {
		t.Errorf("got the bits %#x, want 0", got)
	}
}

// TestUpstreamPad: gomlx has no gradient of Pad.
func TestUpstreamPad(t *testing.T) {
	e, err := Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	defer func() {
		if recover() == nil {
			t.Error("there is a gradient of Pad")
		}
	}()
	g := NewGraph(e.backend, "pad")
	x := Parameter(g, "x", shapes.Make(dtypes.Float32, 2))
	Gradient(ReduceAllSum(Pad(x, Scalar(g, dtypes.Float32, 0), compute.PadAxis{Start: 1})), x)
}
