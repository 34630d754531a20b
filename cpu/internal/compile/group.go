package compile

import (
	"maps"
	"slices"

	"mgd3/cpu/internal/ir"
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
	code   map[*ir.Node]bool
	needs  map[*group]bool // groups of its level that compute some of its leaves
}

// groups puts loop nodes of one level and one index space together where they share what they read.
func (f *fusion) groups() []*group {
	var all []*group
	of := map[*ir.Node]*group{}
	for _, n := range f.nodes {
		if !isLoop(n) || !f.stored[n] {
			continue
		}
		one := f.single(n)
		for leaf := range one.leaves {
			if g := of[leaf]; g != nil && g.level == one.level {
				one.needs[g] = true
			}
		}
		into := one
		for _, g := range slices.Backward(all) {
			if g.level == one.level && g.size == one.size && g.shares(one, f) && !one.waitsFor(g) && g.join(one) {
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

// waitsFor reports whether what one needs, but for g itself, needs g: then one cannot be part of g, which would
// wait for itself. Because join is never asked otherwise, needs has no circle, and the walk ends.
func (one *group) waitsFor(g *group) bool {
	for h := range one.needs {
		if h != g && (h.needs[g] || h.waitsFor(g)) {
			return true
		}
	}
	return false
}

// single is the group of one node.
func (f *fusion) single(n *ir.Node) *group {
	e := f.exprs[n]
	g := &group{roots: []*ir.Node{n}, level: f.levels[n], size: e.size, bounds: e.bounds, row: e.row,
		leaves: maps.Clone(e.leaves), code: maps.Clone(e.code), needs: map[*group]bool{}}
	if r, ok := f.rowOf[n]; ok && (e.row == 0 || e.row == r.row) {
		g.row = r.row
		g.bounds, _ = refine(g.bounds, []int{1, r.row})
	} else if isReduction(n) {
		g.cross = n
	}
	return g
}

// shares reports whether one reads a full-size value that g reads too, or computes.
func (g *group) shares(one *group, f *fusion) bool {
	for leaf := range one.leaves {
		if slices.Contains(g.roots, leaf) && f.together(leaf, one.roots[0]) {
			return true
		}
		if g.leaves[leaf] && leaf.Shape.Size() >= g.size {
			return true
		}
	}
	return false
}

// join adds the one root of another group, if one loop can do both. A loop reduces rows, each
// of which is then a tile, or it sums across tiles into memory: package loop has no form for both.
func (g *group) join(one *group) bool {
	if g.row != 0 && one.row != 0 && g.row != one.row || unionSize(g.code, one.code) > maxLoop {
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
	if g.cross != nil && one.cross != nil &&
		!slices.Equal(crossMask(g.cross, dimsOf(b)), crossMask(one.cross, dimsOf(b))) {
		return false
	}
	g.bounds, g.row = b, max(g.row, one.row)
	if g.cross == nil {
		g.cross = one.cross
	}
	g.roots = append(g.roots, one.roots...)
	maps.Copy(g.leaves, one.leaves)
	maps.Copy(g.code, one.code)
	for h := range one.needs {
		if h != g {
			g.needs[h] = true
		}
	}
	return true
}

// crossMask says which of the dimensions a reduction reduces. Two reductions across rows share a loop only where they
// reduce the same ones: the place of a sum is then the same function of the index.
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
