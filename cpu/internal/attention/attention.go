// Package attention computes scaled dot-product attention and its gradient without a matrix of all scores in
// memory. For every batch b, head h, query i and the keys j that i may see
//
//	S[i, j] = scale·q[i]·k[j] + bias[i, j] + mask[i, j]
//	P[i, j] = exp(S[i, j] − m[i]) / l[i]         m[i] = max_j S[i, j]    l[i] = Σ_j exp(S[i, j] − m[i])
//	o[i]    = Σ_j P[i, j]·v[j]                                      Vaswani et al. 2017, eq. 1
//
// for a block of queries and of keys at a time, whose scores stay in the second cache. Before each further block of
// keys, o and l of those before are multiplied by exp(m before − m), as in FlashAttention (Dao et al. 2022, algorithm
// 1). Heads share keys and values in groups: head h has those of head h·KVHeads/Heads. A query that sees no key has
// o = 0.
//
// The gradient forms the scores again, block by block, from m and l, as in FlashAttention-2 (Dao 2023, section 3.1.2):
//
//	dV = Pᵀ·dO    dP = dO·Vᵀ    dS = P∘(dP − δ)    δ[i] = Σ_d dO[i, d]·O[i, d]    dQ = scale·dS·K    dK = scale·dSᵀ·Q
//
//	name      meaning
//	q, o      [Batch, Heads, Q, Dim], in any order of the first three axes
//	k, v      [Batch, KVHeads, KV, Dim], likewise
//	bias      added to the scores; mask too, or, a boolean one (allow), false for what may not be seen
//	lengths   of a batch's queries and keys; queries beyond give o = 0, keys beyond are not seen
//	stats     [Batch, Heads, Q, 2]: m and 1/l of every query, for the gradient; ∞ and 0 if it sees no key
//
// Every sum over dimensions, keys or queries is one chain of multiply-adds in their order, that of o over keys with
// those factors between blocks, and l is the sum of [kernel.ExpSubSum] over each block. So the bytes of a query's row
// depend on its batch's data alone, not on the number of batches or workers. Blocks are chosen by Shape for one head.
package attention

import (
	"fmt"
	"math"

	"mgd3/cpu/internal/kernel"
)

// Shape gives the sizes. Heads is a multiple of KVHeads.
type Shape struct{ Batch, Heads, KVHeads, Q, KV, Dim int }

// Layout gives the strides of an operand in floats; those of the last axis lie side by side.
type Layout struct{ Batch, Head, Token int }

// BHSD is the layout of a [batch, heads, tokens, dim] tensor.
func BHSD(heads, tokens, dim int) Layout { return Layout{heads * tokens * dim, tokens * dim, dim} }

// BSHD is the layout of a [batch, tokens, heads, dim] tensor. That of a slice of [batch, tokens, 3, heads, dim] is
// BSHD(3·heads, tokens, dim), from its own first element on.
func BSHD(heads, tokens, dim int) Layout { return Layout{tokens * heads * dim, dim, heads * dim} }

// Layouts of the operands. Gradients have those of what they belong to.
type Layouts struct{ Q, K, V, Out Layout }

// Strides of a bias or mask over [batch, head, query, key]; 0 broadcasts.
type Strides struct{ Batch, Head, Q, KV int }

// Options of attention. A nil pointer means that there is no such input.
type Options struct {
	Scale  float64 // 0 is 1/√Dim
	Causal bool    // query i sees the keys up to i
	Bias   *Strides
	Mask   *Strides // added
	Allow  *Strides // boolean
}

// Inputs of one run. QLen and KVLen, of int32 per batch, are optional.
type Inputs struct {
	Q, K, V     []float32
	Bias, Mask  []float32
	Allow       []bool
	QLen, KVLen []int32
}

// StatsLen is the number of floats of stats.
func (s Shape) StatsLen() int { return 2 * s.Batch * s.Heads * s.Q }

// plan is what both directions have in common.
type plan struct {
	s      Shape
	l      Layouts
	o      Options
	scale  float32
	group  int // heads per head of keys and values
	rows   int // queries per block
	blocks int // of queries
	ld     int // floats from one row of a block of scores to the next
	ldd    int // likewise of queries

	kern *kernel.Gemm // of the current run
	in   Inputs
}

func newPlan(s Shape, l Layouts, o Options) plan {
	if min(s.Batch, s.Heads, s.Q, s.KV) < 0 || s.KVHeads < 1 || s.Heads%s.KVHeads != 0 || s.Dim < 1 {
		panic(fmt.Sprintf("attention: shape %+v", s))
	}
	p := plan{s: s, l: l, o: o, scale: float32(o.Scale), group: s.Heads / s.KVHeads}
	if o.Scale == 0 {
		p.scale = float32(1 / math.Sqrt(float64(s.Dim)))
	}
	p.blocks = max(1, (s.Q+blockRows(s)-1)/blockRows(s))
	p.rows = (s.Q + p.blocks - 1) / p.blocks
	p.ld, p.ldd = spread(s.KV), spread(s.Dim)
	return p
}

// blockRows is the largest number of queries in a block. With many dimensions keys and values do not stay in the
// cache between blocks, and so a block must be worth the reading.
func blockRows(s Shape) int {
	if s.Dim > 128 {
		return 112
	}
	return 84
}

// spread is a stride for rows of n floats that begin in different sets of the first cache, and in which panels of
// the last columns can be read whole: an odd number of cache lines.
func spread(n int) int { return ((n+kernel.NR-1)/kernel.NR*(kernel.NR/16) | 1) * 16 }

// block returns the queries lo to hi-1 of a block.
func (p *plan) block(i int) (lo, hi int) { return i * p.rows, min((i+1)*p.rows, p.s.Q) }

// queries is the number of queries of a batch, keys the number of keys that query i of it may see.
func (p *plan) queries(batch int) int {
	if p.in.QLen == nil {
		return p.s.Q
	}
	return min(max(int(p.in.QLen[batch]), 0), p.s.Q)
}

func (p *plan) keys(batch, i int) int {
	n := p.s.KV
	if p.in.KVLen != nil {
		n = min(max(int(p.in.KVLen[batch]), 0), n)
	}
	if p.o.Causal {
		n = min(n, i+1)
	}
	return n
}

// row returns the Dim floats of one token.
func (p *plan) row(x []float32, l Layout, batch, head, token int) []float32 {
	return x[batch*l.Batch+head*l.Head+token*l.Token:][:p.s.Dim]
}

// begin sets the inputs of a run.
func (p *plan) begin(in Inputs) {
	s, l := p.s, p.l
	need("q", len(in.Q), s.Batch, s.Heads, s.Q, s.Dim, Strides{l.Q.Batch, l.Q.Head, l.Q.Token, 1})
	need("k", len(in.K), s.Batch, s.KVHeads, s.KV, s.Dim, Strides{l.K.Batch, l.K.Head, l.K.Token, 1})
	need("v", len(in.V), s.Batch, s.KVHeads, s.KV, s.Dim, Strides{l.V.Batch, l.V.Head, l.V.Token, 1})
	p.needScores("bias", len(in.Bias), p.o.Bias)
	p.needScores("mask", len(in.Mask), p.o.Mask)
	p.needScores("boolean mask", len(in.Allow), p.o.Allow)
	for _, lengths := range [][]int32{in.QLen, in.KVLen} {
		if lengths != nil && len(lengths) != s.Batch {
			panic(fmt.Sprintf("attention: %d lengths for %d batches", len(lengths), s.Batch))
		}
	}
	p.in, p.kern = in, kernel.GemmKernel()
}

func (p *plan) needScores(name string, have int, strides *Strides) {
	if strides != nil {
		need(name, have, p.s.Batch, p.s.Heads, p.s.Q, p.s.KV, *strides)
	}
}

func (p *plan) needOut(name string, have int, s Shape, heads, tokens int, l Layout) {
	need(name, have, s.Batch, heads, tokens, s.Dim, Strides{l.Batch, l.Head, l.Token, 1})
}

// need panics if an operand is too short.
func need(name string, have, b, h, t, d int, s Strides) {
	if min(b, h, t, d) > 0 && have < (b-1)*s.Batch+(h-1)*s.Head+(t-1)*s.Q+(d-1)*s.KV+1 {
		panic(fmt.Sprintf("attention: %s has %d elements, too few for [%d, %d, %d, %d] with strides %+v", name, have, b,
			h, t, d, s))
	}
}
