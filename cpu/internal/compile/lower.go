package compile

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/pkg/errors"

	"mgd3/cpu/internal/conv"
	"mgd3/cpu/internal/gemm"
	"mgd3/cpu/internal/ir"
	"mgd3/cpu/internal/kernel"
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
	weight, half := c.fusion.halfWeight(n)
	if half {
		b = weight
	}
	m := &matmul{n: n, a: a, b: b}
	dims := n.Shape.Dimensions
	m.s = gemm.Shape{Batch: dims[0], M: dims[1], N: dims[2], K: a.dims[2]}
	m.la = gemm.Layout{Batch: a.strides[0], Row: a.strides[1], Col: a.strides[2]}
	m.lb = gemm.Layout{Batch: b.strides[0], Row: b.strides[2], Col: b.strides[1]}
	if m.s.Batch == 1 {
		m.la.Batch, m.lb.Batch = 0, 0
	}
	m.lc = gemm.Layout{Batch: m.s.M * m.s.N, Row: m.s.N, Col: 1}
	o := &op{name: "product", uses: []*ir.Node{a.of, b.of}, block: m.s.N,
		flops: 2 * float64(m.s.Batch) * float64(m.s.M) * float64(m.s.N) * float64(m.s.K)}
	m.key = keyOf("product", b, conv.Geometry{})
	pairs := c.multipliesPairs(n, m.lb)
	switch {
	case pairs && !half:
		m.pairsOfFloats(c, o)
	case half:
		m.half(c, o, pairs)
	default:
		m.float(c, o, b.of.Op == compute.OpTypeParameter && m.lb.Batch == 0)
	}
	return o
}

// matmul is one product to lower.
type matmul struct {
	n          *ir.Node
	a, b       view
	s          gemm.Shape
	la, lb, lc gemm.Layout
	key        any // of the packed weight; made an interface once: Derived takes one
}

// float multiplies matrices of float32; a weight is packed once.
func (m *matmul) float(c *compiler, o *op, weight bool) {
	o.scratch = gemm.New(m.s, m.la, m.lb, m.lc, gemm.Options{}).Scratch(c.workers)
	if weight {
		o.scratch = max(o.scratch, gemm.New(m.s, m.la, m.lb, m.lc, gemm.Options{PackedB: true}).Scratch(c.workers))
		m.readPacked(o)
	}
	size := 4 * gemm.PackedSize(m.s.N, m.s.K)
	o.make = func(p *Plan, done func(lo, hi, worker int)) runner {
		plainB := gemm.New(m.s, m.la, m.lb, m.lc, gemm.Options{Done: done})
		packedB := plainB
		if weight {
			packedB = gemm.New(m.s, m.la, m.lb, m.lc, gemm.Options{Done: done, PackedB: true})
		}
		w := m.packer(p, o, size)
		w.pack = func(packed, b []byte) {
			gemm.PackBTeam(w.fr.team, floats(packed), floats(b)[m.b.offset:], m.s.N, m.s.K, m.lb.Row, m.lb.Col)
		}
		w.unpack = func(b, packed []byte) {
			gemm.Unpack(floats(b), floats(packed), m.s.N, m.s.K, m.lb.Row, m.lb.Col)
		}
		return func(fr *frame, scratch []float32) error {
			out := floats(fr.mem[p.buffer[m.n]])
			if weight {
				if packed := w.get(fr); packed != nil {
					packedB.Run(fr.team, out, p.from(fr, m.a), floats(packed), scratch)
					return nil
				}
			}
			plainB.Run(fr.team, out, p.from(fr, m.a), p.from(fr, m.b), scratch)
			return nil
		}
	}
}

// half multiplies by a parameter in half precision, packed as it is, or as pairs.
func (m *matmul) half(c *compiler, o *op, pairs bool) {
	options, n := gemm.Options{Widen: kernel.F16ToF32}, gemm.PackedSize(m.s.N, m.s.K)
	pack, unpack := gemm.PackHalf, gemm.Unpack[uint16]
	switch {
	case pairs:
		options, n = gemm.Options{Pairs: true}, gemm.PairsSize(m.s.N, m.s.K)
		pack, unpack = gemm.PackPairs, gemm.UnpackPairs
		o.name, m.key = pairsName, keyOf(pairsName, m.b, conv.Geometry{})
	case isBF16(m.b.of):
		options.Widen = kernel.BF16ToF32
	}
	m.readPacked(o)
	own := (n + 1) / 2 // floats of scratch for a weight that cannot be kept packed
	o.scratch = own + gemm.New(m.s, m.la, m.lb, m.lc, options).Scratch(c.workers)
	o.make = func(p *Plan, done func(lo, hi, worker int)) runner {
		options := options
		options.Done = done
		product := gemm.New(m.s, m.la, m.lb, m.lc, options)
		w := m.packer(p, o, 2*n)
		w.pack = func(packed, b []byte) {
			pack(w.fr.team, halves(packed), halves(b)[m.b.offset:], m.s.N, m.s.K, m.lb.Row, m.lb.Col)
		}
		w.unpack = func(b, packed []byte) {
			unpack(halves(b), halves(packed), m.s.N, m.s.K, m.lb.Row, m.lb.Col)
		}
		return func(fr *frame, scratch []float32) error {
			packed := w.get(fr)
			if packed == nil {
				packed = dtypes.UnsafeByteSliceFromAny(scratch[:own])[:2*n]
				w.pack(packed, fr.mem[p.buffer[m.b.of]])
			}
			product.RunHalf(fr.team, floats(fr.mem[p.buffer[m.n]]), p.from(fr, m.a), halves(packed), scratch[own:])
			return nil
		}
	}
}

// readPacked says that o reads its weight packed, if what is packed is all of it: only then may the packed form replace
// the contents, see rearranged.go of package cpu.
func (m *matmul) readPacked(o *op) {
	whole := m.b.offset == 0 && m.s.N*m.s.K == m.b.of.Shape.Size() &&
		(m.lb.Col == 1 && m.lb.Row == m.s.N || m.lb.Row == 1 && m.lb.Col == m.s.K)
	if whole {
		o.weight, o.weightKey = m.b.of, m.key
	}
}

// packer gets the packed form of a weight.
type packer struct {
	fr           *frame
	key          any
	bytes        int
	buffer       int
	instead      bool
	pack, unpack func(dst, src []byte)
	derive       func() any
}

func (m *matmul) packer(p *Plan, o *op, bytes int) *packer {
	w := &packer{key: m.key, bytes: bytes, buffer: p.buffer[m.b.of]}
	if i := slices.Index(p.f.Params, m.b.of); o.weight != nil && i >= 0 {
		w.instead = p.packed[i] != nil
	}
	w.derive = func() any {
		packed := memory.Bytes(w.bytes)
		w.pack(packed, w.fr.mem[w.buffer])
		return packed
	}
	return w
}

// get returns the packed form in a frame, or nil if none can be kept.
func (w *packer) get(fr *frame) []byte {
	w.fr = fr
	cache := fr.caches[w.buffer]
	if cache == nil || w.bytes == 0 {
		return nil
	}
	if w.instead {
		if packed, ok := cache.Instead(w.key, w.bytes, w.pack, w.unpack); ok {
			return packed
		}
	}
	if packed, ok := cache.Derived(w.key, int64(w.bytes), w.derive); ok {
		return packed.([]byte)
	}
	return nil
}

// halfWeight returns how product n reads its right operand, if that is a parameter in half precision that is widened
// for it, and common to the batch.
func (f *fusion) halfWeight(n *ir.Node) (view, bool) {
	if n.Op != opProduct {
		return view{}, false
	}
	v, ok := f.view(n.In[1])
	if !ok || !isHalfParameter(v.of) || !readsView(n, 1, v) || v.dims[0] != 1 && v.strides[0] != 0 {
		return view{}, false
	}
	v.of = v.of.In[0]
	return v, true
}

// isHalfParameter reports whether n is a parameter of half precision, widened.
func isHalfParameter(n *ir.Node) bool {
	return n.Op == compute.OpTypeConvertDType && isFloat(n) && n.In[0].Op == compute.OpTypeParameter &&
		(isBF16(n.In[0]) || n.In[0].Shape.DType == dtypes.Float16)
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
