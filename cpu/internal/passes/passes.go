// Package passes rewrites functions into smaller ones that compute the same.
//
//	Dead    drops what no output needs
//	Fold    computes what depends on constants alone
//	Join    puts parts beside each other without adding zeros
//	Common  computes equal things once
//
// No pass looks across a barrier, into the functions that an operation calls, or changes parameters and captured
// values. After each, the nodes are numbered in their new order.
package passes

import (
	"github.com/gomlx/compute"

	"mgd3/cpu/internal/ir"
)

// All runs the passes, in an order in which one prepares the next.
func All(f *ir.Func) {
	Dead(f)
	Fold(f)
	Join(f)
	Common(f)
	Dead(f)
}

// replace makes every node of f read by[n] in place of n, where there is one, and numbers the given nodes.
func replace(f *ir.Func, nodes []*ir.Node, by map[*ir.Node]*ir.Node) {
	put := func(list []*ir.Node) {
		for i, n := range list {
			if other := by[n]; other != nil {
				list[i] = other
			}
		}
	}
	for i, n := range nodes {
		n.ID = i
		put(n.In)
		if branches, ok := n.Attr.(ir.Branches); ok {
			for _, g := range branches.Funcs {
				put(g.Captured)
			}
		}
	}
	put(f.Outputs)
	f.Nodes = nodes
}

// movable reports whether n may be computed at another time or not at all: it is no argument, no barrier, and calls
// no function.
func movable(n *ir.Node) bool {
	switch n.Op {
	case compute.OpTypeParameter, compute.OpTypeCapturedValue, compute.OpTypeOptimizationBarrier,
		compute.OpTypeSchedulingBarrier:
		return false
	}
	_, calls := n.Attr.(ir.Branches)
	return !calls
}
