package cpu

import "github.com/gomlx/compute"

// KernelsOf returns the names of the kernels of a compiled computation, in the order in which they run.
func KernelsOf(e compute.Executable) []string {
	var names []string
	for _, s := range e.(*Executable).program.(*planned).plan.Steps() {
		names = append(names, s.Kernel)
	}
	return names
}
