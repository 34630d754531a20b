package attention

import (
	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// Forward is a plan of attention. It is used by one Run at a time.
type Forward struct {
	plan
	span            int // keys per block, a multiple of 32
	lds             int // floats from one row of a block of scores to the next
	packs, blockLen int // floats: of the packed keys and values of a head, of a block's queries, scores and sums

	out, stats, scratch []float32

	whole, pack, part func(part, worker int) // bound methods, made once
}

// New plans attention.
func New(s Shape, l Layouts, o Options) *Forward { return newForward(s, l, o, spanOf(s)) }

func newForward(s Shape, l Layouts, o Options, span int) *Forward {
	f := &Forward{plan: newPlan(s, l, o), span: span, lds: spread(min(span, s.KV))}
	f.packs = kernel.PackedLen(s.Dim, s.KV) + kernel.PackedLen(s.KV, s.Dim)
	f.blockLen = f.rows * (f.ldd + f.lds + sums)
	f.whole, f.pack, f.part = f.wholeUnit, f.packPart, f.blockPart
	return f
}

// spanOf is the number of keys in a block: all whose scores, with those of the largest block of queries, fit into
// 512 KB, and otherwise at most 512 in equal parts.
func spanOf(s Shape) int {
	n := max(s.KV, 1)
	if n*blockRows(s) > 1<<17 {
		parts := (n + kMax - 1) / kMax
		n = (n + parts - 1) / parts
	}
	return panelsOf(n) * kernel.NR
}

// sums counts the numbers that are kept of every query of a block: m, l, and of one block of keys the factor for
// what was summed before and the sum.
const sums = 4

// Scratch returns the number of floats that Run needs with a team of that size.
func (f *Forward) Scratch(workers int) int {
	if f.split(workers) {
		return f.units()*f.packs + workers*f.blockLen
	}
	return workers * (f.packs + f.blockLen)
}

// A unit is a batch and a head of keys and values. If there are too few of them for all workers, or their number
// does not come out even, the workers share the packed keys and values of all, and then the blocks.
func (p *plan) split(workers int) bool { return p.units()%workers != 0 && p.units() < 4*workers }

func (p *plan) units() int { return p.s.Batch * p.s.KVHeads }

// Run computes out, and stats unless they are nil. The scratch has at least Scratch(t.Size()) floats, of any value.
func (f *Forward) Run(t *team.Team, out, stats []float32, in Inputs, scratch []float32) {
	if f.s.Batch == 0 || f.s.Heads == 0 || f.s.Q == 0 {
		return
	}
	f.begin(in)
	f.needOut("out", len(out), f.s, f.s.Heads, f.s.Q, f.l.Out)
	if stats != nil {
		_ = stats[:f.s.StatsLen()]
	}
	f.out, f.stats, f.scratch = out, stats, scratch[:f.Scratch(t.Size())]
	if f.split(t.Size()) {
		t.For(f.units()*f.panels(), f.pack)
		t.For(f.units()*f.group*f.blocks, f.part)
	} else {
		t.For(f.units(), f.whole)
	}
	f.in, f.out, f.stats, f.scratch = Inputs{}, nil, nil, nil
}

func (f *Forward) wholeUnit(unit, worker int) {
	scratch := f.scratch[worker*(f.packs+f.blockLen):]
	packs, block := scratch[:f.packs], scratch[f.packs:][:f.blockLen]
	for j := range f.panels() {
		f.packUnit(packs, unit, j)
	}
	for i := range f.group * f.blocks {
		f.compute(packs, block, unit, i)
	}
}

func (f *Forward) packPart(part, _ int) {
	unit := part / f.panels()
	f.packUnit(f.scratch[unit*f.packs:], unit, part%f.panels())
}

func (f *Forward) blockPart(part, worker int) {
	unit := part / (f.group * f.blocks)
	block := f.scratch[f.units()*f.packs+worker*f.blockLen:][:f.blockLen]
	f.compute(f.scratch[unit*f.packs:][:f.packs], block, unit, part%(f.group*f.blocks))
}

// panels counts those of kᵀ and v of a unit.
func (f *Forward) panels() int { return panelsOf(f.s.KV) + panelsOf(f.s.Dim) }

// packUnit packs panel j of kᵀ or, after these, of v.
func (f *Forward) packUnit(packs []float32, unit, j int) {
	batch, head := unit/f.s.KVHeads, unit%f.s.KVHeads
	if j < panelsOf(f.s.KV) {
		f.packTransposed(packs, f.in.K, f.l.K, batch, head, j)
		return
	}
	f.packTokens(packs[kernel.PackedLen(f.s.Dim, f.s.KV):], f.in.V, f.l.V, batch, head, j-panelsOf(f.s.KV))
}

// compute makes block i of the unit's heads, one head after the other.
func (f *Forward) compute(packs, scratch []float32, unit, i int) {
	batch, head := unit/f.s.KVHeads, unit%f.s.KVHeads*f.group+i/f.blocks
	lo, hi := f.block(i % f.blocks)
	seen := max(lo, min(hi, f.queries(batch)))
	kt, v := packs[:kernel.PackedLen(f.s.Dim, f.s.KV)], packs[kernel.PackedLen(f.s.Dim, f.s.KV):]
	q, s := scratch[:f.rows*f.ldd], scratch[f.rows*f.ldd:]

	rows, width := seen-lo, f.keys(batch, seen-1)
	at := func(k int) []float32 { return s[f.rows*f.lds+k*f.rows:][:rows] }
	m, l, factor, sum := at(0), at(1), at(2), at(3)
	out := f.out[batch*f.l.Out.Batch+head*f.l.Out.Head+lo*f.l.Out.Token:]
	f.scaled(q, f.in.Q, f.l.Q, batch, head, lo, seen)
	for r := range rows {
		m[r], l[r] = -inf, 0
	}
	for from := 0; from < width && rows > 0; from += f.span {
		n := min(f.span, width-from)
		f.multiply(s, f.lds, q, f.ldd, packed(kt[from*f.s.Dim:], f.s.Dim), rows, n, f.s.Dim, false)
		for r := range rows {
			row := s[r*f.lds:][:n]
			may := min(max(f.keys(batch, lo+r)-from, 0), n)
			f.adjust(row[:may], batch, head, lo+r, from)
			m[r], factor[r], sum[r] = softmax(row[:may], m[r])
			clear(row[may:])
		}
		f.rescale(out, l, factor, sum, from == 0)
		f.multiply(out, f.l.Out.Token, s, f.lds, packed(v[from*kernel.NR:], f.s.KV), rows, f.s.Dim, n, from > 0)
	}
	for i := lo; i < hi; i++ {
		o := f.row(f.out, f.l.Out, batch, head, i)
		if i >= seen || m[i-lo] == -inf {
			clear(o)
			f.note(batch, head, i, inf, 0)
			continue
		}
		inv := 1 / l[i-lo]
		kernel.MulS(o, o, inv)
		f.note(batch, head, i, m[i-lo], inv)
	}
}

// rescale multiplies the sums of the blocks before, o in out [rows, Dim] and l [rows], by e to the power factor [rows],
// and adds sum [rows], that of this block, to l (Dao et al. 2022, algorithm 1). The first block has none before it.
func (f *Forward) rescale(out, l, factor, sum []float32, first bool) {
	if first {
		copy(l, sum)
		return
	}
	kernel.Exp(factor, factor)
	for r, x := range factor {
		if x != 1 {
			o := out[r*f.l.Out.Token:][:f.s.Dim]
			kernel.MulS(o, o, x)
		}
		l[r] = float32(l[r]*x) + sum[r]
	}
}

// scaled copies the rows lo to hi-1 of one head, times scale.
func (p *plan) scaled(dst, x []float32, l Layout, batch, head, lo, hi int) {
	for i := lo; i < hi; i++ {
		kernel.MulS(dst[(i-lo)*p.ldd:][:p.s.Dim], p.row(x, l, batch, head, i), p.scale)
	}
}

// note keeps m and 1/l of a query.
func (f *Forward) note(batch, head, i int, m, inv float32) {
	if f.stats != nil {
		at := 2 * ((batch*f.s.Heads+head)*f.s.Q + i)
		f.stats[at], f.stats[at+1] = m, inv
	}
}
