package compile

import (
	"mgd3/cpu/internal/ir"
	"mgd3/cpu/internal/loop"
	"mgd3/cpu/internal/team"
)

// op is one step of a plan: it computes the values defs from the stored values uses.
type op struct {
	name  string // of the kernel
	defs  []*ir.Node
	uses  []*ir.Node
	order int // where its value was in the graph

	// inPlace lists pairs of a value that it defines and one that it reads, in whose memory the first
	// may be put if nobody else needs the second.
	inPlace [][2]*ir.Node

	scratch int     // float32s
	flops   float64 // arithmetic, of the direct form for convolutions

	// make returns the function that does the op's work in frames; it may keep its own state there. done, if
	// not nil, is to be told of blocks of rows as they are complete.
	make func(p *Plan, done func(lo, hi, worker int)) runner

	weight    *ir.Node // a parameter that it reads packed, as a whole, under weightKey; or nil
	weightKey any

	block int    // elements of a row, of an op that can tell done; else 0
	after *after // what is done with the blocks
}

// runner does an op's work. scratch has at least op.scratch numbers.
type runner func(fr *frame, scratch []float32) error

// after is a loop on the blocks of rows that an op has just made.
type after struct {
	program loop.Program
	in      []*ir.Node
	out     []*ir.Node
	scratch int
}

// frame is the memory of one execution. Executions at the same time have frames of their own.
type frame struct {
	team    *team.Team
	mem     [][]byte // by buffer
	arena   []byte
	scratch [][]float32 // by op
	runners []runner    // by op
	caches  []Cache     // by buffer; nil but for parameters
}

// Cache keeps what is derived from the contents of a parameter, as long as they do not change.
type Cache interface {
	// Derived returns what is kept under key, so many bytes, made by f the first time. ok is false if nothing can be
	// kept.
	Derived(key any, bytes int64, f func() any) (derived any, ok bool)
	// Instead returns what takes the place of the contents under key, so many bytes, made by pack the first time.
	// From then on the contents are in memory only if somebody asks for them, and unpack makes them. ok is false if
	// they must stay where they are.
	Instead(key any, bytes int, pack, unpack func(dst, src []byte)) (packed []byte, ok bool)
}

// loopOp runs the loop of a group.
func (c *compiler) loopOp(g *group) *op {
	program, in := c.fusion.program(g)
	o := &op{name: "loop", defs: g.roots, order: g.roots[len(g.roots)-1].ID}
	o.uses = append(o.uses, in...)
	l := loop.New(program)
	o.scratch = l.Scratch(c.workers)
	o.flops = float64(l.Elements()) * float64(l.Instructions())
	for _, root := range g.roots {
		if leaf := c.inPlaceOf(program, in, root); leaf != nil {
			o.inPlace = append(o.inPlace, [2]*ir.Node{root, leaf})
		}
	}
	o.make = func(p *Plan, _ func(lo, hi, worker int)) runner {
		run := p.bindLoop(program, in, g.roots)
		return func(fr *frame, scratch []float32) error {
			l, out, in := run(fr)
			l.Run(fr.team, out, in, scratch)
			return nil
		}
	}
	return o
}

// bindLoop returns a function that gives a loop and its tensors in a frame.
func (p *Plan) bindLoop(program loop.Program, in, out []*ir.Node) func(fr *frame) (l *loop.Loop, outs,
	ins []loop.Data) {
	l := loop.New(program)
	ins, outs := make([]loop.Data, len(in)), make([]loop.Data, len(out))
	return func(fr *frame) (*loop.Loop, []loop.Data, []loop.Data) {
		for i, n := range in {
			ins[i] = fr.mem[p.buffer[n]]
		}
		for i, n := range out {
			outs[i] = fr.mem[p.buffer[n]]
		}
		return l, outs, ins
	}
}

// inPlaceOf returns a value that the loop reads only at the element it computes for root, or nil.
func (c *compiler) inPlaceOf(program loop.Program, in []*ir.Node, root *ir.Node) *ir.Node {
	if isReduction(root) || !isFloat(root) {
		return nil
	}
	for i, n := range in {
		if n.Shape.DType == root.Shape.DType && n.Shape.Size() == root.Shape.Size() && readsInOrder(program, in, n) &&
			in[i] == n {
			return n
		}
	}
	return nil
}

// readsInOrder reports whether the loop reads n only element by element.
func readsInOrder(program loop.Program, in []*ir.Node, n *ir.Node) bool {
	strides := loop.RowMajor(program.Dims)
	for i, other := range in {
		if other != n {
			continue
		}
		if program.In[i].Offset != 0 {
			return false
		}
		for k, s := range program.In[i].Strides {
			if s != strides[k] {
				return false
			}
		}
	}
	return true
}

// attach makes a group the loop that runs on the blocks of o, if that can be, and reports whether it did.
func (c *compiler) attach(o *op, g *group) bool {
	h := o.defs[0]
	if o.after != nil || o.block == 0 || g.cross != nil || g.row > 0 && o.block%g.row != 0 || g.size != h.Shape.Size() {
		return false
	}
	for _, n := range g.reads() {
		if n != h && (c.fusion.levels[n] > c.fusion.levels[h] || c.fusion.levels[n] == c.fusion.levels[h] &&
			n.ID > h.ID) {
			return false
		}
	}
	program, in := c.fusion.program(g)
	if !readsInOrder(program, in, h) {
		return false
	}
	program.Block = o.block
	l := loop.New(program)
	o.after = &after{program: program, in: in, out: g.roots, scratch: l.Scratch(c.workers)}
	o.flops += float64(l.Elements()) * float64(l.Instructions())
	for _, root := range g.roots {
		if isFloat(root) && !isReduction(root) {
			o.inPlace = append(o.inPlace, [2]*ir.Node{root, h})
			break
		}
	}
	for _, n := range in {
		if n != h {
			o.uses = append(o.uses, n)
		}
	}
	o.defs = append(o.defs, g.roots...)
	return true
}

// runner makes the op's function for a frame, with the loop on its blocks.
func (p *Plan) runner(o *op) runner {
	if o.after == nil {
		return o.make(p, nil)
	}
	a := o.after
	bind := p.bindLoop(a.program, a.in, a.out)
	var l *loop.Loop
	run := o.make(p, func(lo, hi, worker int) { l.RunBlocks(lo, hi, worker) })
	return func(fr *frame, scratch []float32) error {
		var in, out []loop.Data
		l, out, in = bind(fr)
		l.Start(fr.team, out, in, scratch[o.scratch:])
		return run(fr, scratch)
	}
}
