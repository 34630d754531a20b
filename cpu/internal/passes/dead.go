package passes

import (
	"slices"

	"mgd3/cpu/internal/ir"
)

// Dead drops the nodes that no output needs. Parameters and captured values stay, for the caller counts them.
func Dead(f *ir.Func) {
	alive := map[*ir.Node]bool{}
	mark := func(nodes []*ir.Node) {
		for _, n := range nodes {
			alive[n] = true
		}
	}
	mark(f.Params)
	mark(f.Captures)
	mark(f.Outputs)
	for _, n := range slices.Backward(f.Nodes) {
		if alive[n] {
			mark(n.In)
		}
	}
	replace(f, slices.DeleteFunc(f.Nodes, func(n *ir.Node) bool { return !alive[n] }), nil)
}
