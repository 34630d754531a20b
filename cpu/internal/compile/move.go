package compile

import (
	"unsafe"

	"github.com/gomlx/compute/dtypes"

	"mgd3/cpu/internal/ir"
	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// mover copies a tensor of any type between two views of one shape.
type mover struct {
	dims     []int
	from, to []int // strides, in elements
	size     int   // bytes of an element
	parts    int   // pieces of the first dimension

	src, dst unsafe.Pointer // of the first elements
	part     func(part, worker int)
}

// newMover plans a copy. Dimensions that both walk through in one stride are merged.
func newMover(dims, from, to []int, size int) *mover {
	m := &mover{size: size}
	for i, d := range dims {
		if d == 1 {
			continue
		}
		if k := len(m.dims) - 1; k >= 0 && m.from[k] == from[i]*d && m.to[k] == to[i]*d {
			m.dims[k] *= d
			m.from[k], m.to[k] = from[i], to[i]
			continue
		}
		m.dims, m.from, m.to = append(m.dims, d), append(m.from, from[i]), append(m.to, to[i])
	}
	if len(m.dims) == 0 {
		m.dims, m.from, m.to = []int{1}, []int{1}, []int{1}
	}
	m.parts = max(1, min(m.dims[0], product(m.dims)/(1<<14)))
	m.part = m.runPart
	return m
}

// run copies from the element of src at offset from to that of dst at offset to.
func (m *mover) run(t *team.Team, dst []byte, to int, src []byte, from int) {
	if product(m.dims) == 0 {
		return
	}
	m.dst, m.src = unsafe.Pointer(&dst[to*m.size]), unsafe.Pointer(&src[from*m.size])
	t.For(m.parts, m.part)
	m.dst, m.src = nil, nil
}

func (m *mover) runPart(part, _ int) {
	lo, hi := part*m.dims[0]/m.parts, (part+1)*m.dims[0]/m.parts
	m.copy(0, hi-lo, unsafe.Add(m.dst, lo*m.to[0]*m.size), unsafe.Add(m.src, lo*m.from[0]*m.size))
}

// copy copies n places of dimension d and all of those after it.
func (m *mover) copy(d, n int, dst, src unsafe.Pointer) {
	rest := len(m.dims) - d
	switch {
	case rest == 1:
		m.row(n, m.to[d], m.from[d], dst, src)
		return
	case rest == 2 && m.size == 4 && m.from[d] == 1 && m.to[d+1] == 1 && m.from[d+1] > 0 && m.to[d] > 0:
		// A transposition: n columns of the source become rows.
		cols := m.dims[d+1]
		kernel.Transpose(unsafe.Slice((*float32)(dst), (n-1)*m.to[d]+cols), m.to[d],
			unsafe.Slice((*float32)(src), (cols-1)*m.from[d+1]+n), m.from[d+1], cols, n)
		return
	}
	for i := range n {
		m.copy(d+1, m.dims[d+1], unsafe.Add(dst, i*m.to[d]*m.size), unsafe.Add(src, i*m.from[d]*m.size))
	}
}

// row copies n elements.
func (m *mover) row(n, to, from int, dst, src unsafe.Pointer) {
	if to == 1 && from == 1 {
		copy(unsafe.Slice((*byte)(dst), n*m.size), unsafe.Slice((*byte)(src), n*m.size))
		return
	}
	switch m.size {
	case 1:
		strided[uint8](n, to, from, dst, src)
	case 2:
		strided[uint16](n, to, from, dst, src)
	case 4:
		strided[uint32](n, to, from, dst, src)
	default:
		strided[uint64](n, to, from, dst, src)
	}
}

func strided[T any](n, to, from int, dst, src unsafe.Pointer) {
	size := int(unsafe.Sizeof(*new(T)))
	for i := range n {
		*(*T)(unsafe.Add(dst, i*to*size)) = *(*T)(unsafe.Add(src, i*from*size))
	}
}

// elementSize is the bytes of an element, or 0 for types that have several in a byte.
func elementSize(t dtypes.DType) int {
	if n := t.SizeForDimensions(1); n == t.SizeForDimensions(8)/8 && n <= 8 {
		return n
	}
	return 0
}

// moveOp copies what a movement reads to where it is dense.
func (c *compiler) moveOp(n *ir.Node) *op {
	size := elementSize(n.Shape.DType)
	v, ok := c.fusion.view(n.In[0])
	if ok && c.fusion.stored[v.of] {
		v, ok = step(n, v)
	}
	if !ok || size == 0 || !c.fusion.stored[v.of] {
		v, ok = step(n, whole(n.In[0]))
		v.of = c.fusion.base(n.In[0])
		if !ok || size == 0 {
			return nil
		}
	}
	dims := n.Shape.Dimensions
	o := &op{name: "copy", uses: []*ir.Node{v.of}}
	o.make = func(p *Plan, _ func(lo, hi, worker int)) runner {
		m := newMover(dims, v.strides, rowMajor(dims), size)
		return func(fr *frame, _ []float32) error {
			m.run(fr.team, fr.mem[p.buffer[n]], 0, fr.mem[p.buffer[v.of]], v.offset)
			return nil
		}
	}
	return o
}

// concatOp copies each input to its place.
func (c *compiler) concatOp(n *ir.Node) *op {
	size := elementSize(n.Shape.DType)
	if size == 0 {
		return nil
	}
	axis := int(n.Attr.(ir.Axis))
	o := &op{name: "concatenate"}
	for _, in := range n.In {
		o.uses = append(o.uses, c.fusion.base(in))
	}
	uses := o.uses
	strides := rowMajor(n.Shape.Dimensions)
	o.make = func(p *Plan, _ func(lo, hi, worker int)) runner {
		movers := make([]*mover, len(n.In))
		for i, in := range n.In {
			movers[i] = newMover(in.Shape.Dimensions, rowMajor(in.Shape.Dimensions), strides, size)
		}
		return func(fr *frame, _ []float32) error {
			at := 0
			for i, in := range n.In {
				movers[i].run(fr.team, fr.mem[p.buffer[n]], at*strides[axis], fr.mem[p.buffer[uses[i]]], 0)
				at += in.Shape.Dimensions[axis]
			}
			return nil
		}
	}
	return o
}

// padOp fills the output and copies the input to its place; nil if it is cropped, or not of floats.
func (c *compiler) padOp(n *ir.Node) *op {
	a := n.Attr.(ir.Pad)
	if !isFloat(n) {
		return nil
	}
	x, fill := c.fusion.base(n.In[0]), c.fusion.base(n.In[1])
	dims := n.In[0].Shape.Dimensions
	to, offset := rowMajor(n.Shape.Dimensions), 0
	for i, pad := range a {
		if pad.Start < 0 || pad.End < 0 {
			return nil
		}
		offset += pad.Start * to[i]
		to[i] *= pad.Interior + 1
	}
	o := &op{name: "pad", uses: []*ir.Node{x, fill}}
	o.make = func(p *Plan, _ func(lo, hi, worker int)) runner {
		m := newMover(dims, rowMajor(dims), to, 4)
		return func(fr *frame, _ []float32) error {
			kernel.Fill(floats(fr.mem[p.buffer[n]]), floats(fr.mem[p.buffer[fill]])[0])
			m.run(fr.team, fr.mem[p.buffer[n]], offset, fr.mem[p.buffer[x]], 0)
			return nil
		}
	}
	return o
}

// flat is memory as a slice of the tensor's type.
func flat(t ir.Tensor, memory []byte) any {
	return dtypes.UnsafeAnySliceFromBytes(unsafe.Pointer(unsafe.SliceData(memory)), t.Shape.DType, t.Shape.Size())
}
