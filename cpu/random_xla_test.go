//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && arm64))

package cpu_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/support/testutil"
	"github.com/gomlx/go-xla/compute/xla"
)

// TestRandomGraphsOnXLA runs the random graphs on OpenXLA, with and without donated inputs: what package cpu is held
// to, XLA is held to as well.
func TestRandomGraphsOnXLA(t *testing.T) {
	plugin := os.Getenv("MGD3_TEST_PLUGIN")
	if plugin == "" {
		t.Skip("no PJRT plugin: MGD3_TEST_PLUGIN names none")
	}
	backend, err := xla.New(plugin) // never closed: executables of a closed client crash
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{portable: testutil.Must1(gobackend.New("ops_sequential")), ours: []compute.Backend{backend}}
	n := 400
	if testing.Short() {
		n /= 10
	}
	var count [differs + 1]int
	for seed := range uint64(n) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			v, text := f.checkXLA(specOf(seed))
			count[v]++
			if v == differs {
				t.Error(text)
			}
		})
	}
	if count[equal] < n*9/10 {
		t.Errorf("only %d of %d graphs were compared", count[equal], n)
	}
	t.Logf("%d graphs agree, %d are ill-conditioned, %d refused, %d differ", count[equal], count[ill], count[refused],
		count[differs])
}

// checkXLA compares one graph on the first of f.ours with the reference.
func (f *fleet) checkXLA(s spec) (verdict, string) {
	ref, v, text := f.reference(s)
	if v != equal {
		return v, text
	}
	c, err := s.compile(f.ours[0], dtypes.Float32)
	if err != nil {
		return differs, fmt.Sprint("compile: ", err)
	}
	for _, donate := range []func(int) bool{func(int) bool { return false }, func(int) bool { return true }} {
		got, err := c.run(false, donate)
		if err != nil {
			return differs, fmt.Sprint("execute: ", err)
		}
		if text := ref.compare(got, got); text != "" {
			return differs, text
		}
	}
	return equal, ""
}
