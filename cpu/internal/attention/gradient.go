package attention

import (
	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// Gradient is a plan of the gradient of attention. It is used by one Run at a time.
//
// 1/l is multiplied into dO, not into P: with dO' = dO/l and δ' = Σ_d dO'·O, the products are those of the package
// comment for P' = exp(S − m).
type Gradient struct {
	plan
	packs    int // floats of kᵀ, vᵀ and k, packed, of one head
	blockLen int // of a block
	sumsLen  int // of dKᵀ and dVᵀ of a head
	ldr      int // from one row to the next of a transposed block

	g              Gradients
	out, dOut      []float32
	stats, scratch []float32
	keyBlocks      int // of a unit whose workers share it

	whole, pack, makeQ, makeKV func(part, worker int) // bound methods, made once
}

// Gradients are the results of a run.
type Gradients struct{ DQ, DK, DV []float32 }

// NewGradient plans the gradient of New(s, l, o).
func NewGradient(s Shape, l Layouts, o Options) *Gradient {
	g := &Gradient{plan: newPlan(s, l, o)}
	g.packs = 2*kernel.PackedLen(s.Dim, s.KV) + kernel.PackedLen(s.KV, s.Dim)
	g.ldr = spread(g.rows)
	g.blockLen = 2 * (g.rows*(g.ldd+g.ld) + s.Dim*g.ldr + g.rows)
	g.sumsLen = 2 * s.Dim * g.ld
	g.whole, g.pack, g.makeQ, g.makeKV = g.wholeUnit, g.packPart, g.queriesPart, g.keysPart
	return g
}

// Scratch returns the number of floats that Run needs with a team of that size.
func (g *Gradient) Scratch(workers int) int {
	if g.split(workers) {
		return g.units()*g.packs + workers*(g.blockLen+g.sumsLen)
	}
	return workers * (g.packs + g.blockLen + g.sumsLen)
}

// Run computes the gradients from that of out; out and stats are those of Forward.Run with the same inputs. The
// scratch has at least Scratch(t.Size()) floats, of any value.
//
// Workers that share a unit make dQ by blocks of queries and then dK and dV by blocks of keys, and so form
// the scores twice.
func (g *Gradient) Run(t *team.Team, grads Gradients, in Inputs, out, dOut, stats, scratch []float32) {
	if g.s.Batch == 0 || g.s.Heads == 0 {
		return
	}
	g.begin(in)
	s, l := g.s, g.l
	g.needOut("out", len(out), s, s.Heads, s.Q, l.Out)
	g.needOut("the gradient of out", len(dOut), s, s.Heads, s.Q, l.Out)
	g.needOut("dq", len(grads.DQ), s, s.Heads, s.Q, l.Q)
	g.needOut("dk", len(grads.DK), s, s.KVHeads, s.KV, l.K)
	g.needOut("dv", len(grads.DV), s, s.KVHeads, s.KV, l.V)
	g.g, g.out, g.dOut, g.stats, g.scratch = grads, out, dOut, stats[:s.StatsLen()], scratch[:g.Scratch(t.Size())]
	if g.split(t.Size()) {
		g.keyBlocks = min((4*t.Size()+g.units()-1)/g.units(), panelsOf(s.KV))
		t.For(g.units()*g.panels(), g.pack)
		t.For(g.units()*g.group*g.blocks, g.makeQ)
		t.For(g.units()*g.keyBlocks, g.makeKV)
	} else {
		t.For(g.units(), g.whole)
	}
	g.in, g.g, g.out, g.dOut, g.stats, g.scratch = Inputs{}, Gradients{}, nil, nil, nil, nil
}

// packUnit packs panel j of kᵀ, vᵀ and k in turn.
func (g *Gradient) packUnit(packs []float32, unit, j int) {
	batch, head := unit/g.s.KVHeads, unit%g.s.KVHeads
	n, size := panelsOf(g.s.KV), kernel.PackedLen(g.s.Dim, g.s.KV)
	switch {
	case j < n:
		g.packTransposed(packs, g.in.K, g.l.K, batch, head, j)
	case j < 2*n:
		g.packTransposed(packs[size:], g.in.V, g.l.V, batch, head, j-n)
	default:
		g.packTokens(packs[2*size:], g.in.K, g.l.K, batch, head, j-2*n)
	}
}

func (g *Gradient) packPart(part, _ int) {
	unit := part / g.panels()
	g.packUnit(g.scratch[unit*g.packs:], unit, part%g.panels())
}

// panels counts those of kᵀ, vᵀ and k of a unit.
func (g *Gradient) panels() int { return 2*panelsOf(g.s.KV) + panelsOf(g.s.Dim) }

func (g *Gradient) wholeUnit(unit, worker int) {
	scratch := g.scratch[worker*(g.packs+g.blockLen+g.sumsLen):]
	packs, sums := scratch[:g.packs], scratch[g.packs:][:g.sumsLen]
	for j := range g.panels() {
		g.packUnit(packs, unit, j)
	}
	clear(sums)
	for i := range g.group * g.blocks {
		b := g.load(scratch[g.packs+g.sumsLen:], unit, i)
		g.scores(&b, packs, 0, b.width)
		g.addSums(sums, &b, 0, b.width)
		g.writeQ(packs, &b)
	}
	g.writeKV(sums, unit, 0, g.s.KV)
}

func (g *Gradient) queriesPart(part, worker int) {
	unit := part / (g.group * g.blocks)
	packs := g.scratch[unit*g.packs:][:g.packs]
	b := g.load(g.own(worker), unit, part%(g.group*g.blocks))
	g.scores(&b, packs, 0, b.width)
	g.writeQ(packs, &b)
}

func (g *Gradient) keysPart(part, worker int) {
	unit, part := part/g.keyBlocks, part%g.keyBlocks
	n := panelsOf(g.s.KV)
	from, to := part*n/g.keyBlocks*kernel.NR, min((part+1)*n/g.keyBlocks*kernel.NR, g.s.KV)
	packs, sums := g.scratch[unit*g.packs:][:g.packs], g.own(worker)[g.blockLen:]
	clear(sums)
	for i := range g.group * g.blocks {
		if b := g.load(g.own(worker), unit, i); b.width > from {
			g.scores(&b, packs, from, min(to, b.width))
			g.addSums(sums, &b, from, min(to, b.width))
		}
	}
	g.writeKV(sums, unit, from, to)
}

// own is a worker's scratch where units are shared.
func (g *Gradient) own(worker int) []float32 {
	n := g.blockLen + g.sumsLen
	return g.scratch[g.units()*g.packs+worker*n:][:n]
}

// gradBlock is a block of queries of one head.
type gradBlock struct {
	batch, head  int
	lo, seen, hi int // queries; those from seen on are beyond the batch's length
	width        int // keys that one of them sees

	q, dO   []float32 // [rows, ldd] scale·q, dO'
	delta   []float32 // [rows] δ'
	qT, dOT []float32 // [Dim, ldr]
	p, dS   []float32 // [rows, ld] P', dS
}

// load begins block i of the unit's heads.
func (g *Gradient) load(scratch []float32, unit, i int) gradBlock {
	b := gradBlock{batch: unit / g.s.KVHeads, head: unit%g.s.KVHeads*g.group + i/g.blocks}
	b.lo, b.hi = g.block(i % g.blocks)
	b.seen = max(b.lo, min(b.hi, g.queries(b.batch)))
	if b.seen > b.lo {
		b.width = g.keys(b.batch, b.seen-1)
	}
	take := func(n int) (x []float32) {
		x, scratch = scratch[:n], scratch[n:]
		return x
	}
	b.q, b.dO, b.delta = take(g.rows*g.ldd), take(g.rows*g.ldd), take(g.rows)
	b.qT, b.dOT = take(g.s.Dim*g.ldr), take(g.s.Dim*g.ldr)
	b.p, b.dS = take(g.rows*g.ld), take(g.rows*g.ld)
	g.scaled(b.q, g.in.Q, g.l.Q, b.batch, b.head, b.lo, b.seen)
	for i := b.lo; i < b.seen; i++ {
		_, inv := g.stat(b.batch, b.head, i)
		dO := b.dO[(i-b.lo)*g.ldd:][:g.s.Dim]
		kernel.MulS(dO, g.row(g.dOut, g.l.Out, b.batch, b.head, i), inv)
		b.delta[i-b.lo] = kernel.Dot(dO, g.row(g.out, g.l.Out, b.batch, b.head, i))
	}
	return b
}

// stat returns m and 1/l of a query.
func (g *Gradient) stat(batch, head, i int) (m, inv float32) {
	at := 2 * ((batch*g.s.Heads+head)*g.s.Q + i)
	return g.stats[at], g.stats[at+1]
}

// scores makes P' and dS for the keys from to to-1, from a multiple of 32.
func (g *Gradient) scores(b *gradBlock, packs []float32, from, to int) {
	rows, cols, size := b.seen-b.lo, to-from, kernel.PackedLen(g.s.Dim, g.s.KV)
	kt, vt := packs[from*g.s.Dim:size], packs[size+from*g.s.Dim:2*size]
	g.multiply(b.p, g.ld, b.q, g.ldd, packed(kt, g.s.Dim), rows, cols, g.s.Dim, false)
	g.multiply(b.dS, g.ld, b.dO, g.ldd, packed(vt, g.s.Dim), rows, cols, g.s.Dim, false)
	for r := range rows {
		i := b.lo + r
		n := min(max(g.keys(b.batch, i)-from, 0), cols)
		p, dS := b.p[r*g.ld:][:cols], b.dS[r*g.ld:][:cols]
		g.adjust(p[:n], b.batch, b.head, i, from)
		m, _ := g.stat(b.batch, b.head, i)
		kernel.ExpSubSum(p[:n], p[:n], m)
		kernel.SubS(dS[:n], dS[:n], b.delta[r])
		kernel.Mul(dS[:n], dS[:n], p[:n])
		clear(p[n:])
		clear(dS[n:])
	}
}

// addSums adds the block to dKᵀ and dVᵀ, [Dim, ld] each, of which column 0 is key from.
func (g *Gradient) addSums(sums []float32, b *gradBlock, from, to int) {
	rows, dim := b.seen-b.lo, g.s.Dim
	kernel.Transpose(b.qT, g.ldr, b.q, g.ldd, rows, dim)
	kernel.Transpose(b.dOT, g.ldr, b.dO, g.ldd, rows, dim)
	g.multiply(sums, g.ld, b.qT, g.ldr, inPlace(b.dS, g.ld), dim, to-from, rows, true)
	g.multiply(sums[dim*g.ld:], g.ld, b.dOT, g.ldr, inPlace(b.p, g.ld), dim, to-from, rows, true)
}

// writeQ writes the block's rows of dQ.
func (g *Gradient) writeQ(packs []float32, b *gradBlock) {
	k := packs[2*kernel.PackedLen(g.s.Dim, g.s.KV):]
	if b.width > 0 {
		dQ := g.g.DQ[b.batch*g.l.Q.Batch+b.head*g.l.Q.Head+b.lo*g.l.Q.Token:]
		g.multiply(dQ, g.l.Q.Token, b.dS, g.ld, packed(k, g.s.KV), b.seen-b.lo, g.s.Dim, b.width, false)
	}
	for i := b.lo; i < b.hi; i++ {
		dQ := g.row(g.g.DQ, g.l.Q, b.batch, b.head, i)
		if i >= b.seen || b.width == 0 {
			clear(dQ)
			continue
		}
		kernel.MulS(dQ, dQ, g.scale)
	}
}

// writeKV writes the rows from to to-1 of dK and dV of the unit.
func (g *Gradient) writeKV(sums []float32, unit, from, to int) {
	batch, head, k, v := unit/g.s.KVHeads, unit%g.s.KVHeads, g.l.K, g.l.V
	if from >= to {
		return
	}
	kernel.Transpose(g.g.DK[batch*k.Batch+head*k.Head+from*k.Token:], k.Token, sums, g.ld, g.s.Dim, to-from)
	kernel.Transpose(g.g.DV[batch*v.Batch+head*v.Head+from*v.Token:], v.Token, sums[g.s.Dim*g.ld:], g.ld, g.s.Dim,
		to-from)
}
