package cpu

import (
	"mgd3/cpu/internal/ir"
	"mgd3/cpu/internal/passes"
)

// program is a compiled function. It may run many times at once.
type program interface {
	// run returns the outputs, which belong to the caller, for the parameters and after them the captured values.
	run(args []argument) ([]*Buffer, error)
}

// argument is a buffer handed to a program. A given one is the program's, to reuse or to finalize.
type argument struct {
	buffer *Buffer
	given  bool
}

// compile compiles f and the functions it calls.
func compile(b *Backend, f *ir.Func) (program, error) {
	passes.All(f)
	return newWalker(b, f)
}
