package passes

import (
	"cmp"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"mgd3/cpu/internal/ir"
)

// pieces are parts of a value that lie one beside the other along an axis; there is zero where none lies.
type pieces struct {
	axis int
	list []piece // by their places
}

// piece is what lies from at on.
type piece struct {
	at int
	x  *ir.Node
}

func (p piece) end(axis int) int { return p.at + p.x.Shape.Dimensions[axis] }

// Join makes a concatenation of a sum of padded values that lie beside each other and fill it: what autodiff makes of
// parts that were cut out of one value, as q, k and v are. The elements are the same, but that −0 + 0 is 0 and a
// concatenation keeps −0.
func Join(f *ir.Func) {
	padded := map[*ir.Node]pieces{} // what values are made of, of those that are pads, or sums of such
	by := map[*ir.Node]*ir.Node{}
	for _, n := range f.Nodes {
		var p pieces
		var ok bool
		switch n.Op {
		case compute.OpTypePad:
			p, ok = padOf(n)
		case compute.OpTypeAdd:
			p, ok = padded[n.In[0]].beside(padded[n.In[1]])
		}
		if !ok {
			continue
		}
		padded[n] = p
		if n.Op == compute.OpTypeAdd && p.fill(n.Shape.Dimensions[p.axis]) {
			in := make([]*ir.Node, len(p.list))
			for i, part := range p.list {
				in[i] = part.x
			}
			by[n] = &ir.Node{Op: compute.OpTypeConcatenate, Shape: n.Shape, Attr: ir.Axis(p.axis), In: in}
		}
	}
	nodes := make([]*ir.Node, len(f.Nodes))
	for i, n := range f.Nodes {
		nodes[i] = cmp.Or(by[n], n)
	}
	replace(f, nodes, by)
}

// padOf is a pad with zeros along one axis.
func padOf(n *ir.Node) (p pieces, ok bool) {
	fill, constant := n.In[1].Attr.(ir.Const)
	if !constant || slices.ContainsFunc(dtypes.UnsafeByteSliceFromAny(fill.Flat), func(b byte) bool { return b != 0 }) {
		return p, false
	}
	for axis, a := range n.Attr.(ir.Pad) {
		switch {
		case a == compute.PadAxis{}:
		case ok || a.Interior != 0 || a.Start < 0 || a.End < 0:
			return p, false
		default:
			p, ok = pieces{axis, []piece{{a.Start, n.In[0]}}}, true
		}
	}
	return p, ok
}

// beside is the sum of both, if nothing of one lies on something of the other.
func (p pieces) beside(q pieces) (sum pieces, ok bool) {
	if p.axis != q.axis || len(p.list) == 0 || len(q.list) == 0 {
		return sum, false
	}
	sum = pieces{p.axis, slices.Concat(p.list, q.list)}
	slices.SortFunc(sum.list, func(a, b piece) int { return cmp.Compare(a.at, b.at) })
	for i := range len(sum.list) - 1 {
		if sum.list[i].end(p.axis) > sum.list[i+1].at {
			return sum, false
		}
	}
	return sum, true
}

// fill reports whether there is no place without a piece.
func (p pieces) fill(size int) bool {
	at := 0
	for _, part := range p.list {
		if part.at != at {
			return false
		}
		at = part.end(p.axis)
	}
	return at == size
}
