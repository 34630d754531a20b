package cpu

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"mgd3/cpu/internal/ir"
	"mgd3/cpu/internal/plain"
)

// walker is a program that evaluates its nodes one after the other in plain Go.
type walker struct {
	backend   *Backend
	f         *ir.Func
	last      []int // of each node, the node that reads it last; -1 if none does, and len(last) if the caller does
	constants map[*ir.Node]*Buffer
	branches  map[*ir.Node][]program
}

func newWalker(b *Backend, f *ir.Func) (*walker, error) {
	w := &walker{backend: b, f: f, last: lastReaders(f), constants: map[*ir.Node]*Buffer{},
		branches: map[*ir.Node][]program{}}
	for _, node := range f.Nodes {
		switch a := node.Attr.(type) {
		case ir.Const:
			w.constants[node] = b.newBuffer(node.Shape)
			if err := plain.Eval(node, nil, []ir.Tensor{w.constants[node].tensor}); err != nil {
				return nil, err
			}
		case ir.Branches:
			for _, branch := range a.Funcs {
				p, err := compile(b, branch)
				if err != nil {
					return nil, err
				}
				w.branches[node] = append(w.branches[node], p)
			}
		}
	}
	return w, nil
}

func lastReaders(f *ir.Func) []int {
	last := make([]int, len(f.Nodes))
	for i := range last {
		last[i] = -1
	}
	for _, node := range f.Nodes {
		for _, in := range node.In {
			last[in.ID] = node.ID
		}
	}
	for _, node := range f.Outputs {
		last[node.ID] = len(f.Nodes)
	}
	return last
}

// run implements program. A value is an argument: given, if nobody else needs it.
func (w *walker) run(args []argument) ([]*Buffer, error) {
	values := make([]argument, len(w.f.Nodes))
	several := make(map[*ir.Node][]*Buffer)
	for _, arg := range args {
		arg.buffer.pin()
	}
	for _, node := range w.f.Nodes {
		var err error
		switch a := node.Attr.(type) {
		case ir.Param:
			values[node.ID] = args[a.Index]
		case ir.Const:
			values[node.ID].buffer = w.constants[node]
		case ir.Index:
			if node.Op == ir.OpOutput {
				values[node.ID] = argument{several[node.In[0]][a], true}
			} else {
				values[node.ID] = args[len(w.f.Params)+int(a)]
			}
		default:
			var outs []*Buffer
			if outs, err = w.eval(node, values); len(node.Outs) > 0 {
				several[node] = outs
			} else if err == nil {
				values[node.ID] = argument{outs[0], true}
			}
		}
		if err != nil {
			return nil, errors.WithMessage(err, node.Op.String())
		}
		for _, in := range node.In {
			if v := values[in.ID]; v.given && w.last[in.ID] == node.ID {
				v.buffer.Finalize()
			}
		}
	}
	return w.outputs(values)
}

// outputs returns the buffers of the outputs: copies of those that are not ours, or that stand there twice.
func (w *walker) outputs(values []argument) ([]*Buffer, error) {
	outs := make([]*Buffer, len(w.f.Outputs))
	for i, node := range w.f.Outputs {
		v := &values[node.ID]
		outs[i] = v.buffer
		if !v.given {
			outs[i] = v.buffer.duplicate()
		}
		v.given = false
	}
	for _, v := range values {
		if v.given {
			v.buffer.Finalize()
		}
	}
	return outs, nil
}

// duplicate returns a buffer with the same contents.
func (b *Buffer) duplicate() *Buffer {
	d := b.backend.newBuffer(b.tensor.Shape)
	copy(d.memory, b.memory)
	return d
}

// eval returns the outputs of a node.
func (w *walker) eval(node *ir.Node, values []argument) ([]*Buffer, error) {
	in := make([]argument, len(node.In))
	for i, input := range node.In {
		in[i] = values[input.ID]
		in[i].given = false
	}
	switch node.Op {
	case compute.OpTypeCall:
		return w.branches[node][0].run(in)
	case compute.OpTypeIf:
		return w.evalIf(node, in)
	case compute.OpTypeWhile:
		return w.evalWhile(node, in)
	}
	outs := w.newBuffers(node)
	tensors := make([][]ir.Tensor, 2)
	for _, arg := range in {
		tensors[0] = append(tensors[0], arg.buffer.tensor)
	}
	for _, out := range outs {
		tensors[1] = append(tensors[1], out.tensor)
	}
	if node.Op == compute.OpTypeSort {
		return outs, w.evalSort(node, in, tensors[0][:len(outs)], tensors[1])
	}
	return outs, plain.Eval(node, tensors[0], tensors[1])
}

func (w *walker) newBuffers(node *ir.Node) []*Buffer {
	if len(node.Outs) == 0 {
		return []*Buffer{w.backend.newBuffer(node.Shape)}
	}
	outs := make([]*Buffer, len(node.Outs))
	for i, shape := range node.Outs {
		outs[i] = w.backend.newBuffer(shape)
	}
	return outs
}

// evalIf runs one branch with its own captured values.
func (w *walker) evalIf(node *ir.Node, in []argument) ([]*Buffer, error) {
	n := len(node.Attr.(ir.Branches).Funcs[0].Captured)
	if truth(in[0].buffer) {
		return w.branches[node][0].run(in[1:][:n])
	}
	return w.branches[node][1].run(in[1+n:])
}

func truth(b *Buffer) bool { return b.tensor.Flat.([]bool)[0] }

// evalWhile hands the state from one run of the body to the next.
func (w *walker) evalWhile(node *ir.Node, in []argument) ([]*Buffer, error) {
	n := len(node.Outs)
	cond := in[n:][:len(node.Attr.(ir.Branches).Funcs[0].Captured)]
	body := in[n+len(cond):]
	state := append([]argument(nil), in[:n]...)
	for {
		again, err := w.branches[node][0].run(append(kept(state), cond...))
		if err != nil {
			return nil, err
		}
		if !truth(again[0]) {
			break
		}
		again[0].Finalize()
		next, err := w.branches[node][1].run(append(state[:n:n], body...))
		if err != nil {
			return nil, err
		}
		for i, buffer := range next {
			state[i] = argument{buffer, true}
		}
	}
	outs := make([]*Buffer, n)
	for i, v := range state {
		if outs[i] = v.buffer; !v.given {
			outs[i] = v.buffer.duplicate()
		}
	}
	return outs, nil
}

// kept returns the arguments, not given.
func kept(args []argument) []argument {
	own := make([]argument, len(args))
	for i, arg := range args {
		own[i].buffer = arg.buffer
	}
	return own
}

// evalSort runs the comparator on pairs of elements.
func (w *walker) evalSort(node *ir.Node, in []argument, inputs, outs []ir.Tensor) error {
	args := make([]argument, 2*len(inputs), 2*len(inputs)+len(in)-len(inputs))
	for i, x := range inputs {
		args[2*i].buffer = w.backend.newBuffer(shapes.Make(x.Shape.DType))
		args[2*i+1].buffer = w.backend.newBuffer(shapes.Make(x.Shape.DType))
	}
	args = append(args, in[len(inputs):]...)
	var failed error
	plain.Sort(inputs, outs, node.Attr.(ir.Branches).SortAxis, func(a, b int) bool {
		for i, x := range inputs {
			setScalar(args[2*i].buffer, x, a)
			setScalar(args[2*i+1].buffer, x, b)
		}
		before, err := w.branches[node][0].run(args)
		if err != nil {
			failed = err
			return false
		}
		defer before[0].Finalize()
		return truth(before[0])
	})
	return failed
}

// setScalar sets b to element i of x.
func setScalar(b *Buffer, x ir.Tensor, i int) {
	size := x.Shape.DType.Size()
	copy(dtypes.UnsafeByteSliceFromAny(b.tensor.Flat), dtypes.UnsafeByteSliceFromAny(x.Flat)[i*size:])
}
