package cpu

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"mgd3/cpu/internal/ir"
)

// Call implements [compute.Function].
func (f *Function) Call(target compute.Function, inputs ...compute.Value) ([]compute.Value, error) {
	op := compute.OpTypeCall
	in, err := f.nodes(op, inputs...)
	if err != nil {
		return nil, err
	}
	callee, ok := target.(*Function)
	if !ok || callee.builder != f.builder || callee.parent != nil || !callee.returned {
		return nil, errors.Errorf("%s: the target is not a named function of this computation that has returned", op)
	}
	if err := checkArguments(callee, shapesOf(in)); err != nil {
		return nil, errors.WithMessage(err, op.String())
	}
	return f.several(op, shapesOf(callee.ir.Outputs), ir.Branches{Funcs: []*ir.Func{callee.ir}}, in...), nil
}

// If implements [compute.Function].
func (f *Function) If(condition compute.Value, onTrue, onFalse compute.Function) ([]compute.Value, error) {
	op := compute.OpTypeIf
	in, err := f.nodes(op, condition)
	if err != nil {
		return nil, err
	}
	if err := in[0].Shape.Check(dtypes.Bool); err != nil {
		return nil, errors.WithMessagef(err, "%s: condition", op)
	}
	branches, err := f.closures(op, onTrue, onFalse)
	if err != nil {
		return nil, err
	}
	for _, branch := range branches {
		if err := checkArguments(branch, nil); err != nil {
			return nil, errors.WithMessage(err, op.String())
		}
	}
	outs := shapesOf(branches[0].ir.Outputs)
	if err := checkResults(branches[1], outs); err != nil {
		return nil, errors.WithMessage(err, op.String())
	}
	return f.branch(op, outs, 0, in, branches...), nil
}

// While implements [compute.Function].
func (f *Function) While(cond, body compute.Function, initialState ...compute.Value) ([]compute.Value, error) {
	op := compute.OpTypeWhile
	in, err := f.nodes(op, initialState...)
	if err != nil {
		return nil, err
	}
	if len(in) == 0 {
		return nil, errors.Errorf("%s: there must be at least one value", op)
	}
	branches, err := f.closures(op, cond, body)
	if err != nil {
		return nil, err
	}
	state := shapesOf(in)
	for _, branch := range branches {
		if err := checkArguments(branch, state); err != nil {
			return nil, errors.WithMessage(err, op.String())
		}
	}
	if err := checkResults(branches[0], []shapes.Shape{shapes.Make(dtypes.Bool)}); err != nil {
		return nil, errors.WithMessagef(err, "%s: condition", op)
	}
	if err := checkResults(branches[1], state); err != nil {
		return nil, errors.WithMessagef(err, "%s: body", op)
	}
	return f.branch(op, state, 0, in, branches...), nil
}

// Sort implements [compute.Function]. It is always stable. As in StableHLO, and in what GoMLX builds, the comparator
// takes the two values of the first input, then the two of the second, and so on.
func (f *Function) Sort(comparator compute.Function, axis int, _ bool,
	inputs ...compute.Value) ([]compute.Value, error) {
	op := compute.OpTypeSort
	in, err := f.nodes(op, inputs...)
	if err != nil {
		return nil, err
	}
	if len(in) == 0 {
		return nil, errors.Errorf("%s: there must be at least one input", op)
	}
	branches, err := f.closures(op, comparator)
	if err != nil {
		return nil, err
	}
	var scalars []shapes.Shape
	for _, node := range in {
		if !node.Shape.EqualDimensions(in[0].Shape) {
			return nil, errors.Errorf("%s: inputs of different shapes, %s and %s", op, in[0].Shape, node.Shape)
		}
		scalars = append(scalars, shapes.Make(node.Shape.DType), shapes.Make(node.Shape.DType))
	}
	if axis < 0 {
		axis += in[0].Shape.Rank()
	}
	if axis < 0 || axis >= in[0].Shape.Rank() {
		return nil, errors.Errorf("%s: %s has no axis %d", op, in[0].Shape, axis)
	}
	if err := checkArguments(branches[0], scalars); err != nil {
		return nil, errors.WithMessage(err, op.String())
	}
	if err := checkResults(branches[0], []shapes.Shape{shapes.Make(dtypes.Bool)}); err != nil {
		return nil, errors.WithMessage(err, op.String())
	}
	return f.branch(op, shapesOf(in), axis, in, branches...), nil
}

// branch adds an operation with closures, whose captured values follow its own inputs.
func (f *Function) branch(op compute.OpType, outs []shapes.Shape, axis int, in []*ir.Node,
	closures ...*Function) []compute.Value {
	a := ir.Branches{SortAxis: axis}
	for _, closure := range closures {
		a.Funcs = append(a.Funcs, closure.ir)
		in = append(in, closure.ir.Captured...)
	}
	return f.several(op, outs, a, in...)
}

// closures checks that functions are closures of f that have returned.
func (f *Function) closures(op compute.OpType, functions ...compute.Function) ([]*Function, error) {
	closures := make([]*Function, len(functions))
	for i, function := range functions {
		closure, ok := function.(*Function)
		if !ok || closure.parent != f || !closure.returned {
			return nil, errors.Errorf("%s: function %d is not a closure of this function that has returned", op, i)
		}
		closures[i] = closure
	}
	return closures, nil
}

func checkArguments(f *Function, want []shapes.Shape) error {
	return errors.WithMessage(equalShapes(shapesOf(f.ir.Params), want), "parameters")
}

func checkResults(f *Function, want []shapes.Shape) error {
	return errors.WithMessage(equalShapes(shapesOf(f.ir.Outputs), want), "results")
}

func equalShapes(have, want []shapes.Shape) error {
	if len(have) != len(want) {
		return errors.Errorf("have %d, want %d", len(have), len(want))
	}
	for i := range have {
		if !sameShape(have[i], want[i]) {
			return errors.Errorf("number %d is %s, want %s", i, have[i], want[i])
		}
	}
	return nil
}

// sameShape ignores the names of axes.
func sameShape(a, b shapes.Shape) bool { return a.DType == b.DType && a.EqualDimensions(b) }
