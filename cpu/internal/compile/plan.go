// Package compile turns a graph of operations into a plan: a list of kernels with a place in memory for
// every value.
//
//	pass      file           what it does
//	widen     widen.go       bfloat16 into float32 that is rounded
//	expand    expand.go      fused operations into simple ones, products and convolutions into one form each
//	fuse      decide.go      which values are stored; the rest is computed in the loops that use it
//	          level.go       which stored values one loop can compute
//	group     group.go       loops over one index space that share what they read are one loop
//	lower     lower.go       a kernel for every other operation
//	attach    op.go          loops that continue a product or a convolution run on its rows as they are made
//	schedule  plan.go        an order
//	place     memory.go      lifetimes, and one arena
//
// All choices depend on the shapes in the graph only. A row's bytes do not depend on the batch it is in, as those
// of package loop, gemm, conv and attention do not.
package compile

import (
	"slices"
	"sync"
	"time"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"mgd3/cpu/internal/ir"
	"mgd3/cpu/internal/memory"
	"mgd3/cpu/internal/team"
)

// Plan is a compiled function. It may be run by many goroutines at once.
type Plan struct {
	f       *ir.Func
	fusion  *fusion
	ops     []*op
	workers int
	arenas  *memory.Arenas

	buffers   int
	buffer    map[*ir.Node]int // by stored value
	constant  map[int][]byte   // by buffer
	external  []external
	copies    []external // outputs that are copies of buffers
	copied    []*ir.Node
	spans     map[int]*span
	donations []int   // by output
	scratch   []*span // by op
	arena     int     // bytes

	packed []any   // by parameter: the key of the packed form in which alone it is read, or nil
	timers []timer // by op

	mu   sync.Mutex
	free []*frame
}

// compiler is the state between the passes.
type compiler struct {
	f       *ir.Func
	fusion  *fusion
	workers int
	pairs   bool
	ops     []*op

	isRounded map[*ir.Node]bool // memory of rounded
}

// New compiles f for a team of the given size; pairs has it multiply bfloat16 in pairs. Executions take their memory
// from arenas.
func New(f *ir.Func, workers int, pairs bool, arenas *memory.Arenas) *Plan {
	f = expand(widen(f))
	c := &compiler{f: f, fusion: decide(f), workers: workers, pairs: pairs && rounds(f), isRounded: map[*ir.Node]bool{}}
	c.lower()
	c.loops()
	c.schedule()
	p := &Plan{f: f, fusion: c.fusion, ops: c.ops, workers: workers, arenas: arenas, constant: map[int][]byte{},
		timers: make([]timer, len(c.ops))}
	p.place(f)
	p.placeConstants(f)
	p.findPacked()
	return p
}

// findPacked finds the parameters of which all ops read one packed form, so that the contents need not stay.
func (p *Plan) findPacked() {
	p.packed = make([]any, len(p.f.Params))
	for i, n := range p.f.Params {
		var key any
		for _, o := range p.ops {
			if !slices.Contains(o.uses, n) {
				continue
			}
			if o.weight != n || count(o.uses, n) > 1 || key != nil && key != o.weightKey {
				key = nil
				break
			}
			key = o.weightKey
		}
		if !slices.ContainsFunc(p.f.Outputs, func(out *ir.Node) bool { return p.fusion.base(out) == n }) {
			p.packed[i] = key
		}
	}
}

func count(nodes []*ir.Node, n *ir.Node) (times int) {
	for _, x := range nodes {
		if x == n {
			times++
		}
	}
	return times
}

// Packed is the key under which alone the i-th input is read, by Cache.Instead; nil if its contents are read too. Where
// Instead always answers, Run needs no contents of such an input.
func (p *Plan) Packed(i int) any {
	if i >= len(p.packed) {
		return nil
	}
	return p.packed[i]
}

// loops adds the loops, each where it can be on the blocks of another op.
func (c *compiler) loops() {
	by := map[*ir.Node]*op{}
	for _, o := range c.ops {
		for _, n := range o.defs {
			by[n] = o
		}
	}
	for _, g := range c.split(c.fusion.groups(), by) {
		var host *op
		for _, n := range g.reads() {
			o := by[n]
			if o == nil || o.block == 0 || o.defs[0] != n || n.Shape.Size() != g.size {
				continue
			}
			if host == nil || c.fusion.levels[n] >= c.fusion.levels[host.defs[0]] {
				host = o
			}
		}
		if host != nil && c.attach(host, g) {
			continue
		}
		c.ops = append(c.ops, c.loopOp(g))
	}
}

// split takes reductions across rows out of groups whose other part can run on the blocks of an op.
func (c *compiler) split(groups []*group, by map[*ir.Node]*op) []*group {
	var out []*group
	for _, g := range groups {
		hosted := slices.ContainsFunc(g.reads(), func(n *ir.Node) bool {
			return by[n] != nil && by[n].block > 0 && n.Shape.Size() == g.size
		})
		var plain, cross *group
		for _, n := range g.roots {
			into := &plain
			if isReduction(n) {
				into = &cross
			}
			if one := c.fusion.single(n); *into == nil {
				*into = one
			} else if !(*into).join(one) {
				hosted = false
			}
		}
		if !hosted || g.cross == nil || plain == nil {
			out = append(out, g)
			continue
		}
		out = append(out, plain, cross)
	}
	return out
}

// schedule orders the ops: inputs first, and else as in the graph.
func (c *compiler) schedule() {
	by := map[*ir.Node]*op{}
	for _, o := range c.ops {
		for _, n := range o.defs {
			by[n] = o
		}
	}
	waits := map[*op]int{}
	next := map[*op][]*op{}
	for _, o := range c.ops {
		seen := map[*op]bool{o: true}
		for _, n := range o.uses {
			if from := by[n]; from != nil && !seen[from] {
				seen[from] = true
				waits[o]++
				next[from] = append(next[from], o)
			}
		}
	}
	var ready, out []*op
	add := func(o *op) {
		at, _ := slices.BinarySearchFunc(ready, o, func(a, b *op) int { return b.order - a.order })
		ready = slices.Insert(ready, at, o)
	}
	for _, o := range c.ops {
		if waits[o] == 0 {
			add(o)
		}
	}
	for len(ready) > 0 {
		o := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		out = append(out, o)
		for _, n := range next[o] {
			if waits[n]--; waits[n] == 0 {
				add(n)
			}
		}
	}
	if len(out) != len(c.ops) {
		panic("compile: the ops wait for each other")
	}
	c.ops = out
}

// placeConstants gives constants that are read from memory a buffer of their own.
func (p *Plan) placeConstants(f *ir.Func) {
	for _, n := range f.Nodes {
		if n.Op != compute.OpTypeConstant {
			continue
		}
		p.buffer[n] = p.newBuffer()
		p.constant[p.buffer[n]] = dtypes.UnsafeByteSliceFromAny(n.Attr.(ir.Const).Flat)
	}
}

// newFrame makes the kernels of one execution.
func (p *Plan) newFrame() *frame {
	fr := &frame{mem: make([][]byte, p.buffers), caches: make([]Cache, p.buffers)}
	for b, data := range p.constant {
		fr.mem[b] = data
	}
	for _, o := range p.ops {
		fr.runners = append(fr.runners, p.runner(o))
	}
	fr.scratch = make([][]float32, len(p.ops))
	return fr
}

// bind gives a frame its memory.
func (p *Plan) bind(fr *frame) {
	fr.arena = p.arenas.Take(p.arena)
	for b, s := range p.spans {
		fr.mem[b] = fr.arena[s.offset : s.offset+s.size : s.offset+s.size]
	}
	for i, s := range p.scratch {
		if s != nil {
			fr.scratch[i] = floats(fr.arena[s.offset : s.offset+s.size])
		}
	}
}

// unbind takes a frame its memory: nothing may hold on to an arena that is given up.
func (p *Plan) unbind(fr *frame) {
	for b := range p.spans {
		fr.mem[b] = nil
	}
	clear(fr.scratch)
	p.arenas.Give(fr.arena)
	fr.arena = nil
}

func floats(b []byte) []float32 {
	if len(b) == 0 {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&b[0])), len(b)/4)
}

// halves are the numbers of two bytes in b.
func halves(b []byte) []uint16 {
	if len(b) == 0 {
		return nil
	}
	return unsafe.Slice((*uint16)(unsafe.Pointer(&b[0])), len(b)/2)
}

// Run computes the outputs. in are the parameters and then the captured values; caches, if not nil, belong
// to them. The memory of an output is that of no input, but for its own one of Donations.
func (p *Plan) Run(t *team.Team, out, in [][]byte, caches []Cache) error {
	fr := p.take()
	defer p.give(fr)
	fr.team = t
	copy(fr.mem, in)
	copy(fr.caches, caches)
	for _, e := range p.external {
		fr.mem[e.buffer] = out[e.output]
	}
	for i, run := range fr.runners {
		start := time.Now()
		if err := run(fr, fr.scratch[i]); err != nil {
			return err
		}
		p.timers[i].add(time.Since(start))
	}
	for i, e := range p.copies {
		copy(out[e.output], fr.mem[p.buffer[p.copied[i]]])
	}
	return nil
}

func (p *Plan) take() *frame {
	fr := p.frame()
	p.bind(fr)
	return fr
}

func (p *Plan) frame() *frame {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		fr := p.free[n-1]
		p.free = p.free[:n-1]
		return fr
	}
	return p.newFrame()
}

// give keeps a frame for the next execution, without what belongs to the caller.
func (p *Plan) give(fr *frame) {
	inputs := len(p.f.Params) + len(p.f.Captures)
	clear(fr.mem[:inputs])
	clear(fr.caches)
	for _, e := range p.external {
		fr.mem[e.buffer] = nil
	}
	p.unbind(fr)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, fr)
}

// Bytes is the memory that one execution needs beside its inputs, outputs and constants.
func (p *Plan) Bytes() int { return p.arena }
