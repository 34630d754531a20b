// Package testengine opens the backend that the tests of networks, training and judging run on: cpu, or another
// that the environment names.
//
//	MGD3_TEST_BACKEND   as --backend takes it: cpu (the default), go, xla:cpu
//	MGD3_TEST_PLUGIN    as --plugin takes it: the file of the PJRT plugin
//
// Where the environment names a backend that cannot be opened, tests fail: a run that was asked for never passes by
// skipping.
package testengine

import (
	"cmp"
	"os"
	"strings"
	"sync"
	"testing"

	"mgd3/engine"
)

// Name is the backend's name, as the environment gives it.
func Name() string { return cmp.Or(os.Getenv("MGD3_TEST_BACKEND"), "cpu") }

// IsXLA tells whether the tests run on XLA.
func IsXLA() bool { return strings.HasPrefix(Name(), "xla") }

// Flags name the backend to the program.
func Flags() []string {
	flags := []string{"--backend=" + Name()}
	if plugin := os.Getenv("MGD3_TEST_PLUGIN"); plugin != "" {
		flags = append(flags, "--plugin="+plugin)
	}
	return flags
}

// shared is the one client of XLA in a process. It is never closed: executables of a closed client crash, and
// graphs that the collector has not freed yet may hold some.
var shared = sync.OnceValues(open)

func open() (*engine.Engine, error) {
	return engine.Config{Backend: Name(), Plugin: os.Getenv("MGD3_TEST_PLUGIN")}.Open()
}

// Open returns an engine of the backend. Its settings are the caller's own.
func Open(tb testing.TB) *engine.Engine {
	tb.Helper()
	if IsXLA() {
		e, err := shared()
		if err != nil {
			tb.Fatal(err)
		}
		own := *e
		return &own
	}
	e, err := open()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(e.Close)
	return e
}

// OnCPU skips a test that is about package cpu alone, where the tests run on another backend.
func OnCPU(tb testing.TB, why string) {
	tb.Helper()
	if Name() != "cpu" {
		tb.Skipf("holds on cpu only: %s", why)
	}
}
