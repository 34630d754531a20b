package compile

import (
	"slices"

	"github.com/gomlx/compute"

	"mgd3/cpu/internal/ir"
)

// level numbers stored values such that what is on one level, in one index space, can be computed in
// one loop: a value's level is above those of what must be complete before it is begun.
//
//	level(n) = max over what n reads of level(read) + (0 if one loop can compute both, else 1)
//
// The graph has no circle and nodes are in its order, so that one pass does.
func (d *decider) level() {
	d.levels = map[*ir.Node]int{}
	for _, n := range d.nodes {
		level := 0
		switch {
		case !d.stored[n] && !isMovement(n):
			continue
		case n.Op == compute.OpTypeParameter || n.Op == compute.OpTypeConstant || n.Op == compute.OpTypeCapturedValue:
		case isLoop(n):
			for leaf := range d.exprs[n].leaves {
				up := 1
				if d.together(leaf, n) {
					up = 0
				}
				level = max(level, d.levels[leaf]+up)
			}
		default:
			for i, in := range n.In {
				if weight, ok := d.halfWeight(n); ok && i == 1 {
					in = weight.of
				}
				up := 1
				if isMovement(n) && !d.stored[n] || n.Op == ir.OpOutput {
					up = 0
				}
				level = max(level, d.levels[in]+up)
			}
		}
		d.levels[n] = level
	}
}

// storeShared stores values that loops on several levels would compute again at a high price. roots[n] are the stored
// values, and operations outside loops, whose computation takes n in; users come after n in nodes, so that going
// backwards finds theirs first.
func (d *decider) storeShared() {
	roots := map[*ir.Node]map[*ir.Node]bool{}
	for _, n := range slices.Backward(d.nodes) {
		r := map[*ir.Node]bool{}
		for _, user := range d.users[n] {
			if isLoop(user) && d.stored[user] || !isLoop(user) && !isMovement(user) {
				r[user] = true
				continue
			}
			for root := range roots[user] {
				r[root] = true
			}
		}
		roots[n] = r
		e := d.exprs[n]
		if e == nil || d.stored[n] || len(r) < 2 || !e.costly && len(e.big) <= maxBig && len(e.code) <= maxOps {
			continue
		}
		if !d.oneLevel(r) {
			d.store(n)
		}
	}
}

// oneLevel reports whether one loop could compute all the roots, in which case what they share is computed once in it.
func (d *decider) oneLevel(roots map[*ir.Node]bool) bool {
	first, size := -1, 0
	for r := range roots {
		e := d.exprs[r]
		if e == nil {
			return false
		}
		if first >= 0 && (d.levels[r] != first || e.size != size) {
			return false
		}
		first, size = d.levels[r], e.size
	}
	return true
}
