package compile

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"mgd3/cpu/internal/ir"
)

// Operations of the compiler's own.
const (
	// opProduct is C[b, i, j] = Σ_p A[b, i, p]·B[b, p, j], of A [b, i, p] and B [b, j, p].
	opProduct = ir.OpMoments + 1 + iota
	// opConv is a convolution of x [B, H, W, C] with a kernel [O, I, kh, kw] to [B, OH, OW, O]; Attr is conv.Geometry.
	opConv
	// opKernelGradient is its gradient by the kernel, [O, I, kh, kw], of x and the gradient [B, OH, OW, O].
	opKernelGradient
	// opRoundBF16 is float32 rounded to the numbers that bfloat16 has.
	opRoundBF16
)

// rewriter copies a function, with other operations in place of some.
type rewriter struct {
	to   map[*ir.Node]*ir.Node
	sums map[*ir.Node][]*ir.Node // sums by what they sum
}

// expand returns the live part of f, with fused operations taken apart into those that loops and products
// can do, and products and convolutions in the one form that is lowered. Nodes are numbered anew.
func expand(f *ir.Func) *ir.Func {
	r := &rewriter{to: map[*ir.Node]*ir.Node{}, sums: map[*ir.Node][]*ir.Node{}}
	needed := reachable(f.Outputs)
	for _, n := range slices.Concat(f.Params, f.Captures) {
		needed[n] = true
	}
	out := &ir.Func{Name: f.Name}
	listed := map[*ir.Node]bool{}
	for _, n := range f.Nodes {
		if !needed[n] {
			continue
		}
		c := *n
		c.In = make([]*ir.Node, len(n.In))
		for i, in := range n.In {
			c.In[i] = r.to[in]
		}
		r.to[n] = r.rewrite(&c)
		out.Nodes = appendInputsFirst(out.Nodes, r.to[n], listed)
	}
	pick := func(nodes []*ir.Node) []*ir.Node {
		var out []*ir.Node
		for _, n := range nodes {
			out = append(out, r.to[n])
		}
		return out
	}
	out.Params, out.Captures, out.Outputs = pick(f.Params), pick(f.Captures), pick(f.Outputs)
	needed = reachable(slices.Concat(out.Outputs, out.Params, out.Captures))
	out.Nodes = slices.DeleteFunc(out.Nodes, func(n *ir.Node) bool { return !needed[n] })
	for i, n := range out.Nodes {
		n.ID = i
	}
	return out
}

// reachable are the nodes that the given ones depend on, and themselves.
func reachable(roots []*ir.Node) map[*ir.Node]bool {
	seen := map[*ir.Node]bool{}
	stack := slices.Clone(roots)
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if !seen[n] {
			seen[n] = true
			stack = append(stack, n.In...)
		}
	}
	return seen
}

// appendInputsFirst adds n to the list, after those of its inputs that are not on it yet.
func appendInputsFirst(list []*ir.Node, n *ir.Node, listed map[*ir.Node]bool) []*ir.Node {
	if listed[n] {
		return list
	}
	listed[n] = true
	for _, in := range n.In {
		list = appendInputsFirst(list, in, listed)
	}
	return append(list, n)
}

// rewrite returns what takes the place of n, whose inputs are rewritten already.
func (r *rewriter) rewrite(n *ir.Node) *ir.Node {
	if len(n.Outs) > 0 {
		return n
	}
	f32 := n.Shape.DType == dtypes.Float32 && n.Shape.Size() > 0
	switch a := n.Attr.(type) {
	case ir.Axes:
		if f32 && isReduction(n) {
			return r.reduction(n, a)
		}
	case ir.Axis:
		if f32 && n.Op == compute.OpTypeFusedSoftmax {
			return r.softmax(n.In[0], int(a))
		}
	case ir.LayerNorm:
		if f32 {
			return r.layerNorm(n, a)
		}
	case ir.Dense:
		if f32 {
			return r.dense(n, a.Config)
		}
	case ir.Dot:
		if f32 && allFloat(n.In) {
			return r.product(n, a)
		}
	case ir.Conv:
		if f32 && allFloat(n.In) {
			if c := r.conv(n, a); c != nil {
				return c
			}
		}
	}
	return n
}

func allFloat(nodes []*ir.Node) bool {
	for _, n := range nodes {
		if !isFloat(n) || n.Shape.Size() == 0 {
			return false
		}
	}
	return true
}

// node makes a float32 node.
func node(op compute.OpType, attr any, dims []int, in ...*ir.Node) *ir.Node {
	return &ir.Node{Op: op, In: in, Attr: attr, Shape: shapes.Make(dtypes.Float32, dims...)}
}

func constant(x float32) *ir.Node {
	return node(compute.OpTypeConstant, ir.Const{Flat: []float32{x}}, nil)
}

func reshaped(n *ir.Node, dims []int) *ir.Node {
	if slices.Equal(n.Shape.Dimensions, dims) {
		return n
	}
	return node(compute.OpTypeReshape, nil, dims, n)
}

func transposed(n *ir.Node, perm []int) *ir.Node {
	identity := true
	dims := make([]int, len(perm))
	for i, p := range perm {
		dims[i] = n.Shape.Dimensions[p]
		identity = identity && i == p
	}
	if identity {
		return n
	}
	return node(compute.OpTypeTranspose, ir.Permutation(perm), dims, n)
}

// elementwise of nodes, the first of which has the shape of the result.
func same(op compute.OpType, in ...*ir.Node) *ir.Node {
	return node(op, nil, in[0].Shape.Dimensions, in...)
}

// reduction over axes that are not all at the end nor all before the last kept one takes two steps: first
// down the columns, then along the short rows that are left. A sum over more axes than another sum of the
// same values continues from that. Sums over the same values in another order differ in their last digits, so what is
// taken depends on the graph alone, never on the time or the machine.
func (r *rewriter) reduction(n *ir.Node, axes []int) *ir.Node {
	x := n.In[0]
	rank := x.Shape.Rank()
	if n.Op == compute.OpTypeReduceSum {
		for _, part := range r.sums[x] {
			if inner := part.Attr.(ir.Axes); len(inner) < len(axes) && subset(inner, axes) {
				return node(n.Op, renumbered(axes, inner), n.Shape.Dimensions, part)
			}
		}
	}
	tail := 0
	for tail < len(axes) && axes[len(axes)-1-tail] == rank-1-tail {
		tail++
	}
	if tail == 0 || tail == len(axes) {
		if n.Op == compute.OpTypeReduceSum {
			r.sums[x] = append(r.sums[x], n)
		}
		return n
	}
	outer := axes[:len(axes)-tail]
	var kept []int
	for i, d := range x.Shape.Dimensions {
		if !slices.Contains(outer, i) {
			kept = append(kept, d)
		}
	}
	first := node(n.Op, ir.Axes(slices.Clone(outer)), kept, x)
	return node(n.Op, renumbered(axes, outer), n.Shape.Dimensions, first)
}

func subset(a, b []int) bool {
	for _, x := range a {
		if !slices.Contains(b, x) {
			return false
		}
	}
	return true
}

// renumbered returns the axes that are not in gone, as they are numbered without those.
func renumbered(axes, gone []int) ir.Axes {
	var out ir.Axes
	for _, a := range axes {
		if slices.Contains(gone, a) {
			continue
		}
		shift := 0
		for _, g := range gone {
			if g < a {
				shift++
			}
		}
		out = append(out, a-shift)
	}
	return out
}

// reduced reduces x over axes, which stay with size 1.
func (r *rewriter) reduced(op compute.OpType, x *ir.Node, axes []int) *ir.Node {
	var kept []int
	keep := slices.Clone(x.Shape.Dimensions)
	for i, d := range x.Shape.Dimensions {
		if slices.Contains(axes, i) {
			keep[i] = 1
		} else {
			kept = append(kept, d)
		}
	}
	return reshaped(r.reduction(node(op, ir.Axes(axes), kept, x), axes), keep)
}

// softmax is exp(x − max) / Σ exp(x − max). The largest exponent is 0, so that no sum overflows.
func (r *rewriter) softmax(x *ir.Node, axis int) *ir.Node {
	e := same(compute.OpTypeExp, same(compute.OpTypeSub, x, r.reduced(compute.OpTypeReduceMax, x, []int{axis})))
	return same(compute.OpTypeDiv, e, r.reduced(compute.OpTypeReduceSum, e, []int{axis}))
}

// layerNorm is (x − mean) / √(variance + ε)·γ + β, with the variance as the mean of (x − mean)², in two passes over
// the row: mean(x²) − mean² loses all digits where the mean is large beside the spread.
func (r *rewriter) layerNorm(n *ir.Node, a ir.LayerNorm) *ir.Node {
	x, count := n.In[0], 1
	for _, axis := range a.Axes {
		count *= x.Shape.Dimensions[axis]
	}
	mean := func(y *ir.Node) *ir.Node {
		return same(compute.OpTypeMul, r.reduced(compute.OpTypeReduceSum, y, a.Axes), constant(1/float32(count)))
	}
	c := same(compute.OpTypeSub, x, mean(x))
	y := same(compute.OpTypeMul, c, same(compute.OpTypeRsqrt, same(compute.OpTypeAdd,
		mean(same(compute.OpTypeMul, c, c)), constant(float32(a.Epsilon)))))
	rest := n.In[1:]
	for _, has := range []struct {
		it bool
		op compute.OpType
	}{{a.HasGamma, compute.OpTypeMul}, {a.HasBeta, compute.OpTypeAdd}} {
		if has.it {
			dims := make([]int, x.Shape.Rank())
			for i, d := range x.Shape.Dimensions {
				dims[i] = 1
				if slices.Contains(a.Axes, i) {
					dims[i] = d
				}
			}
			y = same(has.op, y, reshaped(rest[0], dims))
			rest = rest[1:]
		}
	}
	return y
}

// dense is x·W + bias with an activation. x is [..., in]; W is [in, out], or [out, in] in the layout OutputsInput.
func (r *rewriter) dense(n *ir.Node, c compute.DenseConfig) *ir.Node {
	x, w := n.In[0], n.In[1]
	last := x.Shape.Rank() - 1
	a := ir.Dot{LHSContract: []int{last}, RHSContract: []int{0}}
	if c.WeightLayout == compute.DenseLayoutOutputsInput {
		a.RHSContract[0] = w.Shape.Rank() - 1
	}
	y := r.product(node(compute.OpTypeDotGeneral, a, n.Shape.Dimensions, x, w), a)
	if len(n.In) > 2 {
		bias := n.In[2]
		dims := slices.Clone(bias.Shape.Dimensions)
		for len(dims) < y.Shape.Rank() {
			dims = append([]int{1}, dims...)
		}
		y = same(compute.OpTypeAdd, y, reshaped(bias, dims))
	}
	return activation(c.Activation, y)
}

func activation(a compute.ActivationType, y *ir.Node) *ir.Node {
	switch a {
	case compute.ActivationRelu:
		return same(compute.OpTypeMax, y, constant(0))
	case compute.ActivationGelu:
		return node(compute.OpTypeFusedGelu, ir.Gelu{Exact: true}, y.Shape.Dimensions, y)
	case compute.ActivationSilu:
		return same(compute.OpTypeMul, y, same(compute.OpTypeLogistic, y))
	case compute.ActivationHardSwish: // x·min(max(x/6 + 1/2, 0), 1)
		gate := same(compute.OpTypeAdd, same(compute.OpTypeMul, y, constant(1./6)), constant(0.5))
		return same(compute.OpTypeMul, y, same(compute.OpTypeMin, same(compute.OpTypeMax, gate, constant(0)),
			constant(1)))
	case compute.ActivationTanh:
		return same(compute.OpTypeTanh, y)
	}
	return y
}

// product brings a general product into the form of opProduct.
func (r *rewriter) product(n *ir.Node, a ir.Dot) *ir.Node {
	x, xFree := matrices(n.In[0], a.LHSBatch, a.LHSContract)
	y, yFree := matrices(n.In[1], a.RHSBatch, a.RHSContract)
	batch, rows, cols := x.Shape.Dimensions[0], product(xFree), product(yFree)
	c := node(opProduct, nil, []int{batch, rows, cols}, x, y)
	return reshaped(c, n.Shape.Dimensions)
}

// matrices reads x as [batch, free, contracted]; free are the free dimensions.
func matrices(x *ir.Node, batch, contract []int) (m *ir.Node, free []int) {
	dims := x.Shape.Dimensions
	perm := slices.Clone(batch)
	sizes := [3]int{1, 1, 1}
	for _, i := range batch {
		sizes[0] *= dims[i]
	}
	for i, d := range dims {
		if !slices.Contains(batch, i) && !slices.Contains(contract, i) {
			perm = append(perm, i)
			free = append(free, d)
			sizes[1] *= d
		}
	}
	for _, i := range contract {
		perm = append(perm, i)
		sizes[2] *= dims[i]
	}
	return reshaped(transposed(x, perm), sizes[:]), free
}
