package gemm

import "mgd3/cpu/internal/kernel"

// multiplyPart computes one part of the grid of one product.
func (p *Product) multiplyPart(part, worker int) {
	g, s := &p.g, p.s
	n, part := p.first+part/(g.rows*g.cols), part%(g.rows*g.cols)
	row, col, panels := part%g.rows, part/g.rows, panels(s.N) // parts of one column share panels that are near
	lo, hi := p.cuts[row], p.cuts[row+1]
	for at := lo; at < hi; at += g.block {
		p.block(n, at, min(at+g.block, hi), panels*col/g.cols, panels*(col+1)/g.cols, worker)
	}
	if p.o.Done != nil && g.tells {
		p.o.Done(n*s.M+lo, n*s.M+hi, worker)
	}
}

// tellPart tells a share of the rows, when the parts of the grid were not whole rows.
func (p *Product) tellPart(part, worker int) {
	lo, rows, parts := p.first*p.height, (p.last-p.first)*p.height, p.tellParts
	if a, b := rows*part/parts, rows*(part+1)/parts; a < b {
		p.o.Done(lo+a, lo+b, worker)
	}
}

var zero [1]int // the offset of the one tap

// block computes rows lo to hi-1 of the panels jlo to jhi-1 of product n.
func (p *Product) block(n, lo, hi, jlo, jhi, worker int) {
	g, s := &p.g, p.s
	mine := p.scratch[worker*(g.blockA+g.blockB):][:g.blockA+g.blockB]
	c := p.C[n*p.c.Batch+lo*p.c.Row:]
	height := p.kern.Rows(hi - lo)
	for k := 0; k == 0 || k < s.K; k += p.kc {
		kn := min(p.kc, s.K-k)
		a, lda := p.blockOfA(mine[:g.blockA], n, lo, hi-lo, k, kn)
		for j := jlo; j < jhi; j++ {
			cols := min(kernel.NR, s.N-j*kernel.NR)
			b, ldb := p.panel(mine[g.blockA:], n, j, cols, k, kn)
			next := p.ahead(j, jlo, jhi, k, kn)
			for i, tile := 0, 0; i < hi-lo; i, tile = i+height, tile+1 {
				p.kern.RunAhead(min(height, hi-lo-i), cols, 1, &zero[0], kn, at(a, i*lda), lda, at(b, 0), ldb,
					&c[i*p.c.Row+j*kernel.NR], p.c.Row, k > 0 || p.o.Accumulate,
					at(next, min(tile*kn*4, max(0, len(next)-1))))
			}
		}
	}
}

// ahead returns what follows the piece of panel j in the order of block: the next panel, or the first one of the next
// terms.
func (p *Product) ahead(j, jlo, jhi, k, kn int) []float32 {
	if p.panels == nil {
		return nil
	}
	if j++; j == jhi {
		j, k = jlo, k+kn
	}
	return p.panels[min((j*p.s.K+k)*kernel.NR, len(p.panels)):]
}

// at is the address of x[i], or of anything if x is empty and will not be read.
func at(x []float32, i int) *float32 {
	if len(x) == 0 {
		return &nothing[0]
	}
	return &x[i]
}

var nothing [kernel.NR]float32

// blockOfA returns kn terms from k on of rows lo to lo+rows-1 of A, and their stride.
func (p *Product) blockOfA(mine []float32, n, lo, rows, k, kn int) (a []float32, lda int) {
	if kn == 0 {
		return nil, 0
	}
	if p.o.Pairs {
		return p.pairsOfA(mine, p.A[n*p.a.Batch+lo*p.a.Row+2*k*p.a.Col:], rows, min(2*kn, p.terms-2*k))
	}
	a = p.A[n*p.a.Batch+lo*p.a.Row+k*p.a.Col:]
	if !p.copyA {
		return a, p.a.Row
	}
	ld := spread(p.kc)
	if p.a.Row == 1 {
		kernel.Transpose(mine, ld, a, p.a.Col, kn, rows)
		return mine, ld
	}
	for i := range rows {
		for q := range kn {
			mine[i*ld+q] = a[i*p.a.Row+q*p.a.Col]
		}
	}
	return mine, ld
}

// panel returns kn terms from k on of panel j of B, and the stride of its rows.
func (p *Product) panel(mine []float32, n, j, cols, k, kn int) (b []float32, ldb int) {
	if kn == 0 {
		return nil, kernel.NR
	}
	if p.o.Widen != nil {
		p.o.Widen(mine[:kn*kernel.NR], p.half[(j*p.s.K+k)*kernel.NR:])
		return mine, kernel.NR
	}
	if p.panels != nil {
		return p.panels[(j*p.s.K+k)*kernel.NR:], kernel.NR
	}
	b = p.B[n*p.b.Batch+k*p.b.Row+j*kernel.NR*p.b.Col:]
	if p.directB && cols == kernel.NR {
		return b, p.b.Row
	}
	kernel.PackPanel(mine, b, kn, cols, p.b.Row, p.b.Col)
	return mine, kernel.NR
}
