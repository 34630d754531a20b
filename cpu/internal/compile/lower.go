package compile

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/pkg/errors"

	"mgd3/cpu/internal/conv"
	"mgd3/cpu/internal/gemm"
	"mgd3/cpu/internal/ir"
	"mgd3/cpu/internal/memory"
	"mgd3/cpu/internal/plain"
)

// readsView reports whether the kernel of n can read its i-th input through the view.
func readsView(n *ir.Node, i int, v view) bool {
	switch n.Op {
	case opProduct:
		return !hasNegative(v.strides) && (v.strides[2] <= 1 || v.strides[1] <= 1)
	case opConv:
		return i == 1
	case compute.OpTypeFusedScaledDotProductAttention:
		return i < 3 && isFloat(n.In[0]) && v.strides[3] == 1 && !hasNegative(v.strides)
	}
	return false
}

func hasNegative(strides []int) bool {
	return slices.ContainsFunc(strides, func(s int) bool { return s < 0 })
}

// lower makes the ops of all stored values that no loop computes.
func (c *compiler) lower() {
	outputs := map[*ir.Node][]*ir.Node{} // of operations with several
	for _, n := range c.f.Nodes {
		if n.Op == ir.OpOutput {
			outputs[n.In[0]] = append(outputs[n.In[0]], n)
		}
	}
	for _, n := range c.f.Nodes {
		if !c.fusion.stored[n] || isLoop(n) {
			continue
		}
		var o *op
		switch n.Op {
		case compute.OpTypeParameter, compute.OpTypeConstant, compute.OpTypeCapturedValue, ir.OpOutput:
			continue
		case opProduct:
			o = c.productOp(n)
		case opConv:
			o = c.convOp(n)
		case opKernelGradient:
			o = c.kernelGradientOp(n)
		case compute.OpTypeReduceWindow:
			o = c.poolOp(n)
		case compute.OpTypeSelectAndScatterMax, compute.OpTypeSelectAndScatterMin:
			o = c.poolGradientOp(n)
		case compute.OpTypeConcatenate:
			o = c.concatOp(n)
		case compute.OpTypePad:
			o = c.padOp(n)
		case compute.OpTypeFusedScaledDotProductAttention:
			o = c.attentionOp(n, outputs[n])
		case compute.OpTypeFusedScaledDotProductAttentionVJP:
			o = c.attentionGradientOp(n, outputs[n])
		default:
			if isMovement(n) {
				o = c.moveOp(n)
			}
		}
		if o == nil {
			o = c.plainOp(n, outputs[n])
		}
		o.order = n.ID
		if o.defs == nil {
			o.defs = []*ir.Node{n}
		}
		c.ops = append(c.ops, o)
	}
}

// read is how an op finds an input in a frame: the buffer of a value, and a view of it.
func (c *compiler) read(n *ir.Node) view {
	v, ok := c.fusion.view(n)
	if !ok || !c.fusion.stored[v.of] {
		base := c.fusion.base(n)
		return view{of: base, dims: n.Shape.Dimensions, strides: rowMajor(n.Shape.Dimensions)}
	}
	return v
}

// from returns the elements of the view's value in a frame, from its first one on.
func (p *Plan) from(fr *frame, v view) []float32 {
	return floats(fr.mem[p.buffer[v.of]])[v.offset:]
}

// packedKey names a packed copy of a weight in its cache.
type packedKey struct {
	kind    string
	dims    [4]int
	strides [4]int
	offset  int
	form    conv.Geometry
}

func keyOf(kind string, v view, form conv.Geometry) packedKey {
	k := packedKey{kind: kind, offset: v.offset, form: form}
	copy(k.dims[:], v.dims)
	copy(k.strides[:], v.strides)
	return k
}

// productOp is a batch of matrix products. A parameter on the right is packed once.
func (c *compiler) productOp(n *ir.Node) *op {
	a, b := c.read(n.In[0]), c.read(n.In[1])
	dims := n.Shape.Dimensions
	s := gemm.Shape{Batch: dims[0], M: dims[1], N: dims[2], K: a.dims[2]}
	la := gemm.Layout{Batch: a.strides[0], Row: a.strides[1], Col: a.strides[2]}
	lb := gemm.Layout{Batch: b.strides[0], Row: b.strides[2], Col: b.strides[1]}
	if s.Batch == 1 {
		la.Batch, lb.Batch = 0, 0
	}
	lc := gemm.Layout{Batch: s.M * s.N, Row: s.N, Col: 1}
	weight := b.of.Op == compute.OpTypeParameter && lb.Batch == 0
	o := &op{name: "product", uses: []*ir.Node{a.of, b.of}, block: s.N,
		flops: 2 * float64(s.Batch) * float64(s.M) * float64(s.N) * float64(s.K)}
	o.scratch = gemm.New(s, la, lb, lc, gemm.Options{}).Scratch(c.workers)
	if weight {
		o.scratch = max(o.scratch, gemm.New(s, la, lb, lc, gemm.Options{PackedB: true}).Scratch(c.workers))
	}
	var key any = keyOf("product", b, conv.Geometry{}) // made an interface once: Derived takes one
	o.make = func(p *Plan, done func(lo, hi, worker int)) runner {
		plainB := gemm.New(s, la, lb, lc, gemm.Options{Done: done})
		packedB := plainB
		if weight {
			packedB = gemm.New(s, la, lb, lc, gemm.Options{Done: done, PackedB: true})
		}
		var fr *frame
		pack := func() any {
			packed := memory.Floats(gemm.PackedSize(s.N, s.K))
			gemm.PackBTeam(fr.team, packed, p.from(fr, b), s.N, s.K, lb.Row, lb.Col)
			return packed
		}
		return func(f *frame, scratch []float32) error {
			fr = f
			out := floats(fr.mem[p.buffer[n]])
			if cache := fr.caches[p.buffer[b.of]]; weight && cache != nil {
				if packed, ok := cache.Derived(key, 4*int64(gemm.PackedSize(s.N, s.K)), pack); ok {
					packedB.Run(fr.team, out, p.from(fr, a), packed.([]float32), scratch)
					return nil
				}
			}
			plainB.Run(fr.team, out, p.from(fr, a), p.from(fr, b), scratch)
			return nil
		}
	}
	return o
}

// outputOf returns the i-th output of an operation, or nil if nobody reads it.
func outputOf(outputs []*ir.Node, i int) *ir.Node {
	for _, x := range outputs {
		if int(x.Attr.(ir.Index)) == i {
			return x
		}
	}
	return nil
}

// all returns the elements of a value in a frame; nil of none.
func (p *Plan) all(fr *frame, n *ir.Node) []float32 {
	if n == nil {
		return nil
	}
	return floats(fr.mem[p.buffer[n]])
}

// plainOp evaluates n as package plain does.
func (c *compiler) plainOp(n *ir.Node, outputs []*ir.Node) *op {
	o := &op{name: "plain " + n.Op.String()}
	for _, in := range n.In {
		o.uses = append(o.uses, c.fusion.base(in))
	}
	if len(n.Outs) > 0 {
		o.defs = append([]*ir.Node{}, outputs...)
	}
	o.make = func(p *Plan, _ func(lo, hi, worker int)) runner {
		in, out := make([]ir.Tensor, len(n.In)), make([]ir.Tensor, max(1, len(n.Outs)))
		for i, x := range n.In {
			in[i].Shape = x.Shape
		}
		for i, shape := range n.Outs {
			out[i] = ir.Tensor{Shape: shape, Flat: dtypes.MakeAnySlice(shape.DType, shape.Size())} // if nobody wants it
		}
		return func(fr *frame, _ []float32) error {
			for i, x := range n.In {
				in[i].Flat = flat(in[i], fr.mem[p.buffer[c.fusion.base(x)]])
			}
			if len(n.Outs) == 0 {
				out[0] = ir.Tensor{Shape: n.Shape}
				out[0].Flat = flat(out[0], fr.mem[p.buffer[n]])
			}
			for _, x := range outputs {
				i := x.Attr.(ir.Index)
				out[i].Flat = flat(out[i], fr.mem[p.buffer[x]])
			}
			return errors.WithMessage(plain.Eval(n, in, out), n.Op.String())
		}
	}
	return o
}
