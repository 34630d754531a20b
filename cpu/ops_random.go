package cpu

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"
)

// RNGBitGenerator implements [compute.StandardOps] with Philox4x32-10: the state is the key and the 128 bits of a
// counter, low word first.
func (f *Function) RNGBitGenerator(state compute.Value, shape shapes.Shape) (newState, values compute.Value,
	err error) {
	op := compute.OpTypeRNGBitGenerator
	in, err := f.nodes(op, state)
	if err != nil {
		return nil, nil, err
	}
	if err := checkShape(op, shape); err != nil {
		return nil, nil, err
	}
	if !in[0].Shape.Equal(compute.RNGStateShape) || !shape.DType.IsInt() {
		return nil, nil, errors.Errorf("%s: want a state of %s and integers, got %s and %s", op, compute.RNGStateShape,
			in[0].Shape, shape)
	}
	out := f.several(op, []shapes.Shape{in[0].Shape, shape.Clone()}, nil, in...)
	return out[0], out[1], nil
}
