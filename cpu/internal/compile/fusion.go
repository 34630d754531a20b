package compile

import (
	"github.com/gomlx/compute"

	"mgd3/cpu/internal/ir"
)

// fusion says which values are stored in memory, and how loops read them. decide makes it; from then on it is only
// read.
//
// Element-wise operations and reductions are loop nodes: they run in loops over an index space. A loop
// node that is not stored is part of the loops of those who use it, again in each if there are several.
type fusion struct {
	nodes    []*ir.Node
	stored   map[*ir.Node]bool
	rowOf    map[*ir.Node]rowSpace  // of loop nodes with one value for a row
	exprs    map[*ir.Node]*expr     // of loop nodes
	operands map[*ir.Node][]operand // of loop nodes, by input
	levels   map[*ir.Node]int       // of stored values, and of movements; see decider.level
}

// rowSpace is an index space cut in rows of the given number of elements.
type rowSpace struct {
	row  int
	dims []int
}

// expr is what a loop node is computed from, down to stored values.
type expr struct {
	bounds []int             // of the index space, as fine as all within need it
	size   int               // elements of the space
	row    int               // elements of the rows of row reductions within, or 0
	big    map[*ir.Node]bool // leaves with a value for each element of the space, and no fewer
	leaves map[*ir.Node]bool // all stored values that are read
	rows   map[*ir.Node]bool // row reductions within
	code   map[*ir.Node]bool // all that is computed
	costly bool              // some instruction costs like a dozen others: exp, log, a power, a sine
}

// operand says how a loop node reads one of its inputs.
type operand struct {
	scalar  float32
	isConst bool
	inline  *ir.Node // a loop node at the same element
	row     *ir.Node // a loop node with one value for the row
	leaf    view     // else: a stored value
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

// operandDims are the dimensions in which a loop node reads its inputs: its operand's for a reduction.
func operandDims(n *ir.Node) []int {
	if isReduction(n) {
		return n.In[0].Shape.Dimensions
	}
	return n.Shape.Dimensions
}

// base is the stored value that n is in another shape.
func (f *fusion) base(n *ir.Node) *ir.Node {
	for isAlias(n) && !f.stored[n] {
		n = n.In[0]
	}
	return n
}

// view returns how n reads from the first value below it that is stored or no movement.
func (f *fusion) view(n *ir.Node) (view, bool) {
	if f.stored[n] || !isMovement(n) {
		return whole(n), true
	}
	v, ok := f.view(n.In[0])
	if !ok {
		return view{}, false
	}
	return step(n, v)
}

// together reports whether stored value leaf can be computed in the loop of n, which uses it: at the same
// elements, or as reductions of the same rows.
func (f *fusion) together(leaf, n *ir.Node) bool {
	if !isLoop(leaf) {
		return false
	}
	e, in := f.exprs[n], f.exprs[leaf]
	if in == nil || in.size != e.size {
		return false
	}
	if r, ok := f.rowOf[leaf]; ok {
		return (in.row == 0 || in.row == r.row) && (e.row == 0 || e.row == r.row) && f.onlyRows(leaf, n)
	}
	return isElementwise(leaf) && e.big[leaf] && f.onlyInline(leaf, n)
}

// onlyInline reports whether every use of leaf in the expression of n is at the same element.
func (f *fusion) onlyInline(leaf, n *ir.Node) bool {
	return f.everyUse(leaf, n, func(o operand) bool { return o.inline == leaf })
}

// onlyRows reports whether every use of leaf in the expression of n is of the same row.
func (f *fusion) onlyRows(leaf, n *ir.Node) bool {
	return f.everyUse(leaf, n, func(o operand) bool { return o.row == leaf })
}

// everyUse walks from n down to leaf, through what is computed in the same loop. It only reads, so that the answer is
// the same whenever it is asked for; a use by way of strides (o.leaf) is at neither the same element nor the same row.
func (f *fusion) everyUse(leaf, n *ir.Node, good func(operand) bool) bool {
	seen := map[*ir.Node]bool{}
	var walk func(n *ir.Node) bool
	walk = func(n *ir.Node) bool {
		if seen[n] {
			return true
		}
		seen[n] = true
		for _, o := range f.operands[n] {
			switch {
			case o.isConst:
			case o.inline != nil && o.inline != leaf && !f.stored[o.inline]:
				if !walk(o.inline) {
					return false
				}
			case o.row != nil && o.row != leaf && !f.stored[o.row]:
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
