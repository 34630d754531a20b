package compile

import (
	"cmp"
	"slices"

	"github.com/gomlx/compute"

	"mgd3/cpu/internal/ir"
	"mgd3/cpu/internal/memory"
)

// span is a piece of the arena that is in use from op begin to op end, both included.
type span struct {
	size, begin, end int // bytes, and numbers of ops
	offset           int // in bytes from the arena's beginning; a multiple of memory.Align
}

// pack places the spans such that those in use at the same time do not overlap, the largest first, each as low as
// it can be, and returns the size of the whole. The least size is NP-hard to find (dynamic storage allocation,
// Garey and Johnson 1979, SR2). Ties keep the order of the ops, so that equal graphs have equal arenas.
func pack(spans []*span) int {
	order := slices.Clone(spans)
	slices.SortStableFunc(order, func(a, b *span) int { return cmp.Compare(b.size, a.size) })
	var placed []*span
	total := 0
	for _, s := range order {
		s.offset = 0
		for _, p := range placed { // by offset
			if p.begin > s.end || p.end < s.begin || p.offset+p.size <= s.offset {
				continue
			}
			if p.offset >= s.offset+s.size {
				break
			}
			s.offset = (p.offset + p.size + memory.Align - 1) / memory.Align * memory.Align
		}
		at, _ := slices.BinarySearchFunc(placed, s, func(a, b *span) int { return cmp.Compare(a.offset, b.offset) })
		placed = slices.Insert(placed, at, s)
		total = max(total, s.offset+s.size)
	}
	return total
}

// place gives every stored value a buffer: parameters, constants and outputs stand elsewhere, the rest, and
// the scratch memory of ops, in the arena.
func (p *Plan) place(f *ir.Func) {
	p.buffer = map[*ir.Node]int{}
	last := map[*ir.Node]int{} // by value, the last op that reads it
	for i, o := range p.ops {
		for _, n := range o.defs {
			last[n] = i
		}
		for _, n := range o.uses {
			last[n] = i
		}
	}
	for i, n := range slices.Concat(f.Params, f.Captures) {
		p.buffer[n] = i
		p.buffers++
	}
	p.placeOutputs(f)
	spans := map[int]*span{} // by buffer
	var all []*span
	for i, o := range p.ops {
		for _, n := range o.defs {
			if _, ok := p.buffer[n]; ok {
				continue // an output
			}
			if from := p.reuse(o, n, i, last, spans); from >= 0 {
				p.buffer[n] = from
				spans[from].end = last[n]
				continue
			}
			s := &span{size: bytesOf(n), begin: i, end: last[n]}
			p.buffer[n] = p.newBuffer()
			spans[p.buffer[n]] = s
			all = append(all, s)
		}
		if n := o.scratchSize(); n > 0 {
			s := &span{size: 4 * n, begin: i, end: i}
			all = append(all, s)
			p.scratch = append(p.scratch, s)
		} else {
			p.scratch = append(p.scratch, nil)
		}
	}
	p.arena = pack(all)
	p.spans = spans
	p.findDonations(f, last)
}

// findDonations finds for each output a parameter of the same size in whose memory it may be computed.
func (p *Plan) findDonations(f *ir.Func, last map[*ir.Node]int) {
	p.donations = make([]int, len(f.Outputs))
	output := map[int]int{} // by buffer
	for k := range f.Outputs {
		p.donations[k] = -1
	}
	for _, e := range p.external {
		output[e.buffer] = e.output
	}
	copied := map[*ir.Node]bool{}
	for _, n := range p.copied {
		copied[n] = true
	}
	taken := map[*ir.Node]bool{}
	for i, o := range p.ops {
		for _, pair := range o.inPlace {
			k, isOutput := output[p.buffer[pair[0]]]
			leaf := pair[1]
			if isOutput && leaf.Op == compute.OpTypeParameter && last[leaf] == i && !copied[leaf] && !taken[leaf] &&
				p.donations[k] < 0 {
				taken[leaf] = true
				p.donations[k] = leaf.Attr.(ir.Param).Index
			}
		}
	}
}

// Donations says for each output in the memory of which parameter Run may be told to put it, or -1.
func (p *Plan) Donations() []int { return p.donations }

func (o *op) scratchSize() int {
	if o.after != nil {
		return o.scratch + o.after.scratch
	}
	return o.scratch
}

func bytesOf(n *ir.Node) int { return n.Shape.DType.SizeForDimensions(n.Shape.Dimensions...) }

func (p *Plan) newBuffer() int {
	p.buffers++
	return p.buffers - 1
}

// reuse returns the buffer of a value that op o, the i-th, reads for the last time and in whose memory it
// may put n; or -1. o.inPlace has the pairs of which the op reads an
// element only to compute the same one.
func (p *Plan) reuse(o *op, n *ir.Node, i int, last map[*ir.Node]int, spans map[int]*span) int {
	for _, pair := range o.inPlace {
		if pair[0] != n {
			continue
		}
		from, ok := p.buffer[pair[1]]
		if !ok || spans[from] == nil || spans[from].end != i || last[pair[1]] != i || spans[from].size != bytesOf(n) {
			continue
		}
		shared := false
		for _, other := range o.defs { // taken by another output
			if b, ok := p.buffer[other]; ok && other != pair[1] && b == from {
				shared = true
			}
		}
		if !shared {
			return from
		}
	}
	return -1
}

// placeOutputs gives outputs that some op computes the caller's memory. Others are copied at the end.
func (p *Plan) placeOutputs(f *ir.Func) {
	computed := map[*ir.Node]bool{}
	for _, o := range p.ops {
		for _, n := range o.defs {
			computed[n] = true
		}
	}
	for k, n := range f.Outputs {
		base := p.fusion.base(n)
		_, placed := p.buffer[base]
		if computed[base] && !placed {
			p.buffer[base] = p.newBuffer()
			p.external = append(p.external, external{buffer: p.buffer[base], output: k})
			continue
		}
		p.copies = append(p.copies, external{output: k})
		p.copied = append(p.copied, base)
	}
}

// external says that a buffer is the memory of an output.
type external struct{ buffer, output int }
