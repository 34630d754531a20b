package cpu

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"
)

// Builder implements [compute.Builder]. It is used by one goroutine.
type Builder struct {
	backend  *Backend
	name     string
	main     *Function
	names    map[string]bool // of the functions
	compiled bool
}

var _ compute.Builder = (*Builder)(nil)

// Name implements [compute.Builder].
func (b *Builder) Name() string { return b.name }

// Main implements [compute.Builder].
func (b *Builder) Main() compute.Function { return b.main }

// NewFunction implements [compute.Builder].
func (b *Builder) NewFunction(name string) (compute.Function, error) {
	if err := b.open("NewFunction"); err != nil {
		return nil, err
	}
	if name == "" || b.names[name] {
		return nil, errors.Errorf("NewFunction: the name %q is empty or taken", name)
	}
	b.names[name] = true
	return b.function(name, nil), nil
}

// open returns an error that names the operation if nothing can be built any more.
func (b *Builder) open(op any) error {
	if b.compiled {
		return errors.Errorf("%v: the computation %q is compiled already", op, b.name)
	}
	return b.backend.open(op)
}

// OpShape implements [compute.Builder].
func (b *Builder) OpShape(v compute.Value) (shapes.Shape, error) {
	val, err := b.own("OpShape", v)
	if err != nil {
		return shapes.Invalid(), err
	}
	return val.node.Shape, nil
}

// own checks that v was made by this builder.
func (b *Builder) own(op any, v compute.Value) (*value, error) {
	val, ok := v.(*value)
	switch {
	case v == nil || ok && val == nil:
		return nil, errors.Errorf("%v: a value is nil", op)
	case !ok:
		return nil, errors.Errorf("%v: a value is of another backend, a %T", op, v)
	case val.function.builder != b:
		return nil, errors.Errorf("%v: a value is of another computation, %q, not of %q", op, val.function.builder.name,
			b.name)
	}
	return val, nil
}

// DistributedSPMD implements [compute.Builder]: there is one device.
func (b *Builder) DistributedSPMD(devices int) error {
	if devices == 1 {
		return nil
	}
	return errors.Wrapf(compute.ErrNotImplemented, "DistributedSPMD over %d devices", devices)
}

// DistributedAutoSharding implements [compute.Builder]: there is one device.
func (b *Builder) DistributedAutoSharding(...compute.Mesh) error {
	return errors.Wrap(compute.ErrNotImplemented, "DistributedAutoSharding")
}

// DeviceAssignment implements [compute.Builder]: there is one device.
func (b *Builder) DeviceAssignment(devices ...compute.DeviceNum) error {
	if len(devices) == 1 && devices[0] == 0 {
		return nil
	}
	return errors.Wrapf(compute.ErrNotImplemented, "DeviceAssignment to %v", devices)
}

// Compile implements [compute.Builder].
func (b *Builder) Compile() (compute.Executable, error) {
	if err := b.open("Compile"); err != nil {
		return nil, err
	}
	if !b.main.returned {
		return nil, errors.Errorf("Compile: the main function of %q has not returned", b.name)
	}
	b.compiled = true
	program, err := compile(b.backend, b.main.ir)
	if err != nil {
		return nil, errors.WithMessagef(err, "Compile %q", b.name)
	}
	return &Executable{backend: b.backend, name: b.name, main: b.main.ir, program: program}, nil
}
