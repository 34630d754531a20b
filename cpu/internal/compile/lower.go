package compile

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/pkg/errors"

	"mgd3/cpu/internal/attention"
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
				if packed, ok := cache.Derived(key, pack); ok {
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

func kernelLayout(v view) conv.KernelLayout {
	return conv.KernelLayout{Out: v.strides[0], In: v.strides[1], H: v.strides[2], W: v.strides[3]}
}

func convFlops(g conv.Geometry) float64 {
	return 2 * float64(g.Batch) * float64(g.OutH*g.OutW) * float64(g.OutC) * float64(g.InC/g.Groups*g.KH*g.KW) / float64(g.InDilH*g.InDilW)
}

// keepPacked is the number of outputs up to which the packed kernel of a convolution is kept. For more it is packed
// for each run: that takes less than a tenth of the time of the convolution, and Winograd's form of a
// kernel is four times as large as the kernel.
const keepPacked = 64*64 - 1

// convOp is a convolution. The kernel is packed once, or each time in scratch memory.
func (c *compiler) convOp(n *ir.Node) *op {
	g := n.Attr.(conv.Geometry)
	x, k := c.read(n.In[0]), c.read(n.In[1])
	layout := kernelLayout(k)
	// The kernel may be read backwards: its slice starts at the value's first element.
	layout.Base = k.offset
	f := conv.NewForward(g, layout, conv.Options{PackedKernel: true})
	packedSize := f.PackedSize()
	keep := g.Batch*g.OutH*g.OutW <= keepPacked
	o := &op{name: "conv " + f.Algorithm(), uses: []*ir.Node{x.of, k.of}, block: g.OutC, flops: convFlops(g)}
	o.scratch = packedSize + f.Scratch(c.workers)
	var key any = keyOf("conv", k, g)
	o.make = func(p *Plan, done func(lo, hi, worker int)) runner {
		f := conv.NewForward(g, layout, conv.Options{PackedKernel: true, Done: done})
		var fr *frame
		pack := func() any {
			packed := memory.Floats(packedSize)
			f.Pack(fr.team, packed, floats(fr.mem[p.buffer[k.of]]))
			return packed
		}
		return func(now *frame, scratch []float32) error {
			fr = now
			packed := scratch[:packedSize]
			cached := false
			if cache := fr.caches[p.buffer[k.of]]; keep && cache != nil {
				var kept any
				if kept, cached = cache.Derived(key, pack); cached {
					packed = kept.([]float32)
				}
			}
			if !cached {
				f.Pack(fr.team, packed, floats(fr.mem[p.buffer[k.of]]))
			}
			f.Run(fr.team, floats(fr.mem[p.buffer[n]]), p.from(fr, x), packed, scratch[packedSize:])
			return nil
		}
	}
	return o
}

// kernelGradientOp is the gradient of a convolution by its kernel.
func (c *compiler) kernelGradientOp(n *ir.Node) *op {
	g := n.Attr.(conv.Geometry)
	x, dy := c.read(n.In[0]), c.read(n.In[1])
	layout := conv.OIHW(g.InC, g.KH, g.KW)
	f := conv.NewKernelGrad(g, layout, conv.Options{})
	o := &op{name: "conv kernel gradient " + f.Algorithm(), uses: []*ir.Node{x.of, dy.of},
		scratch: f.Scratch(c.workers), flops: convFlops(g)}
	o.make = func(p *Plan, _ func(lo, hi, worker int)) runner {
		f := conv.NewKernelGrad(g, layout, conv.Options{})
		return func(fr *frame, scratch []float32) error {
			f.Run(fr.team, floats(fr.mem[p.buffer[n]]), p.from(fr, x), p.from(fr, dy), scratch)
			return nil
		}
	}
	return o
}

// window is the geometry of a channels-last window over two dimensions, if a is one.
func window(a ir.Window, in, out []int) (g conv.Geometry, ok bool) {
	if len(in) != 4 || a.Dims[0] != 1 || a.Dims[3] != 1 || in[0] != out[0] || in[3] != out[3] || product(in) == 0 ||
		product(out) == 0 ||
		a.InputDilations[0] != 1 || a.InputDilations[3] != 1 {
		return g, false
	}
	return conv.Geometry{
		Batch: in[0], InH: in[1], InW: in[2], InC: in[3], OutH: out[1], OutW: out[2], OutC: in[3], KH: a.Dims[1],
		KW:      a.Dims[2],
		StrideH: a.Strides[1], StrideW: a.Strides[2], PadTop: a.Paddings[1][0], PadLeft: a.Paddings[2][0],
		InDilH: a.InputDilations[1], InDilW: a.InputDilations[2], KerDilH: a.WindowDilations[1],
		KerDilW: a.WindowDilations[2], Groups: 1,
	}, true
}

// poolOp reduces windows; nil if they are not over two dimensions of channels-last floats.
func (c *compiler) poolOp(n *ir.Node) *op {
	a := n.Attr.(ir.Window)
	g, ok := window(a, n.In[0].Shape.Dimensions, n.Shape.Dimensions)
	kind, known := map[compute.ReduceOpType]conv.PoolOp{
		compute.ReduceOpSum: conv.PoolSum, compute.ReduceOpMax: conv.PoolMax,
		compute.ReduceOpMin: conv.PoolMin}[a.Reduce]
	if !ok || !known || !isFloat(n) {
		return nil
	}
	x := c.read(n.In[0])
	o := &op{name: "pool", uses: []*ir.Node{x.of}, flops: float64(n.Shape.Size() * g.KH * g.KW)}
	o.make = func(p *Plan, _ func(lo, hi, worker int)) runner {
		f := conv.NewPool(g, kind, 1)
		return func(fr *frame, _ []float32) error {
			f.Run(fr.team, floats(fr.mem[p.buffer[n]]), p.from(fr, x))
			return nil
		}
	}
	return o
}

// poolGradientOp is select and scatter; nil if not over two dimensions of channels-last floats.
func (c *compiler) poolGradientOp(n *ir.Node) *op {
	a := n.Attr.(ir.Window)
	g, ok := window(a, n.In[0].Shape.Dimensions, n.In[1].Shape.Dimensions)
	if !ok || !isFloat(n) || g.InDilH*g.InDilW*g.KerDilH*g.KerDilW != 1 {
		return nil
	}
	kind := conv.PoolMax
	if n.Op == compute.OpTypeSelectAndScatterMin {
		kind = conv.PoolMin
	}
	x, dy := c.read(n.In[0]), c.read(n.In[1])
	o := &op{name: "pool gradient", uses: []*ir.Node{x.of, dy.of}, flops: float64(n.In[1].Shape.Size() * g.KH * g.KW)}
	o.make = func(p *Plan, _ func(lo, hi, worker int)) runner {
		f := conv.NewPoolGrad(g, kind)
		return func(fr *frame, _ []float32) error {
			f.Run(fr.team, floats(fr.mem[p.buffer[n]]), p.from(fr, x), p.from(fr, dy))
			return nil
		}
	}
	return o
}

// heads are the shape of attention without masks and the layout of a tensor of the given strides.
func heads(a ir.Attention, q, k []int) (s attention.Shape, at func(strides []int) attention.Layout) {
	heads, seq := a.Layout.HeadsAxis(), a.Layout.SeqAxis()
	s = attention.Shape{Batch: q[0], Heads: q[heads], KVHeads: k[heads], Q: q[seq], KV: k[seq], Dim: q[3]}
	return s, func(strides []int) attention.Layout {
		return attention.Layout{Batch: strides[0], Head: strides[heads], Token: strides[seq]}
	}
}

func attentionFlops(s attention.Shape) float64 {
	return 2 * float64(s.Batch*s.Heads) * float64(s.Q) * float64(s.KV) * float64(s.Dim)
}

func hasMask(a ir.Attention) bool { return a.HasMask || a.HasBias || a.HasLengths }

// attentionOp is attention without masks; nil if it has some.
func (c *compiler) attentionOp(n *ir.Node, outputs []*ir.Node) *op {
	a := n.Attr.(ir.Attention)
	if !isFloat(n.In[0]) || hasMask(a) {
		return nil
	}
	q, k, v := c.read(n.In[0]), c.read(n.In[1]), c.read(n.In[2])
	s, at := heads(a, q.dims, k.dims)
	l := attention.Layouts{Q: at(q.strides), K: at(k.strides), V: at(v.strides), Out: at(rowMajor(q.dims))}
	options := attention.Options{Scale: a.Scale, Causal: a.Causal}
	o := &op{name: "attention", defs: outputs, uses: []*ir.Node{q.of, k.of, v.of}, flops: 2 * attentionFlops(s)}
	out, stats := outputOf(outputs, 0), outputOf(outputs, 1)
	o.scratch = attention.New(s, l, options).Scratch(c.workers)
	spare := 0 // for an output that nobody wants
	if out == nil {
		spare = n.In[0].Shape.Size()
	}
	scratch := o.scratch
	o.scratch += spare
	o.make = func(p *Plan, _ func(lo, hi, worker int)) runner {
		f := attention.New(s, l, options)
		return func(fr *frame, mem []float32) error {
			in := attention.Inputs{Q: p.from(fr, q), K: p.from(fr, k), V: p.from(fr, v)}
			y := mem[scratch:]
			if out != nil {
				y = p.all(fr, out)
			}
			f.Run(fr.team, y, p.all(fr, stats), in, mem[:scratch])
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

// attentionGradientOp is the gradient of attention without masks, if all three are wanted; else nil.
func (c *compiler) attentionGradientOp(n *ir.Node, outputs []*ir.Node) *op {
	a := n.Attr.(ir.Attention)
	if !isFloat(n.In[0]) || hasMask(a) || len(outputs) != 3 {
		return nil
	}
	var in [6]*ir.Node // q, k, v, out, stats, the gradient of out
	for i, x := range n.In {
		in[i] = c.fusion.base(x)
	}
	q, k := n.In[0].Shape.Dimensions, n.In[1].Shape.Dimensions
	s, at := heads(a, q, k)
	l := attention.Layouts{Q: at(rowMajor(q)), K: at(rowMajor(k)), V: at(rowMajor(k)), Out: at(rowMajor(q))}
	options := attention.Options{Scale: a.Scale, Causal: a.Causal}
	grads := [3]*ir.Node{outputOf(outputs, 0), outputOf(outputs, 1), outputOf(outputs, 2)}
	o := &op{name: "attention gradient", defs: outputs, uses: in[:], flops: 5 * attentionFlops(s)}
	o.scratch = attention.NewGradient(s, l, options).Scratch(c.workers)
	o.make = func(p *Plan, _ func(lo, hi, worker int)) runner {
		g := attention.NewGradient(s, l, options)
		return func(fr *frame, scratch []float32) error {
			g.Run(fr.team, attention.Gradients{DQ: p.all(fr, grads[0]), DK: p.all(fr, grads[1]),
				DV: p.all(fr, grads[2])},
				attention.Inputs{Q: p.all(fr, in[0]), K: p.all(fr, in[1]), V: p.all(fr, in[2])},
				p.all(fr, in[3]), p.all(fr, in[5]), p.all(fr, in[4]), scratch)
			return nil
		}
	}
	return o
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
