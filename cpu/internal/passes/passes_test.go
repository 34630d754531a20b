package passes

import (
	"reflect"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"mgd3/cpu/internal/ir"
)

// graph builds functions by hand.
type graph struct{ ir.Func }

func (g *graph) node(op compute.OpType, shape shapes.Shape, attr any, in ...*ir.Node) *ir.Node {
	n := &ir.Node{ID: len(g.Nodes), Op: op, Shape: shape, Attr: attr, In: in}
	g.Nodes = append(g.Nodes, n)
	return n
}

func (g *graph) param(dims ...int) *ir.Node {
	n := g.node(compute.OpTypeParameter, f32(dims...), ir.Param{Index: len(g.Params)})
	g.Params = append(g.Params, n)
	return n
}

func (g *graph) constant(x ...float32) *ir.Node {
	return g.node(compute.OpTypeConstant, f32(len(x)), ir.Const{Flat: x})
}

func (g *graph) returns(outputs ...*ir.Node) *ir.Func {
	g.Outputs = outputs
	return &g.Func
}

func f32(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }

// check checks that f has the operations, numbered in order, inputs first.
func check(t *testing.T, f *ir.Func, want ...compute.OpType) {
	t.Helper()
	var have []compute.OpType
	for i, n := range f.Nodes {
		have = append(have, n.Op)
		if n.ID != i {
			t.Errorf("node %d has number %d", i, n.ID)
		}
		for _, in := range n.In {
			if in.ID >= i || f.Nodes[in.ID] != in {
				t.Errorf("node %d reads a node that is not before it", i)
			}
		}
	}
	for _, n := range f.Outputs {
		if f.Nodes[n.ID] != n {
			t.Error("an output is not a node of the function")
		}
	}
	if !slices.Equal(have, want) {
		t.Errorf("have %v, want %v", have, want)
	}
}

const (
	parameter = compute.OpTypeParameter
	literal   = compute.OpTypeConstant
	add       = compute.OpTypeAdd
	mul       = compute.OpTypeMul
	exp       = compute.OpTypeExp
	spread    = compute.OpTypeBroadcastInDim
)

func TestDead(t *testing.T) {
	g := &graph{}
	x, unused := g.param(3), g.param(3)
	g.node(add, f32(3), nil, x, unused)
	y := g.node(exp, f32(3), nil, x)
	f := g.returns(y)
	Dead(f)
	check(t, f, parameter, parameter, exp)
}

func TestDeadKeepsWhatTheOutputOfAnOperationNeeds(t *testing.T) {
	g := &graph{}
	x := g.param(3)
	both := g.node(ir.OpMoments, shapes.Invalid(), ir.Axes{0}, x)
	both.Outs = []shapes.Shape{f32(), f32()}
	g.node(ir.OpOutput, f32(), ir.Index(0), both)
	f := g.returns(g.node(ir.OpOutput, f32(), ir.Index(1), both))
	Dead(f)
	check(t, f, parameter, ir.OpMoments, ir.OpOutput)
}

func TestFold(t *testing.T) {
	g := &graph{}
	x := g.param(3)
	sum := g.node(add, f32(3), nil, g.constant(1, 2, 3), g.constant(10, 20, 30))
	twice := g.node(add, f32(3), nil, sum, sum)
	f := g.returns(g.node(mul, f32(3), nil, x, twice))
	Fold(f)
	Dead(f)
	check(t, f, parameter, literal, mul)
	if got := f.Nodes[1].Attr.(ir.Const).Flat; !reflect.DeepEqual(got, []float32{22, 44, 66}) {
		t.Errorf("folded to %v", got)
	}
}

func TestFoldLeavesAlone(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(g *graph) *ir.Node
		want  []compute.OpType
	}{
		{"what is rounded in ways of its own", func(g *graph) *ir.Node {
			return g.node(exp, f32(2), nil, g.constant(1, 2))
		}, []compute.OpType{literal, exp}},
		{"broadcasts", func(g *graph) *ir.Node {
			return g.node(spread, f32(5, 2), ir.Broadcast{Axes: []int{1}}, g.constant(1, 2))
		}, []compute.OpType{literal, spread}},
		{"iotas", func(g *graph) *ir.Node {
			return g.node(compute.OpTypeIota, f32(5), ir.Axis(0))
		}, []compute.OpType{compute.OpTypeIota}},
		{"large values", func(g *graph) *ir.Node {
			big := g.node(spread, f32(1<<20, 2), ir.Broadcast{Axes: []int{1}}, g.constant(1, 2))
			return g.node(compute.OpTypeNeg, f32(1<<20, 2), nil, big)
		}, []compute.OpType{literal, spread, compute.OpTypeNeg}},
		{"barriers", func(g *graph) *ir.Node {
			return g.node(compute.OpTypeOptimizationBarrier, f32(2), nil, g.constant(1, 2))
		}, []compute.OpType{literal, compute.OpTypeOptimizationBarrier}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &graph{}
			f := g.returns(c.build(g))
			All(f)
			check(t, f, c.want...)
		})
	}
}

// What an iota is used for is folded even though the iota is not, and a value that is the same everywhere stays small.
func TestFoldThroughCheapOnes(t *testing.T) {
	g := &graph{}
	i := g.node(compute.OpTypeIota, f32(4), ir.Axis(0))
	f := g.returns(g.node(mul, f32(4), nil, i, i))
	All(f)
	check(t, f, literal)
	if got := f.Nodes[0].Attr.(ir.Const).Flat; !reflect.DeepEqual(got, []float32{0, 1, 4, 9}) {
		t.Errorf("folded to %v", got)
	}

	g = &graph{}
	ones := g.node(spread, f32(2, 2), ir.Broadcast{Axes: []int{1}}, g.constant(1, 1))
	f = g.returns(g.node(add, f32(2, 2), nil, ones, ones))
	All(f)
	check(t, f, literal, spread)
	if got := f.Nodes[0].Attr.(ir.Const).Flat; !reflect.DeepEqual(got, []float32{2}) {
		t.Errorf("folded to %v everywhere", got)
	}
}

func TestCommon(t *testing.T) {
	g := &graph{}
	x := g.param(3)
	a := g.node(add, f32(3), nil, x, g.constant(1, 2, 3))
	b := g.node(add, f32(3), nil, x, g.constant(1, 2, 3))
	c := g.node(add, f32(3), nil, x, g.constant(1, 2, 4))
	f := g.returns(g.node(mul, f32(3), nil, a, b), g.node(mul, f32(3), nil, b, c), a, b)
	All(f)
	check(t, f, parameter, literal, add, literal, add, mul, mul)
	if f.Outputs[2] != f.Outputs[3] {
		t.Error("two outputs that are equal are two nodes")
	}
}

func TestCommonTellsApart(t *testing.T) {
	g := &graph{}
	x := g.param(3, 3)
	f := g.returns(
		g.node(compute.OpTypeReduceSum, f32(3), ir.Axes{0}, x), g.node(compute.OpTypeReduceSum, f32(3), ir.Axes{1}, x),
		g.node(compute.OpTypeReshape, f32(9), nil, x), g.node(compute.OpTypeReshape, f32(1, 9), nil, x),
		g.node(compute.OpTypeConvertDType, shapes.Make(dtypes.Int8, 3, 3), nil, x),
		g.node(compute.OpTypeConvertDType, shapes.Make(dtypes.Int16, 3, 3), nil, x))
	before := len(f.Nodes)
	All(f)
	if len(f.Nodes) != before {
		t.Errorf("%d different nodes became %d", before, len(f.Nodes))
	}
}

// The captured values of a closure follow their nodes.
func TestReplacedInCaptured(t *testing.T) {
	g := &graph{}
	x := g.param()
	a, b := g.node(exp, f32(), nil, x), g.node(exp, f32(), nil, x)
	closure := &ir.Func{Captured: []*ir.Node{b}}
	op := g.node(compute.OpTypeIf, shapes.Invalid(), ir.Branches{Funcs: []*ir.Func{closure, {}}}, x, b)
	op.Outs = []shapes.Shape{f32()}
	f := g.returns(a, g.node(ir.OpOutput, f32(), ir.Index(0), op))
	All(f)
	check(t, f, parameter, exp, compute.OpTypeIf, ir.OpOutput)
	if closure.Captured[0] != f.Nodes[1] {
		t.Error("the closure captures a node that is gone")
	}
}

// TestJoin: three parts padded with zeros to one value are a concatenation, in the order of their places.
func TestJoin(t *testing.T) {
	for _, c := range []struct {
		name   string
		starts [3]int // of the parts, of two rows each
		rows   int
		fill   float32
		want   []compute.OpType
	}{
		{"in order", [3]int{0, 2, 4}, 6, 0, []compute.OpType{compute.OpTypeConcatenate}},
		{"in another order", [3]int{4, 0, 2}, 6, 0, []compute.OpType{compute.OpTypeConcatenate}},
		{"one over another", [3]int{0, 1, 4}, 6, 0, sumOfPads},
		{"a row between", [3]int{0, 2, 5}, 7, 0, sumOfPads},
		{"a row after", [3]int{0, 2, 4}, 7, 0, sumOfPads},
		{"padded with ones", [3]int{0, 2, 4}, 6, 1, sumOfPads},
	} {
		t.Run(c.name, func(t *testing.T) {
			var g graph
			parts := []*ir.Node{g.param(3, 2, 5), g.param(3, 2, 5), g.param(3, 2, 5)}
			fill := g.node(compute.OpTypeConstant, f32(), ir.Const{Flat: []float32{c.fill}})
			var sum *ir.Node
			for i, x := range parts {
				pad := g.node(compute.OpTypePad, f32(3, c.rows, 5),
					ir.Pad{{}, {Start: c.starts[i], End: c.rows - 2 - c.starts[i]}, {}}, x, fill)
				if sum == nil {
					sum = pad
					continue
				}
				sum = g.node(compute.OpTypeAdd, pad.Shape, nil, sum, pad)
			}
			f := g.returns(sum)
			All(f)
			want := []compute.OpType{compute.OpTypeParameter, compute.OpTypeParameter, compute.OpTypeParameter}
			check(t, f, append(want, c.want...)...)
			out := f.Outputs[0]
			if out.Op != compute.OpTypeConcatenate {
				return
			}
			if out.Attr != ir.Axis(1) || !out.Shape.Equal(f32(3, c.rows, 5)) {
				t.Errorf("a concatenation %s along %v", out.Shape, out.Attr)
			}
			for i, x := range parts {
				if out.In[c.starts[i]/2] != x {
					t.Errorf("part %d is not in its place", i)
				}
			}
		})
	}
}

var sumOfPads = []compute.OpType{compute.OpTypeConstant, compute.OpTypePad, compute.OpTypePad, compute.OpTypeAdd,
	compute.OpTypePad, compute.OpTypeAdd}
