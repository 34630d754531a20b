package cpu

import (
	"reflect"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/notimplemented"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"mgd3/cpu/internal/ir"
)

// Function implements [compute.Function]: each operation checks its operands, infers its shape and adds a node.
// What it does not implement is an error that wraps [compute.ErrNotImplemented].
type Function struct {
	notimplemented.Function

	builder  *Builder
	parent   *Function // of a closure
	ir       *ir.Func
	captures map[*ir.Node]*ir.Node // of the parent's node, the node here that stands for it
	returned bool
}

var _ compute.Function = (*Function)(nil)

// value is what callers hold of a node.
type value struct {
	function *Function
	node     *ir.Node
}

// Name implements [compute.Function]; closures have none.
func (f *Function) Name() string { return f.ir.Name }

// Builder implements [compute.Function].
func (f *Function) Builder() compute.Builder { return f.builder }

// Parent implements [compute.Function].
func (f *Function) Parent() compute.Function {
	if f.parent == nil {
		return nil
	}
	return f.parent
}

// Closure implements [compute.Function].
func (f *Function) Closure() (compute.Function, error) {
	if err := f.open("Closure"); err != nil {
		return nil, err
	}
	return f.builder.function("", f), nil
}

// Shape implements [compute.Function].
func (f *Function) Shape(v compute.Value) (shapes.Shape, error) { return f.builder.OpShape(v) }

// open returns an error that names the operation if nothing can be added any more.
func (f *Function) open(op any) error {
	if f.returned {
		return errors.Errorf("%v: the function %q has returned already", op, f.ir.Name)
	}
	return f.builder.open(op)
}

// nodes returns the nodes of the operands of op: those of this function, or what stands for those of
// the functions around it.
func (f *Function) nodes(op any, operands ...compute.Value) ([]*ir.Node, error) {
	if err := f.open(op); err != nil {
		return nil, err
	}
	nodes := make([]*ir.Node, len(operands))
	for i, v := range operands {
		val, err := f.builder.own(op, v)
		if err != nil {
			return nil, errors.WithMessagef(err, "operand %d", i)
		}
		if nodes[i] = f.capture(val); nodes[i] == nil {
			return nil, errors.Errorf("%v: operand %d is of the function %q, which is not around this one", op, i,
				val.function.ir.Name)
		}
	}
	return nodes, nil
}

// capture returns the node of v in f, or nil if v is not of f or of a function around it.
func (f *Function) capture(v *value) *ir.Node {
	if v.function == f {
		return v.node
	}
	if f.parent == nil {
		return nil
	}
	outer := f.parent.capture(v)
	if outer == nil || f.captures[outer] != nil {
		return f.captures[outer]
	}
	node := f.add(compute.OpTypeCapturedValue, outer.Shape, ir.Index(len(f.ir.Captures)))
	f.captures[outer] = node
	f.ir.Captures = append(f.ir.Captures, node)
	f.ir.Captured = append(f.ir.Captured, outer)
	return node
}

// add appends a node.
func (f *Function) add(op compute.OpType, shape shapes.Shape, attr any, in ...*ir.Node) *ir.Node {
	node := &ir.Node{ID: len(f.ir.Nodes), Op: op, In: in, Shape: shape, Attr: attr}
	f.ir.Nodes = append(f.ir.Nodes, node)
	return node
}

// one appends a node and returns its value, given what shape inference returned.
func (f *Function) one(op compute.OpType, shape shapes.Shape, err error, attr any,
	in ...*ir.Node) (compute.Value, error) {
	if err != nil {
		return nil, errors.WithMessage(err, op.String())
	}
	return &value{f, f.add(op, shape, attr, in...)}, nil
}

// several appends a node with several outputs and returns their values.
func (f *Function) several(op compute.OpType, outs []shapes.Shape, attr any, in ...*ir.Node) []compute.Value {
	node := f.add(op, shapes.Invalid(), attr, in...)
	node.Outs = outs
	values := make([]compute.Value, len(outs))
	for i, shape := range outs {
		values[i] = &value{f, f.add(ir.OpOutput, shape, ir.Index(i), node)}
	}
	return values
}

// infer calls a function of package shapeinference, which panics on some wrong arguments.
func infer(shape func() (shapes.Shape, error)) (s shapes.Shape, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.Errorf("wrong arguments: %v", r)
		}
	}()
	return shape()
}

// Parameter implements [compute.Function].
func (f *Function) Parameter(name string, shape shapes.Shape, sharding *compute.ShardingSpec) (compute.Value, error) {
	if err := f.open("Parameter"); err != nil {
		return nil, err
	}
	if sharding != nil {
		return nil, errors.Wrapf(compute.ErrNotImplemented, "Parameter %q with a sharding", name)
	}
	if err := checkShape("Parameter", shape); err != nil {
		return nil, errors.WithMessagef(err, "parameter %q", name)
	}
	node := f.add(compute.OpTypeParameter, shape.Clone(), ir.Param{Name: name, Index: len(f.ir.Params)})
	f.ir.Params = append(f.ir.Params, node)
	return &value{f, node}, nil
}

// Constant implements [compute.Function].
func (f *Function) Constant(flat any, dims ...int) (compute.Value, error) {
	if err := f.open("Constant"); err != nil {
		return nil, err
	}
	t := reflect.TypeOf(flat)
	if t == nil || t.Kind() != reflect.Slice || dtypes.FromGoType(t.Elem()) == dtypes.InvalidDType {
		return nil, errors.Errorf("Constant: want a slice of numbers, got a %T", flat)
	}
	shape, err := infer(func() (shapes.Shape, error) { return shapes.Make(dtypes.FromGoType(t.Elem()), dims...), nil })
	if err == nil {
		err = checkShape("Constant", shape)
	}
	if err != nil {
		return nil, errors.WithMessage(err, "Constant")
	}
	own := dtypes.MakeAnySlice(shape.DType, shape.Size())
	if err := copyFlat("Constant", own, flat, shape); err != nil {
		return nil, err
	}
	return f.one(compute.OpTypeConstant, shape, nil, ir.Const{Flat: own})
}

// Return implements [compute.Function].
func (f *Function) Return(outputs []compute.Value, shardings []*compute.ShardingSpec) error {
	nodes, err := f.nodes("Return", outputs...)
	if err != nil {
		return err
	}
	if len(outputs) == 0 {
		return errors.New("Return: there must be at least one output")
	}
	for _, sharding := range shardings {
		if sharding != nil {
			return errors.Wrap(compute.ErrNotImplemented, "Return with a sharding")
		}
	}
	f.ir.Outputs, f.returned = nodes, true
	return nil
}
