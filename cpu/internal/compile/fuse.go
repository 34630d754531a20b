package compile

import (
	"slices"

	"github.com/gomlx/compute"

	"mgd3/cpu/internal/ir"
	"mgd3/cpu/internal/loop"
)

// fuser decides which values are stored in memory, and which are computed where they are used.
//
// Element-wise operations and reductions are loop nodes: they run in loops over an index space. A loop
// node that is not stored is part of the loops of those who use it, again in each if there are several.
type fuser struct {
	nodes   []*ir.Node
	users   map[*ir.Node][]*ir.Node
	outputs map[*ir.Node]bool
	stored  map[*ir.Node]bool
	rowOf   map[*ir.Node]rowSpace // of loop nodes with one value for a row
	exprs   map[*ir.Node]*expr
	levels  map[*ir.Node]int
	changed bool
}

// rowSpace is an index space cut in rows of the given number of elements.
type rowSpace struct {
	row  int
	dims []int
}

// expr is what a loop node is computed from, down to stored values.
type expr struct {
	bounds []int // of the index space, as fine as all within need it
	size   int   // elements of the space
	row    int   // elements of the rows of row reductions within, or 0
	big    map[*ir.Node]bool
	leaves map[*ir.Node]bool
	rows   map[*ir.Node]bool // row reductions within
	ops    int
	costly bool
}

// operand says how a loop node reads one of its inputs.
type operand struct {
	scalar  float32
	isConst bool
	inline  *ir.Node // a loop node at the same element
	row     *ir.Node // a loop node with one value for the row
	leaf    view     // else: a stored value
}

const (
	maxOps  = 16 // instructions, and
	maxBig  = 2  // full-size values, of what is computed twice rather than stored
	minRow  = 32 // elements; shorter rows are reduced like columns
	maxLoop = 96 // instructions of one loop
)

func newFuser(f *ir.Func) *fuser {
	u := &fuser{
		nodes: f.Nodes, users: map[*ir.Node][]*ir.Node{}, outputs: map[*ir.Node]bool{},
		stored: map[*ir.Node]bool{}, rowOf: map[*ir.Node]rowSpace{},
	}
	for _, n := range f.Nodes {
		for _, in := range n.In {
			u.users[in] = append(u.users[in], n)
		}
	}
	for _, n := range f.Outputs {
		u.outputs[n] = true
	}
	u.findRows()
	for u.changed = true; u.changed; {
		u.changed = false
		u.pass()
	}
	return u
}

func (u *fuser) store(n *ir.Node) {
	if !u.stored[n] {
		u.stored[n] = true
		u.changed = true
	}
}

// isLoop reports whether loops can compute n.
func isLoop(n *ir.Node) bool { return isElementwise(n) || isReduction(n) }

// isMovement reports whether n only says where elements are.
func isMovement(n *ir.Node) bool {
	switch n.Op {
	case compute.OpTypeReshape, compute.OpTypeIdentity, compute.OpTypeSchedulingBarrier, compute.OpTypeBroadcastInDim,
		compute.OpTypeTranspose, compute.OpTypeSlice, compute.OpTypeReverse:
		return true
	}
	return false
}

// pass goes through all nodes once, with what is stored so far.
func (u *fuser) pass() {
	u.exprs = map[*ir.Node]*expr{}
	for _, n := range u.nodes {
		switch {
		case isMovement(n):
			if u.outputs[n] {
				u.dense(n)
			}
			if u.stored[n] {
				u.movement(n)
			}
		case isLoop(n):
			u.build(n)
			if u.outputs[n] {
				u.store(n)
			}
		default:
			u.store(n)
			u.heavyInputs(n)
		}
	}
	u.level()
	u.storeShared()
}

// movement stores what a stored movement reads.
func (u *fuser) movement(n *ir.Node) {
	v, ok := u.view(n.In[0])
	if ok {
		_, ok = step(n, v)
	}
	if ok {
		u.store(v.of)
	} else {
		u.dense(n.In[0])
	}
}

// dense makes n available as it stands in memory: stored, or another shape of what is.
func (u *fuser) dense(n *ir.Node) {
	for isAlias(n) && !u.stored[n] {
		n = n.In[0]
	}
	u.store(n)
}

// heavyInputs stores what an operation outside loops reads; some can read views.
func (u *fuser) heavyInputs(n *ir.Node) {
	for i, in := range n.In {
		if in.Op == ir.OpOutput || len(in.Outs) > 0 {
			u.store(in)
			continue
		}
		if v, ok := u.view(in); ok && readsView(n, i, v) {
			u.store(v.of)
			continue
		}
		u.dense(in)
	}
}

// view returns how n reads from the first value below it that is stored or no movement.
func (u *fuser) view(n *ir.Node) (view, bool) {
	if u.stored[n] || !isMovement(n) {
		return whole(n), true
	}
	v, ok := u.view(n.In[0])
	if !ok {
		return view{}, false
	}
	return step(n, v)
}

// operand resolves input i of loop node n, which runs over an index space of dims.
func (u *fuser) operand(n *ir.Node, i int, dims []int) operand {
	in := n.In[i]
	if s, ok := scalarOf(in); ok {
		return operand{scalar: s, isConst: true}
	}
	base := u.base(in)
	own, isRow := u.rowOf[n]
	isRow = isRow && !isReduction(n)
	if r, ok := u.rowOf[base]; ok && isRow && r.row == own.row && base.Shape.Size() == n.Shape.Size() {
		return operand{row: base}
	}
	if !isRow && isLoop(base) && isElementwise(base) && base.Shape.Size() == product(dims) && sameOrder(in, dims) {
		return operand{inline: base}
	}
	v, ok := u.view(in)
	for !ok { // a reshape that strides cannot express: store what it reads
		u.storeBelow(in)
		v, ok = u.view(in)
	}
	v = v.broadcast(dims)
	if r, ok := u.rowOf[v.of]; ok && !isRow && v.repeatsRows(r.row, product(dims)) {
		return operand{row: v.of}
	}
	if !v.cheap() {
		u.dense(in)
		v, _ = u.view(in)
		v = v.broadcast(dims)
	}
	return operand{leaf: v}
}

// sameOrder reports whether in needs no implicit broadcast to dims.
func sameOrder(in *ir.Node, dims []int) bool { return in.Shape.Size() == product(dims) }

// storeBelow stores the input of the first movement under n, from the bottom, that has no view.
func (u *fuser) storeBelow(n *ir.Node) {
	for isMovement(n) && !u.stored[n] {
		if _, ok := u.view(n.In[0]); ok {
			u.store(n.In[0])
			return
		}
		n = n.In[0]
	}
}

// broadcast is the implicit broadcast of operands: a scalar, or 1 in some dimensions.
func (v view) broadcast(dims []int) view {
	strides := make([]int, len(dims))
	if len(v.dims) == len(dims) {
		for i, d := range dims {
			if v.dims[i] == d {
				strides[i] = v.strides[i]
			}
		}
	}
	return view{v.of, v.offset, dims, strides}
}

// cheap reports whether a loop reads the view at speed: along its last dimension, or not often.
func (v view) cheap() bool {
	for i, d := range slices.Backward(v.dims) {
		if d > 1 {
			return v.strides[i] == 1 || v.strides[i] == 0 || product(v.dims) < 4096
		}
	}
	return true
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

// repeatsRows reports whether the view reads its whole value in order, each element for a row of the given
// length, over a space of size elements.
func (v view) repeatsRows(row, size int) bool {
	if v.offset != 0 || product(v.of.Shape.Dimensions)*row != size {
		return false
	}
	n, i := 1, len(v.dims)-1
	for ; i >= 0 && n < row; i-- {
		if v.dims[i] != 1 && v.strides[i] != 0 {
			return false
		}
		n *= v.dims[i]
	}
	if n != row {
		return false
	}
	want := 1
	for ; i >= 0; i-- {
		if v.dims[i] != 1 && v.strides[i] != want {
			return false
		}
		want *= v.dims[i]
	}
	return true
}

// findRows finds the loop nodes with one value for a row: reductions of rows, and what is computed from
// them element by element.
func (u *fuser) findRows() {
	for _, n := range u.nodes {
		if isReduction(n) {
			if row := rowOf(n); row > 0 {
				u.rowOf[n] = rowSpace{row, n.In[0].Shape.Dimensions}
			}
			continue
		}
		if !isElementwise(n) || !isFloat(n) {
			continue
		}
		for _, in := range n.In {
			base := u.base(in)
			r, ok := u.rowOf[base]
			if !ok || base.Shape.Size() != n.Shape.Size() {
				continue
			}
			if old, ok := u.rowOf[n]; ok && old.row != r.row {
				delete(u.rowOf, n)
				break
			}
			u.rowOf[n] = r
		}
	}
}

// dims are the dimensions in which a loop node reads its inputs: its operand's for a reduction.
func operandDims(n *ir.Node) []int {
	if isReduction(n) {
		return n.In[0].Shape.Dimensions
	}
	return n.Shape.Dimensions
}

// lift is a view of one value for a row, over the elements of the rows.
func (v view) lift(row int) view {
	return view{v.of, v.offset, append(slices.Clone(v.dims), row), append(slices.Clone(v.strides), 0)}
}

// build finds what n is computed from. Inputs that do not go together are stored.
func (u *fuser) build(n *ir.Node) {
	dims := operandDims(n)
	e := &expr{bounds: bounds(dims), size: product(dims), big: map[*ir.Node]bool{}, leaves: map[*ir.Node]bool{}, rows: map[*ir.Node]bool{}, ops: 1, costly: costly[n.Op]}
	if r, ok := u.rowOf[n]; ok && !isReduction(n) {
		e.row, e.size = r.row, product(r.dims)
		e.bounds, ok = refine(bounds(r.dims), bounds(append(slices.Clone(dims), r.row)))
		if !ok { // not in these rows after all
			delete(u.rowOf, n)
			u.changed = true
			u.build(n)
			return
		}
	}
	for i := range n.In {
		o := u.operand(n, i, dims)
		switch {
		case o.isConst:
		case o.inline != nil && !u.stored[o.inline] && e.join(u.exprs[o.inline], 0):
		case o.inline != nil:
			u.store(o.inline)
			e.leaf(o.inline, true)
		case o.row != nil && !u.stored[o.row] && e.join(u.exprs[o.row], u.rowOf[o.row].row):
			e.rows[o.row] = true
		case o.row != nil:
			u.store(o.row)
			e.leaf(o.row, false)
		default:
			u.store(o.leaf.of)
			e.leaf(o.leaf.of, o.leaf.of.Shape.Size() >= e.size)
		}
	}
	if isReduction(n) && e.row > 0 && rowOf(n) != e.row {
		// A reduction across rows: what the rows reduce to is stored first.
		for r := range e.rows {
			u.store(r)
		}
	}
	u.exprs[n] = e
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
	b, ok := refine(e.bounds, in.bounds)
	if ok && max(in.row, row, e.row) > 0 {
		b, ok = refine(b, []int{1, max(in.row, row, e.row)})
	}
	if !ok || e.ops+in.ops > maxLoop {
		return false
	}
	e.bounds = b
	e.row = max(e.row, in.row, row)
	for n := range in.big {
		e.big[n] = true
	}
	for n := range in.leaves {
		e.leaves[n] = true
	}
	for n := range in.rows {
		e.rows[n] = true
	}
	e.ops += in.ops
	e.costly = e.costly || in.costly
	return true
}

// level numbers stored values such that what stands on one level, in one index space, can be computed in
// one loop: a value's level is above those of what must be complete before it is begun.
func (u *fuser) level() {
	u.levels = map[*ir.Node]int{}
	for _, n := range u.nodes {
		level := 0
		switch {
		case !u.stored[n] && !isMovement(n):
			continue
		case n.Op == compute.OpTypeParameter || n.Op == compute.OpTypeConstant || n.Op == compute.OpTypeCapturedValue:
		case isLoop(n):
			for leaf := range u.exprs[n].leaves {
				up := 1
				if u.together(leaf, n) {
					up = 0
				}
				level = max(level, u.levels[leaf]+up)
			}
		default:
			for _, in := range n.In {
				up := 1
				if isMovement(n) && !u.stored[n] || n.Op == ir.OpOutput {
					up = 0
				}
				level = max(level, u.levels[in]+up)
			}
		}
		u.levels[n] = level
	}
}

// together reports whether stored value leaf can be computed in the loop of n, which uses it: at the same
// elements, or as reductions of the same rows.
func (u *fuser) together(leaf, n *ir.Node) bool {
	if !isLoop(leaf) {
		return false
	}
	e, in := u.exprs[n], u.exprs[leaf]
	if in == nil || in.size != e.size {
		return false
	}
	if r, ok := u.rowOf[leaf]; ok {
		return (in.row == 0 || in.row == r.row) && (e.row == 0 || e.row == r.row) && u.onlyRows(leaf, n)
	}
	return isElementwise(leaf) && e.big[leaf] && u.onlyInline(leaf, n)
}

// onlyInline reports whether every use of leaf in the expression of n is at the same element.
func (u *fuser) onlyInline(leaf, n *ir.Node) bool {
	return u.everyUse(leaf, n, func(o operand) bool { return o.inline == leaf })
}

// onlyRows reports whether every use of leaf in the expression of n is of the same row.
func (u *fuser) onlyRows(leaf, n *ir.Node) bool {
	return u.everyUse(leaf, n, func(o operand) bool { return o.row == leaf })
}

func (u *fuser) everyUse(leaf, n *ir.Node, good func(operand) bool) bool {
	seen := map[*ir.Node]bool{}
	var walk func(n *ir.Node) bool
	walk = func(n *ir.Node) bool {
		if seen[n] {
			return true
		}
		seen[n] = true
		for i := range n.In {
			o := u.operand(n, i, operandDims(n))
			switch {
			case o.isConst:
			case o.inline != nil && o.inline != leaf && !u.stored[o.inline]:
				if !walk(o.inline) {
					return false
				}
			case o.row != nil && o.row != leaf && !u.stored[o.row]:
				if !walk(o.row) {
					return false
				}
			case o.inline == leaf || o.row == leaf || o.leaf.of == leaf:
				if !good(o) {
					return false
				}
			}
		}
		return true
	}
	return walk(n)
}

// storeShared stores values that loops on several levels would compute again at a high price.
func (u *fuser) storeShared() {
	roots := map[*ir.Node]map[*ir.Node]bool{}
	for _, n := range slices.Backward(u.nodes) {
		r := map[*ir.Node]bool{}
		for _, user := range u.users[n] {
			if isLoop(user) && u.stored[user] || !isLoop(user) && !isMovement(user) {
				r[user] = true
				continue
			}
			for root := range roots[user] {
				r[root] = true
			}
		}
		roots[n] = r
		e := u.exprs[n]
		if e == nil || u.stored[n] || len(r) < 2 || !e.costly && len(e.big) <= maxBig && e.ops <= maxOps {
			continue
		}
		if !u.oneLevel(r) {
			u.store(n)
		}
	}
}

func (u *fuser) oneLevel(roots map[*ir.Node]bool) bool {
	first, size := -1, 0
	for r := range roots {
		e := u.exprs[r]
		if e == nil {
			return false
		}
		if first >= 0 && (u.levels[r] != first || e.size != size) {
			return false
		}
		first, size = u.levels[r], e.size
	}
	return true
}
