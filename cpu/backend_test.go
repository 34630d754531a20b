package cpu

import (
	"testing"

	"github.com/gomlx/compute/support/backendtest"

	"mgd3/cpu/internal/kernel"
)

func newBackend(t testing.TB, config string) *Backend {
	t.Helper()
	b, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b.(*Backend)
}

func TestBackendSuite(t *testing.T) {
	for _, level := range kernel.Levels() {
		t.Run(level.String(), func(t *testing.T) {
			backendtest.RunAll(t, newBackend(t, "isa="+level.String()), nil)
		})
	}
}
