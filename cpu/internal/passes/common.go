package passes

import (
	"fmt"
	"strings"

	"github.com/gomlx/compute/dtypes"

	"mgd3/cpu/internal/ir"
)

// Common replaces each node by the first one with the same operation, attributes and inputs.
func Common(f *ir.Func) {
	first := map[string]*ir.Node{}
	by := map[*ir.Node]*ir.Node{}
	var nodes []*ir.Node
	for _, n := range f.Nodes {
		if !movable(n) {
			nodes = append(nodes, n)
			continue
		}
		k := key(n, by)
		if first[k] != nil {
			by[n] = first[k]
			continue
		}
		first[k] = n
		nodes = append(nodes, n)
	}
	replace(f, nodes, by)
}

// key is the same for nodes that compute the same.
func key(n *ir.Node, by map[*ir.Node]*ir.Node) string {
	var k strings.Builder
	fmt.Fprint(&k, int(n.Op), n.Shape, n.Outs)
	for _, in := range n.In {
		if by[in] != nil {
			in = by[in]
		}
		fmt.Fprintf(&k, " %p", in)
	}
	if a, ok := n.Attr.(ir.Const); ok {
		k.Write(dtypes.UnsafeByteSliceFromAny(a.Flat))
	} else {
		fmt.Fprintf(&k, " %#v", n.Attr)
	}
	return k.String()
}
