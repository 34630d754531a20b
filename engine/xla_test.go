//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && arm64))

package engine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// onXLA opens the plugin that MGD3_TEST_PLUGIN names, once and for good.
var onXLA = sync.OnceValues(func() (*Engine, error) {
	return Config{Backend: "xla:cpu", Plugin: os.Getenv("MGD3_TEST_PLUGIN")}.Open()
})

func openOnXLA(t *testing.T) *Engine {
	t.Helper()
	if os.Getenv("MGD3_TEST_PLUGIN") == "" {
		t.Skip("no PJRT plugin: MGD3_TEST_PLUGIN names none")
	}
	e, err := onXLA()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestMixedOnXLA(t *testing.T) { mixed(t, openOnXLA(t)) }

// TestXLA: a real plugin opens, and its name holds neither its path nor options.
func TestXLA(t *testing.T) {
	e := openOnXLA(t)
	if e.Name() != "xla:cpu" || len(e.Devices()) == 0 || !e.FixedRows {
		t.Errorf("got %q with devices %q", e.Name(), e.Devices())
	}
	t.Log(e.Description())
	if t.Log(e.Machine()); !strings.Contains(e.Machine(), "PJRT 0.") {
		t.Errorf("got the machine %q, want one with the version of PJRT", e.Machine())
	}
	plugin := os.Getenv("MGD3_TEST_PLUGIN")
	for config, want := range map[Config]string{
		{Backend: "xla:cpu,tf32=false", Plugin: plugin}:          "--precision",
		{Backend: "xla:cpu,bananas=3", Plugin: plugin}:           "bananas",
		{Backend: "xla:cpu", Plugin: plugin, Precision: TF32}:    "NVIDIA",
		{Backend: "cpu", Precision: TF32}:                        "NVIDIA",
		{Backend: "xla:cpu", Plugin: filepath.Join(plugin, "x")}: "not a directory",
	} {
		if _, err := config.Open(); !errors.Is(err, ErrBackend) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want an ErrBackend that says %q", config, err, want)
		}
	}
}

// TestTF32: NVIDIA's libraries are forbidden to round to TF32 in every precision but the one that is called so.
func TestTF32(t *testing.T) {
	const variable = "NVIDIA_TF32_OVERRIDE"
	plugin := filepath.Join(t.TempDir(), "pjrt_c_api_cuda_plugin.so") // with no libraries beside it
	if err := os.WriteFile(plugin, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	system := systemCUDA
	systemCUDA = nil
	t.Cleanup(func() { systemCUDA = system })
	for precision, want := range map[Precision]string{Float32: "0", BF16: "0", "": "0", TF32: "1"} {
		t.Setenv(flagsVariable, "")
		t.Setenv(variable, "1")
		if _, err := prepareCUDA(Config{Precision: precision}, plugin); err != nil {
			t.Fatal(err)
		}
		if got := os.Getenv(variable); got != want {
			t.Errorf("%v: %s is %q, want %q", precision, variable, got, want)
		}
	}
}

// TestLoadLibrary loads a library that is there, and names one that is none.
func TestLoadLibrary(t *testing.T) {
	file := filepath.Join(t.TempDir(), "libcudart.so.13")
	if err := os.WriteFile(file, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := loadLibrary(file); err == nil || !strings.Contains(err.Error(), "libcudart.so.13") {
		t.Errorf("got %v, want an error with the file's name", err)
	}
	if plugin := os.Getenv("MGD3_TEST_PLUGIN"); plugin != "" {
		if err := loadLibrary(plugin); err != nil {
			t.Error(err)
		}
	}
}
