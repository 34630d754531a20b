package compile

import (
	"maps"
	"slices"

	"mgd3/cpu/internal/ir"
	"mgd3/cpu/internal/loop"
)

// What several loops on different levels need is either stored, for 4 bytes written and 4 read in each loop by element,
// or computed again in each. It is computed again where that is no more work than the traffic: few instructions over
// few values that are themselves read from memory, and none of the costly ones.
const (
	maxOps  = 16 // instructions, and
	maxBig  = 2  // full-size values, of what is computed twice rather than stored
	minRow  = 32 // elements; shorter rows are reduced like columns
	maxLoop = 96 // instructions of one loop
)

// decider makes a fusion, in passes over all nodes until one changes nothing.
//
// The passes end: each but the last stores a value more, or takes a node out of rowOf, and neither is ever undone. In
// the last one every question was answered by the same stored values, so what it left in exprs, operands and levels
// belongs together.
type decider struct {
	*fusion
	users   map[*ir.Node][]*ir.Node
	outputs map[*ir.Node]bool
	changed bool
}

// decide says which values of f are stored, and how loops read them.
func decide(f *ir.Func) *fusion {
	d := &decider{
		fusion: &fusion{nodes: f.Nodes, stored: map[*ir.Node]bool{}, rowOf: map[*ir.Node]rowSpace{}},
		users:  map[*ir.Node][]*ir.Node{}, outputs: map[*ir.Node]bool{},
	}
	for _, n := range f.Nodes {
		for _, in := range n.In {
			d.users[in] = append(d.users[in], n)
		}
	}
	for _, n := range f.Outputs {
		d.outputs[n] = true
	}
	d.findRows()
	for d.changed = true; d.changed; {
		d.changed = false
		d.pass()
	}
	return d.fusion
}

func (d *decider) store(n *ir.Node) {
	if !d.stored[n] {
		d.stored[n] = true
		d.changed = true
	}
}

// pass goes through all nodes once, with what is stored so far.
func (d *decider) pass() {
	d.exprs, d.operands = map[*ir.Node]*expr{}, map[*ir.Node][]operand{}
	for _, n := range d.nodes {
		switch {
		case isMovement(n):
			if d.outputs[n] {
				d.dense(n)
			}
			if d.stored[n] {
				d.movement(n)
			}
		case isLoop(n):
			d.build(n)
			if d.outputs[n] {
				d.store(n)
			}
		default:
			d.store(n)
			d.heavyInputs(n)
		}
	}
	d.level()
	d.storeShared()
}

// movement stores what a stored movement reads.
func (d *decider) movement(n *ir.Node) {
	v, ok := d.view(n.In[0])
	if ok {
		_, ok = step(n, v)
	}
	if ok {
		d.store(v.of)
	} else {
		d.dense(n.In[0])
	}
}

// dense makes n available as it is in memory: stored, or another shape of what is.
func (d *decider) dense(n *ir.Node) {
	for isAlias(n) && !d.stored[n] {
		n = n.In[0]
	}
	d.store(n)
}

// heavyInputs stores what an operation outside loops reads; some can read views.
func (d *decider) heavyInputs(n *ir.Node) {
	for i, in := range n.In {
		if in.Op == ir.OpOutput || len(in.Outs) > 0 {
			d.store(in)
			continue
		}
		if weight, ok := d.halfWeight(n); ok && i == 1 {
			d.store(weight.of)
			continue
		}
		if v, ok := d.view(in); ok && readsView(n, i, v) {
			d.store(v.of)
			continue
		}
		d.dense(in)
	}
}

// resolve says how loop node n reads its i-th input, and stores what must be for that.
func (d *decider) resolve(n *ir.Node, i int) operand {
	for {
		o, missing := d.operand(n, i)
		if missing == nil {
			return o
		}
		d.store(missing)
	}
}

// operand says how loop node n reads its i-th input, over the index space of operandDims; or which value is missing
// in memory for that. The ways are tried from the cheapest to the dearest:
//
//	a constant    is in the instruction
//	row           n has one value for a row, and so has the input, of rows of the same length
//	inline        the input is computed in the same loop at the same element
//	row, repeated n runs over the elements of the rows that the input has one value for
//	leaf          a stored value is read, in an order that strides express
func (f *fusion) operand(n *ir.Node, i int) (o operand, missing *ir.Node) {
	in, dims := n.In[i], operandDims(n)
	if s, ok := scalarOf(in); ok {
		return operand{scalar: s, isConst: true}, nil
	}
	base := f.base(in)
	own, isRow := f.rowOf[n]
	isRow = isRow && !isReduction(n)
	if r, ok := f.rowOf[base]; ok && isRow && r.row == own.row && base.Shape.Size() == n.Shape.Size() {
		return operand{row: base}, nil
	}
	if !isRow && isLoop(base) && isElementwise(base) && base.Shape.Size() == product(dims) && sameOrder(in, dims) {
		return operand{inline: base}, nil
	}
	v, ok := f.view(in)
	if !ok {
		return operand{}, f.blocked(in)
	}
	v = v.broadcast(dims)
	if r, ok := f.rowOf[v.of]; ok && !isRow && v.repeatsRows(r.row, product(dims)) {
		return operand{row: v.of}, nil
	}
	if !v.cheap() && !f.stored[base] {
		return operand{}, base
	}
	return operand{leaf: v}, nil
}

// sameOrder reports whether in needs no implicit broadcast to dims.
func sameOrder(in *ir.Node, dims []int) bool { return in.Shape.Size() == product(dims) }

// blocked is the input of the first movement under n, from the bottom, that strides cannot express: a reshape of what
// does not lie densely. That input must stand in memory.
func (f *fusion) blocked(n *ir.Node) *ir.Node {
	for isMovement(n) && !f.stored[n] {
		if _, ok := f.view(n.In[0]); ok {
			return n.In[0]
		}
		n = n.In[0]
	}
	panic("compile: blocked is asked for a value that can be read")
}

// rowOf returns the number of elements of the rows that a reduction over the last axes reduces, if rows
// of that length are reduced within a tile; else 0.
func rowOf(r *ir.Node) int {
	dims, axes := r.In[0].Shape.Dimensions, r.Attr.(ir.Axes)
	row := 1
	for i := range axes {
		if axes[len(axes)-1-i] != len(dims)-1-i {
			return 0
		}
		row *= dims[len(dims)-1-i]
	}
	if row < minRow || row > loop.MaxRow {
		return 0
	}
	return row
}

// findRows finds the loop nodes with one value for a row: reductions of rows, and what is computed from
// them element by element: the mean and the variance of a layer norm, say, and 1/√(variance + ε). Inputs stand before
// those who use them in nodes, so that what an input is has been settled. A node between rows of two lengths has no
// rows: it is a plain loop over what was stored.
func (d *decider) findRows() {
	for _, n := range d.nodes {
		if isReduction(n) {
			if row := rowOf(n); row > 0 {
				d.rowOf[n] = rowSpace{row, n.In[0].Shape.Dimensions}
			}
			continue
		}
		if !isElementwise(n) || !isFloat(n) {
			continue
		}
		for _, in := range n.In {
			base := d.base(in)
			r, ok := d.rowOf[base]
			if !ok || base.Shape.Size() != n.Shape.Size() {
				continue
			}
			if old, ok := d.rowOf[n]; ok && old.row != r.row {
				delete(d.rowOf, n)
				break
			}
			d.rowOf[n] = r
		}
	}
}

// build finds what n is computed from. Inputs that do not go together are stored: the first that is joined sets what
// the others must fit, so that the order of the inputs decides, and nothing else does. It calls itself at most once:
// a node without rows cannot be found not to fit into them.
func (d *decider) build(n *ir.Node) {
	dims := operandDims(n)
	e := &expr{bounds: bounds(dims), size: product(dims), big: map[*ir.Node]bool{}, leaves: map[*ir.Node]bool{},
		rows: map[*ir.Node]bool{}, code: map[*ir.Node]bool{n: true}, costly: costly[n.Op]}
	if r, ok := d.rowOf[n]; ok && !isReduction(n) {
		e.row, e.size = r.row, product(r.dims)
		e.bounds, ok = refine(bounds(r.dims), bounds(append(slices.Clone(dims), r.row)))
		if !ok { // not in these rows after all
			delete(d.rowOf, n)
			d.changed = true
			d.build(n)
			return
		}
	}
	d.operands[n] = nil
	for i := range n.In {
		o := d.resolve(n, i)
		d.operands[n] = append(d.operands[n], o)
		switch {
		case o.isConst:
		case o.inline != nil && !d.stored[o.inline] && e.join(d.exprs[o.inline], 0):
		case o.inline != nil:
			d.store(o.inline)
			e.leaf(o.inline, true)
		case o.row != nil && !d.stored[o.row] && e.join(d.exprs[o.row], d.rowOf[o.row].row):
			e.rows[o.row] = true
		case o.row != nil:
			d.store(o.row)
			e.leaf(o.row, false)
		default:
			d.store(o.leaf.of)
			e.leaf(o.leaf.of, o.leaf.of.Shape.Size() >= e.size)
		}
	}
	if isReduction(n) && e.row > 0 && rowOf(n) != e.row {
		// A reduction across rows: what the rows reduce to is stored first.
		for r := range e.rows {
			d.store(r)
		}
	}
	d.exprs[n] = e
}

func (e *expr) leaf(n *ir.Node, big bool) {
	e.leaves[n] = true
	if big {
		e.big[n] = true
	}
}

// join takes in the expression of an input that is not stored; row is the length of the rows that it
// reduces, or 0. It reports false, and changes nothing, where the two do not go together.
func (e *expr) join(in *expr, row int) bool {
	if in.size != e.size { // one is over the elements of rows, the other over what the rows became
		return false
	}
	for _, r := range []int{in.row, row} {
		if r != 0 {
			if e.row != 0 && e.row != r || row != 0 && r != row {
				return false
			}
		}
	}
	// One loop nest must serve both: its dimensions are cut wherever an index of either carries over, and at the rows.
	b, ok := refine(e.bounds, in.bounds)
	if ok && max(in.row, row, e.row) > 0 {
		b, ok = refine(b, []int{1, max(in.row, row, e.row)})
	}
	if !ok || unionSize(e.code, in.code) > maxLoop {
		return false
	}
	e.bounds = b
	e.row = max(e.row, in.row, row)
	maps.Copy(e.big, in.big)
	maps.Copy(e.leaves, in.leaves)
	maps.Copy(e.rows, in.rows)
	maps.Copy(e.code, in.code)
	e.costly = e.costly || in.costly
	return true
}

// unionSize is the number of elements of a and b together.
func unionSize(a, b map[*ir.Node]bool) int {
	size := len(a)
	for n := range b {
		if !a[n] {
			size++
		}
	}
	return size
}
