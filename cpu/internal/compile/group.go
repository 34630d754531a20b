package compile

import (
	"slices"

	"github.com/gomlx/compute"

	"mgd3/cpu/internal/ir"
	"mgd3/cpu/internal/loop"
)

// group is a set of stored loop nodes that one loop computes.
type group struct {
	roots  []*ir.Node
	level  int
	size   int
	bounds []int
	row    int
	cross  *ir.Node // a reduction across rows among the roots, or nil
	leaves map[*ir.Node]bool
	ops    int
	needs  map[*group]bool // groups of its level that compute some of its leaves
}

// groups puts loop nodes of one level and one index space together where they share what they read.
func (u *fuser) groups() []*group {
	var all []*group
	of := map[*ir.Node]*group{}
	for _, n := range u.nodes {
		if !isLoop(n) || !u.stored[n] {
			continue
		}
		one := u.single(n)
		for leaf := range one.leaves {
			if g := of[leaf]; g != nil && g.level == one.level {
				one.needs[g] = true
			}
		}
		into := one
		for _, g := range slices.Backward(all) {
			if g.level == one.level && g.size == one.size && g.shares(one, u) && !one.waitsFor(g) && g.join(one) {
				into = g
				break
			}
		}
		if of[n] = into; into == one {
			all = append(all, one)
		}
	}
	return all
}

// waitsFor reports whether what one needs, but for g itself, needs g: then one cannot be part of g.
func (one *group) waitsFor(g *group) bool {
	for h := range one.needs {
		if h != g && (h.needs[g] || h.waitsFor(g)) {
			return true
		}
	}
	return false
}

// single is the group of one node.
func (u *fuser) single(n *ir.Node) *group {
	e := u.exprs[n]
	g := &group{roots: []*ir.Node{n}, level: u.levels[n], size: e.size, bounds: e.bounds, row: e.row, leaves: map[*ir.Node]bool{}, ops: e.ops, needs: map[*group]bool{}}
	for leaf := range e.leaves {
		g.leaves[leaf] = true
	}
	if r, ok := u.rowOf[n]; ok && (e.row == 0 || e.row == r.row) {
		g.row = r.row
		g.bounds, _ = refine(g.bounds, []int{1, r.row})
	} else if isReduction(n) {
		g.cross = n
	}
	return g
}

// shares reports whether one reads a full-size value that g reads too, or computes.
func (g *group) shares(one *group, u *fuser) bool {
	for leaf := range one.leaves {
		if slices.Contains(g.roots, leaf) && u.together(leaf, one.roots[0]) {
			return true
		}
		if g.leaves[leaf] && leaf.Shape.Size() >= g.size {
			return true
		}
	}
	return false
}

// join adds the one root of another group, if one loop can do both.
func (g *group) join(one *group) bool {
	if g.row != 0 && one.row != 0 && g.row != one.row || g.ops+one.ops > maxLoop {
		return false
	}
	if (g.row != 0 || one.row != 0) && (g.cross != nil || one.cross != nil) {
		return false
	}
	b, ok := refine(g.bounds, one.bounds)
	if row := max(g.row, one.row); ok && row > 0 {
		b, ok = refine(b, []int{1, row})
	}
	if !ok {
		return false
	}
	if g.cross != nil && one.cross != nil && !slices.Equal(crossMask(g.cross, dimsOf(b)), crossMask(one.cross, dimsOf(b))) {
		return false
	}
	g.bounds, g.row, g.ops = b, max(g.row, one.row), g.ops+one.ops
	if g.cross == nil {
		g.cross = one.cross
	}
	g.roots = append(g.roots, one.roots...)
	for leaf := range one.leaves {
		g.leaves[leaf] = true
	}
	for h := range one.needs {
		if h != g {
			g.needs[h] = true
		}
	}
	return true
}

// crossMask says which of the dimensions a reduction reduces.
func crossMask(r *ir.Node, dims []int) []bool {
	from := r.In[0].Shape.Dimensions
	marked := make([]bool, len(from))
	for _, axis := range r.Attr.(ir.Axes) {
		marked[axis] = true
	}
	return splitMask(from, marked, dims)
}

// reads lists the stored values that the loop reads: the leaves that it does not compute itself.
func (g *group) reads() []*ir.Node {
	var out []*ir.Node
	for leaf := range g.leaves {
		if !slices.Contains(g.roots, leaf) {
			out = append(out, leaf)
		}
	}
	slices.SortFunc(out, func(a, b *ir.Node) int { return a.ID - b.ID })
	return out
}

// emitter writes the program of a group. Until all inputs are known, a register is a position in code, or ^i for
// input i.
type emitter struct {
	u    *fuser
	g    *group
	p    loop.Program
	dims []int
	regs map[*ir.Node]int
	code []loop.Instr
	read []view // by input
}

// program writes the loop of a group. in lists the value that each of the program's inputs reads.
func (u *fuser) program(g *group) (p loop.Program, in []*ir.Node) {
	e := &emitter{u: u, g: g, regs: map[*ir.Node]int{}, dims: dimsOf(g.bounds)}
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
	_, isRow := e.u.rowOf[n]
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
	for i, a := range args {
		*[]*int{&ins.A, &ins.B, &ins.C}[i] = a
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
	for i := range n.In {
		args = append(args, e.operand(n, e.u.operand(n, i, operandDims(n))))
	}
	r := e.operation(n, args)
	e.regs[n] = r
	return r
}

func (e *emitter) operand(n *ir.Node, o operand) int {
	space, lifted := e.u.rowOf[n]
	lifted = lifted && !isReduction(n)
	v := o.leaf
	switch {
	case o.isConst:
		return e.constant(o.scalar)
	case o.inline != nil:
		if !e.u.stored[o.inline] || slices.Contains(e.g.roots, o.inline) {
			return e.emit(o.inline)
		}
		return e.input(whole(o.inline))
	case o.row != nil:
		if !e.u.stored[o.row] || slices.Contains(e.g.roots, o.row) {
			return e.emit(o.row)
		}
		return e.input(whole(o.row).lift(e.u.rowOf[o.row].row))
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
