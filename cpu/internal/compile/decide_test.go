package compile

import (
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"mgd3/cpu/internal/ir"
)

// sketch is a function in the making whose nodes have names.
type sketch struct {
	ir.Func
	names map[*ir.Node]string
}

func (s *sketch) add(name string, n *ir.Node) *ir.Node {
	n.ID = len(s.Nodes)
	s.Nodes, s.names[n] = append(s.Nodes, n), name
	return n
}

func (s *sketch) param(name string, dims ...int) *ir.Node {
	n := s.add(name, node(compute.OpTypeParameter, ir.Param{Name: name, Index: len(s.Params)}, dims))
	s.Params = append(s.Params, n)
	return n
}

// each computes element by element, in the shape of the first input.
func (s *sketch) each(name string, op compute.OpType, in ...*ir.Node) *ir.Node {
	return s.add(name, same(op, in...))
}

// sum is over the last axes.
func (s *sketch) sum(name string, x *ir.Node, axes int) *ir.Node {
	dims := x.Shape.Dimensions
	var over ir.Axes
	for i := len(dims) - axes; i < len(dims); i++ {
		over = append(over, i)
	}
	return s.add(name, node(compute.OpTypeReduceSum, over, dims[:len(dims)-axes], x))
}

func (s *sketch) shaped(name string, x *ir.Node, dims ...int) *ir.Node {
	return s.add(name, node(compute.OpTypeReshape, nil, dims, x))
}

func (s *sketch) spread(name string, x *ir.Node, axes []int, dims ...int) *ir.Node {
	return s.add(name, &ir.Node{
		Op: compute.OpTypeBroadcastInDim, In: []*ir.Node{x}, Attr: ir.Broadcast{Axes: axes},
		Shape: shapes.Make(dtypes.Float32, dims...),
	})
}

func (s *sketch) transposed(name string, x *ir.Node) *ir.Node {
	d := x.Shape.Dimensions
	return s.add(name, node(compute.OpTypeTranspose, ir.Permutation{1, 0}, []int{d[1], d[0]}, x))
}

// Operations with short names.
const (
	opExp, opAdd, opMul, opSub = compute.OpTypeExp, compute.OpTypeAdd, compute.OpTypeMul, compute.OpTypeSub
)

// TestDecide: which values stand in memory, and which of them one loop computes. Parameters always stand there.
func TestDecide(t *testing.T) {
	for _, c := range []struct {
		name   string
		build  func(s *sketch) []*ir.Node // the outputs
		stored []string
		groups [][]string
	}{
		{"a chain is one loop", func(s *sketch) []*ir.Node {
			x := s.param("x", 64, 96)
			return []*ir.Node{s.each("c", opExp, s.each("b", opMul, s.each("a", opAdd, x, x), x))}
		}, []string{"x", "c"}, [][]string{{"c"}}},

		{"what is cheap is computed twice, in one loop of two results", func(s *sketch) []*ir.Node {
			x := s.param("x", 64, 96)
			a := s.each("a", opAdd, x, x)
			return []*ir.Node{s.each("b", opMul, a, x), s.each("c", opSub, a, x)}
		}, []string{"x", "b", "c"}, [][]string{{"b", "c"}}},

		{"what is costly is stored, where loops of other levels need it", func(s *sketch) []*ir.Node {
			x := s.param("x", 64, 96)
			a := s.each("a", opExp, x)
			columns := s.sum("columns", s.transposed("t", a), 1) // of 64 × 96 in the other order, which is moved for it
			return []*ir.Node{s.each("b", opMul, a, s.spread("s", columns, []int{1}, 64, 96))}
		}, []string{"x", "a", "t", "columns", "b"}, [][]string{{"a"}, {"columns"}, {"b"}}},

		{"sums of rows stay in the loop of who uses them", func(s *sketch) []*ir.Node {
			x := s.param("x", 64, 96)
			rows := s.sum("rows", x, 1)
			return []*ir.Node{s.each("b", opSub, x, s.spread("s", rows, []int{0}, 64, 96))}
		}, []string{"x", "b"}, [][]string{{"b"}}},

		{"and so do sums of what came of them", func(s *sketch) []*ir.Node {
			x := s.param("x", 64, 96)
			b := s.each("b", opSub, x, s.spread("s", s.sum("rows", x, 1), []int{0}, 64, 96))
			return []*ir.Node{s.each("c", opMul, b, s.spread("s2", s.sum("rows2", b, 1), []int{0}, 64, 96))}
		}, []string{"x", "c"}, [][]string{{"c"}}},

		{"sums of short rows are stored", func(s *sketch) []*ir.Node {
			x := s.param("x", 64, minRow-1)
			rows := s.sum("rows", x, 1)
			return []*ir.Node{s.each("b", opSub, x, s.spread("s", rows, []int{0}, 64, minRow-1))}
		}, []string{"x", "rows", "b"}, [][]string{{"rows"}, {"b"}}},

		{"a shape that strides cannot express is stored below", func(s *sketch) []*ir.Node {
			x := s.param("x", 40, 30)
			flat := s.shaped("flat", s.transposed("t", s.each("a", opExp, x)), 1200)
			return []*ir.Node{s.each("b", opExp, flat)}
		}, []string{"x", "a", "t", "b"}, [][]string{{"a"}, {"b"}}},

		{"what loops would read with large strides is moved first", func(s *sketch) []*ir.Node {
			x, y := s.param("x", 96, 64), s.param("y", 64, 96)
			return []*ir.Node{s.each("b", opAdd, y, s.transposed("t", x))}
		}, []string{"x", "y", "t", "b"}, [][]string{{"b"}}},

		{"little of it is read as it is", func(s *sketch) []*ir.Node {
			x, y := s.param("x", 8, 6), s.param("y", 6, 8)
			return []*ir.Node{s.each("b", opAdd, y, s.transposed("t", x))}
		}, []string{"x", "y", "b"}, [][]string{{"b"}}},

		{"an output that others use is stored, and theirs is one loop with it", func(s *sketch) []*ir.Node {
			x := s.param("x", 64, 96)
			a := s.each("a", opExp, x)
			return []*ir.Node{a, s.each("b", opMul, a, x)}
		}, []string{"x", "a", "b"}, [][]string{{"a", "b"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &sketch{names: map[*ir.Node]string{}}
			s.Outputs = c.build(s)
			f := decide(&s.Func)
			var stored []string
			for _, n := range s.Nodes {
				if f.stored[n] || n.Op == compute.OpTypeParameter {
					stored = append(stored, s.names[n])
				}
			}
			if !slices.Equal(stored, c.stored) {
				t.Errorf("stored are %v, want %v", stored, c.stored)
			}
			var groups [][]string
			for _, g := range f.groups() {
				var roots []string
				for _, n := range g.roots {
					roots = append(roots, s.names[n])
				}
				groups = append(groups, roots)
			}
			if !slices.EqualFunc(groups, c.groups, slices.Equal[[]string]) {
				t.Errorf("loops are %v, want %v", groups, c.groups)
			}
		})
	}
}
