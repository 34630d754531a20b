package compile

import (
	"slices"

	"github.com/gomlx/compute"

	"mgd3/cpu/internal/ir"
	"mgd3/cpu/internal/loop"
)

// emitter writes the program of a group. Until all inputs are known, a register is a position in code, or ^i for
// input i.
type emitter struct {
	f    *fusion
	g    *group
	p    loop.Program
	dims []int
	regs map[*ir.Node]int
	code []loop.Instr
	read []view // by input
}

// program writes the loop of a group. in lists the value that each of the program's inputs reads.
func (f *fusion) program(g *group) (p loop.Program, in []*ir.Node) {
	e := &emitter{f: f, g: g, regs: map[*ir.Node]int{}, dims: dimsOf(g.bounds)}
	for _, n := range g.roots {
		e.emit(n)
	}
	e.p.Dims = e.dims
	for n, d := 1, len(e.dims)-1; g.row > 0 && n < g.row; d-- {
		n *= e.dims[d]
		e.p.Row++
	}
	for _, v := range e.read {
		e.p.In = append(e.p.In, loop.Input{Type: v.of.Shape.DType, Offset: v.offset, Strides: v.split(e.dims)})
		in = append(in, v.of)
	}
	reg := func(r int) int {
		if r < 0 {
			return ^r
		}
		return len(in) + r
	}
	for _, ins := range e.code {
		ins.A, ins.B, ins.C = reg(ins.A), reg(ins.B), reg(ins.C)
		e.p.Code = append(e.p.Code, ins)
	}
	for _, root := range g.roots {
		e.p.Out = append(e.p.Out, e.output(root, reg(e.regs[root])))
	}
	return e.p, in
}

// output is how a root leaves the loop.
func (e *emitter) output(n *ir.Node, reg int) loop.Output {
	o := loop.Output{Type: n.Shape.DType, Reg: reg}
	_, isRow := e.f.rowOf[n]
	switch {
	case isRow && e.g.row > 0: // one number for a row
		o.Strides = make([]int, len(e.dims))
		at := 1
		for d := len(e.dims) - 1 - e.p.Row; d >= 0; d-- {
			o.Strides[d] = at
			at *= e.dims[d]
		}
	case isReduction(n):
		o.Reduce, o.Reduced = reductions[n.Op], crossMask(n, e.dims)
	}
	return o
}

// add appends an instruction and returns its register.
func (e *emitter) add(op loop.Op, args ...int) int {
	ins := loop.Instr{Op: op}
	switch len(args) {
	case 3:
		ins.A, ins.B, ins.C = args[0], args[1], args[2]
	case 2:
		ins.A, ins.B = args[0], args[1]
	default:
		ins.A = args[0]
	}
	for i, old := range e.code {
		if old == ins {
			return i
		}
	}
	e.code = append(e.code, ins)
	return len(e.code) - 1
}

func (e *emitter) constant(s float32) int {
	for i, old := range e.code {
		if old.Op == loop.Const && (old.S == s || s != s && old.S != old.S) {
			return i
		}
	}
	e.code = append(e.code, loop.Instr{Op: loop.Const, S: s})
	return len(e.code) - 1
}

// input returns the register of a view.
func (e *emitter) input(v view) int {
	for i, old := range e.read {
		if old.of == v.of && old.offset == v.offset && slices.Equal(old.split(e.dims), v.split(e.dims)) {
			return ^i
		}
	}
	e.read = append(e.read, v)
	return ^(len(e.read) - 1)
}

// emit writes the code of a loop node, if it is not there yet, and returns its register.
func (e *emitter) emit(n *ir.Node) int {
	if r, ok := e.regs[n]; ok {
		return r
	}
	var args []int
	for _, o := range e.f.operands[n] {
		args = append(args, e.operand(n, o))
	}
	r := e.operation(n, args)
	e.regs[n] = r
	return r
}

func (e *emitter) operand(n *ir.Node, o operand) int {
	space, lifted := e.f.rowOf[n]
	lifted = lifted && !isReduction(n)
	v := o.leaf
	switch {
	case o.isConst:
		return e.constant(o.scalar)
	case o.inline != nil:
		if !e.f.stored[o.inline] || slices.Contains(e.g.roots, o.inline) {
			return e.emit(o.inline)
		}
		return e.input(whole(o.inline))
	case o.row != nil:
		if !e.f.stored[o.row] || slices.Contains(e.g.roots, o.row) {
			return e.emit(o.row)
		}
		return e.input(whole(o.row).lift(e.f.rowOf[o.row].row))
	case lifted:
		v = v.lift(space.row)
	}
	return e.input(v)
}

// operation writes the instructions of one node.
func (e *emitter) operation(n *ir.Node, args []int) int {
	switch {
	case isReduction(n):
		if e.g.cross != nil {
			return args[0] // reduced as it leaves the loop
		}
		return e.add(reductions[n.Op], args[0])
	case n.Op == compute.OpTypeConvertDType:
		if isBool(n) && !isBool(n.In[0]) {
			return e.add(loop.Ne, args[0], e.constant(0))
		}
		return args[0]
	}
	switch a := n.Attr.(type) {
	case ir.Gelu:
		if a.Exact {
			return e.add(loop.GeluErf, args[0])
		}
		return e.add(loop.GeluTanh, args[0])
	}
	if op, ok := elementwise[n.Op]; ok {
		return e.add(op, args...)
	}
	// Clamp is the one left: min, x, max.
	return e.add(loop.Min, e.add(loop.Max, args[1], args[0]), args[2])
}
