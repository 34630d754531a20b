//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && arm64))

package engine

import (
	"errors"
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
		_, err := xla.New(misplaced(t, plugin))
		fmt.Println("opened:", err)
	case "path, here":
		e, err := Config{Backend: "xla", Plugin: misplaced(t, plugin)}.Open()
		if err != nil {
			t.Fatal(err)
		}
		shared := e.backend.(interface{ HasSharedBuffers() bool }).HasSharedBuffers()
		exe, in := addOne(t, e.backend)
		out, err := exe.Execute([]compute.Buffer{in}, []bool{false}, 0)
		if err != nil {
			t.Fatal(err)
		}
		flat := make([]float32, addOneSize)
		if err := out[0].ToFlatData(flat); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("opened: %s, shared %t, 0 + 1 = %g, %s\n", e.Name(), shared, flat[0], e.Description())
	}
}

// misplaced returns a link to the plugin, which is for the CPU, in a folder whose name tells of other devices.
func misplaced(t *testing.T, plugin string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "nvidia")
	link := filepath.Join(dir, "pjrt_c_api_cpu_plugin.so")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.Symlink(plugin, link)); err != nil {
		t.Fatal(err)
	}
	return link
}

const addOneSize = 1 << 12

// addOne compiles x + 1 and returns it with an input.
func addOne(t *testing.T, b compute.Backend) (compute.Executable, compute.Buffer) {
	t.Helper()
	const n = addOneSize
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

// TestMisplacedPlugin: mgd3 opens that plugin as one for the CPU, and computes on it.
func TestMisplacedPlugin(t *testing.T) {
	const want = "opened: xla:cpu, shared true, 0 + 1 = 1"
	out, err := apart(t, "path, here")
	if err != nil || !strings.Contains(out, want) || !strings.Contains(out, "/nvidia/pjrt_c_api_cpu_plugin.so)") {
		t.Errorf("got %v, %q, want %q and the plugin's path", err, out, want)
	}
}

// TestSeenAs: what go-xla's guess from a path is, so that the paths which mislead it are found.
func TestSeenAs(t *testing.T) {
	for path, misleads := range map[string]bool{
		"/home/me/xla/lib/pjrt_c_api_cpu_plugin.so":                false,
		"/home/me/cuda/pjrt_c_api_cpu_plugin.so":                   true,
		"/NVIDIA/xla_cpu_pjrt.so":                                  true,
		"/site-packages/jax_plugins/xla_cuda13/xla_cuda_plugin.so": false,
		"/home/cpu-farm/jax_plugins/xla_cuda13/xla_cuda_plugin.so": true,
		"/usr/local/lib/go-xla/nvidia/pjrt_c_api_cuda_plugin.so":   false,
		"/opt/rocm/xla_rocm_plugin.so":                             false,
		"/opt/no-cuda/xla_rocm_plugin.so":                          true,
	} {
		p := Plugin{pluginName(path), path}
		if got := seenAs(p.Path) != seenAs("/"+p.kind()); got != misleads {
			t.Errorf("%s: got %t, want %t", path, got, misleads)
		}
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
