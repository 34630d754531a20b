// Package gemm multiplies batches of float32 matrices with any strides on a team of workers:
//
//	C[n, i, j] = Σ_p A[n, i, p] · B[n, p, j]        n < Batch, i < M, j < N, p < K
//
// as Goto and van de Geijn do (Anatomy of High-Performance Matrix Multiplication, 2008): the columns of B are
// packed in panels of 32, of which a part of some hundred rows stays in the first cache while tiles of
// C, kept in registers by [kernel.Gemm], sweep over it. The rows of A are read where they lie, if
// they are contiguous; otherwise blocks of A are transposed first.
//
// Every element of C is one chain of multiply-adds in the order of p, started from 0, or from C to accumulate. So
// nothing of a Product's choices (blocks, tasks, number of workers), nor M, N or Batch, has any
// influence on the bytes of an element.
package gemm

import (
	"fmt"

	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// Shape gives the sizes: Batch products of [M, K] and [K, N] matrices.
type Shape struct{ Batch, M, N, K int }

// Layout gives the strides of a batch of matrices in floats; with Batch 0, all products share one matrix.
// The strides of A are those of [M, K], of B those of [K, N].
type Layout struct{ Batch, Row, Col int }

// Options of a product.
type Options struct {
	Accumulate bool // add to C
	PackedB    bool // b was made by PackB and is shared; its Layout is not used

	// Widen, if not nil, says that B was made by PackHalf and makes float32 of its numbers: see RunHalf.
	Widen func(dst []float32, src []uint16)

	// Pairs says that all numbers of A are bfloat16's and B was made by PackPairs: each term of the sum is then two,
	// in the arithmetic of kernel.PairsKernel. For RunHalf too.
	Pairs bool

	// Done, if not nil, is told by the worker that made them that rows lo to hi-1 of C, counted over
	// Batch·M, are complete, right after, while they are in its cache. All rows are told once.
	Done func(lo, hi, worker int)

	large int // in place of the constant, if not 0
}

// Product is a plan for one shape. It is used by one Run at a time.
type Product struct {
	s       Shape
	a, b, c Layout
	o       Options
	height  int  // rows of C per product
	swap    bool // C is column-major: Cᵀ = Bᵀ·Aᵀ is computed
	copyA   bool // blocks of A are copied to have contiguous rows
	directB bool // rows of B are read where they lie
	kc      int  // terms of the sum per block
	terms   int  // of the sum; s.K is half as many of pairs

	// Set by Run for its workers.
	kern      *kernel.Gemm
	g         grid
	cuts      []int // of the rows of one product, between its parts
	A, B, C   []float32
	panels    []float32 // B packed for all
	half      []uint16  // or in half precision
	scratch   []float32 // of the workers
	packing   packing   // at work
	first     int       // the products of a loop are first to last-1
	last      int
	tellParts int

	pack, multiply, tell func(part, worker int) // bound methods, made once
}

// New plans a product. The rows or the columns of C are contiguous; no stride is negative.
func New(s Shape, a, b, c Layout, o Options) *Product {
	if s.Batch < 0 || s.M < 0 || s.N < 0 || s.K < 0 {
		panic(fmt.Sprintf("gemm: shape %+v", s))
	}
	if o.Widen != nil || o.Pairs {
		o.PackedB = true
	}
	if o.PackedB {
		b = Layout{Row: kernel.NR, Col: 1}
	}
	p := &Product{s: s, height: s.M, a: a, b: b, c: c, o: o, terms: s.K}
	if o.Pairs {
		p.s.K = (s.K + 1) / 2
	}
	p.orient()
	p.merge()
	p.kc = kBlock(p.s.K, kMax)
	if p.stripes() {
		p.kc = kBlock(p.s.K, stripeTerms)
	}
	p.copyA = p.a.Col != 1 || o.Pairs
	p.directB = !o.PackedB && p.b.Col == 1 && p.s.M <= directRows
	p.pack, p.multiply, p.tell = p.packPart, p.multiplyPart, p.tellPart
	return p
}

// orient makes the rows of C contiguous.
func (p *Product) orient() {
	s, a, b, c := p.s, p.a, p.b, p.c
	switch {
	case c.Col == 1 || s.N <= 1:
		p.c.Col = 1
	case (c.Row == 1 || s.M <= 1) && !p.o.PackedB:
		p.swap = true
		p.s.M, p.s.N = s.N, s.M
		p.a, p.b = Layout{b.Batch, b.Col, b.Row}, Layout{a.Batch, a.Col, a.Row}
		p.c = Layout{c.Batch, c.Col, 1}
	default:
		panic(fmt.Sprintf("gemm: layout %+v of C", c))
	}
}

// merge makes one product of a batch with a common B, if the rows allow it.
func (p *Product) merge() {
	s := &p.s
	if s.M == 1 {
		p.a.Row, p.c.Row = p.a.Batch, p.c.Batch
	}
	if p.b.Batch == 0 && p.a.Batch == s.M*p.a.Row && p.c.Batch == s.M*p.c.Row {
		s.M, s.Batch, p.height = s.M*s.Batch, min(s.Batch, 1), p.height*s.Batch
	}
}

// Scratch returns the number of floats that Run needs with a team of that size.
func (p *Product) Scratch(workers int) int {
	g := p.plan(workers)
	return g.shared + workers*(g.blockA+g.blockB)
}

// Run computes C. The scratch has at least Scratch(t.Size()) floats, of any value.
func (p *Product) Run(t *team.Team, c, a, b, scratch []float32) {
	if p.s.Batch == 0 || p.s.M == 0 || p.s.N == 0 {
		return
	}
	p.A, p.B, p.C = a, b, c
	if p.swap {
		p.A, p.B = b, a
	}
	p.run(t, scratch)
}

// RunHalf is Run of a product with Widen or Pairs. With Widen, each piece of a panel becomes float32 right before it is
// used, so the sums are those of the same product in float32.
func (p *Product) RunHalf(t *team.Team, c, a []float32, b []uint16, scratch []float32) {
	if p.s.Batch == 0 || p.s.M == 0 || p.s.N == 0 {
		return
	}
	p.A, p.half, p.C = a, b, c
	p.run(t, scratch)
	p.half = nil
}

func (p *Product) run(t *team.Team, scratch []float32) {
	p.check()
	p.kern, p.g = kernel.GemmKernel(), p.plan(t.Size())
	p.panels, p.scratch = nil, scratch[p.g.shared:]
	switch {
	case p.o.Pairs:
		p.kern, p.panels = kernel.PairsKernel(), words(p.half)
		p.loop(t, 0, p.s.Batch)
	case p.o.PackedB:
		p.panels = p.B
		p.loop(t, 0, p.s.Batch)
	case p.g.shared == 0:
		p.loop(t, 0, p.s.Batch)
	case p.b.Batch == 0:
		p.panels = scratch[:p.g.shared]
		p.packAll(t, 0)
		p.loop(t, 0, p.s.Batch)
	default:
		p.panels = scratch[:p.g.shared]
		for n := range p.s.Batch {
			p.packAll(t, n)
			p.loop(t, n, n+1)
		}
	}
	p.A, p.B, p.C, p.panels, p.scratch = nil, nil, nil, nil, nil
}

// check panics if a slice is too short.
func (p *Product) check() {
	s := p.s
	need := func(name string, have []float32, l Layout, rows, cols int) {
		if rows > 0 && cols > 0 && len(have) < (s.Batch-1)*l.Batch+(rows-1)*l.Row+(cols-1)*l.Col+1 {
			panic(fmt.Sprintf("gemm: %s has %d floats, too few for %+v, %+v", name, len(have), s, l))
		}
	}
	need("A", p.A, p.a, s.M, p.terms)
	need("C", p.C, p.c, s.M, s.N)
	if !p.o.PackedB {
		need("B", p.B, p.b, s.K, s.N)
	} else if p.o.Widen != nil || p.o.Pairs {
		want := PackedSize(s.N, s.K)
		if p.o.Pairs {
			want = kernel.PairsLen(p.terms, s.N)
		}
		if len(p.half) < want {
			panic(fmt.Sprintf("gemm: packed B has %d halves, want %d", len(p.half), want))
		}
	} else if len(p.B) < PackedSize(s.N, s.K) {
		panic(fmt.Sprintf("gemm: packed B has %d floats, want %d", len(p.B), PackedSize(s.N, s.K)))
	}
}

// loop computes the products lo to hi-1.
func (p *Product) loop(t *team.Team, lo, hi int) {
	p.first, p.last = lo, hi
	t.For((hi-lo)*p.g.rows*p.g.cols, p.multiply)
	if p.o.Done != nil && !p.g.tells {
		p.tellParts = min(t.Size(), (hi-lo)*p.height)
		t.For(p.tellParts, p.tell)
	}
}
