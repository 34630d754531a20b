package cpu

import (
	"testing"

	"github.com/gomlx/compute"

	planner "mgd3/cpu/internal/compile"
)

// KernelsOf returns the names of the kernels of a compiled computation, in the order in which they run.
func KernelsOf(e compute.Executable) []string {
	var names []string
	for _, s := range e.(*Executable).program.(*planned).plan.Steps() {
		names = append(names, s.Kernel)
	}
	return names
}

// ConvProductsFrom makes products of the convolutions of few pixels that have so many kernels, until the test ends.
func ConvProductsFrom(tb testing.TB, kernels int) {
	was := planner.ManyKernels
	planner.ManyKernels = kernels
	tb.Cleanup(func() { planner.ManyKernels = was })
}
