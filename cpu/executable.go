package cpu

import (
	"sync/atomic"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"mgd3/cpu/internal/ir"
)

// Executable implements [compute.Executable]. It may be executed by many goroutines at once.
type Executable struct {
	backend *Backend
	name    string
	main    *ir.Func
	program program
	closed  atomic.Bool
}

var _ compute.Executable = (*Executable)(nil)

// Finalize implements [compute.Executable].
func (e *Executable) Finalize() { e.closed.Store(true) }

// Inputs implements [compute.Executable].
func (e *Executable) Inputs() (names []string, inputs []shapes.Shape) {
	for _, p := range e.main.Params {
		names = append(names, p.Attr.(ir.Param).Name)
	}
	return names, shapesOf(e.main.Params)
}

// Outputs implements [compute.Executable].
func (e *Executable) Outputs() []shapes.Shape { return shapesOf(e.main.Outputs) }

// Execute implements [compute.Executable]. If it fails before it starts, for a wrong input, nothing is donated.
func (e *Executable) Execute(inputs []compute.Buffer, donate []bool, _ compute.DeviceNum) ([]compute.Buffer, error) {
	args, err := e.check(inputs, donate)
	if err != nil {
		return nil, errors.WithMessagef(err, "Execute %q", e.name)
	}
	outputs, err := e.program.run(args)
	if err != nil {
		return nil, errors.WithMessagef(err, "Execute %q", e.name)
	}
	buffers := make([]compute.Buffer, len(outputs))
	for i, output := range outputs {
		buffers[i] = output
	}
	return buffers, nil
}

// check checks the inputs, and takes what is donated out of its buffers.
func (e *Executable) check(inputs []compute.Buffer, donate []bool) ([]argument, error) {
	if err := e.backend.open("Execute"); err != nil {
		return nil, err
	}
	if e.closed.Load() {
		return nil, errors.New("the executable is finalized")
	}
	if len(inputs) != len(e.main.Params) {
		return nil, errors.Errorf("have %d inputs, want %d", len(inputs), len(e.main.Params))
	}
	if donate != nil && len(donate) != len(inputs) {
		return nil, errors.Errorf("have %d inputs but donations of %d", len(inputs), len(donate))
	}
	args := make([]argument, len(inputs))
	for i, input := range inputs {
		buffer, err := e.checkInput(input, e.main.Params[i])
		if err != nil {
			return nil, errors.WithMessagef(err, "input %d, %q", i, e.main.Params[i].Attr.(ir.Param).Name)
		}
		args[i].buffer = buffer
	}
	for i := range donate {
		if donate[i] {
			give(args, args[i].buffer)
		}
	}
	return args, nil
}

// give moves what buffer holds to a new buffer, which takes its place in args. If it is there several times, the
// program may not reuse it.
func give(args []argument, buffer *Buffer) {
	tensor, memory := buffer.release()
	if memory == nil { // given before
		return
	}
	given := &Buffer{backend: buffer.backend, tensor: tensor, memory: memory, shared: buffer.shared}
	var places []int
	for i := range args {
		if args[i].buffer == buffer {
			args[i].buffer = given
			places = append(places, i)
		}
	}
	args[places[0]].given = len(places) == 1
}

func (e *Executable) checkInput(input compute.Buffer, param *ir.Node) (*Buffer, error) {
	buffer, ok := input.(*Buffer)
	if !ok {
		return nil, errors.Errorf("a buffer of another backend, a %T", input)
	}
	shape, err := buffer.shape("Execute")
	if err != nil {
		return nil, err
	}
	if buffer.backend != e.backend {
		return nil, errors.New("a buffer of another backend of this kind")
	}
	if !sameShape(shape, param.Shape) {
		return nil, errors.Errorf("have %s, want %s", shape, param.Shape)
	}
	return buffer, nil
}
