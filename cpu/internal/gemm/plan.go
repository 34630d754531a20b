package gemm

import (
	"cmp"

	"mgd3/cpu/internal/kernel"
)

const (
	// kMax terms of 32 columns, 128 KB, flow from the second cache. On Zen 5 that beats blocks that fit
	// the first, as C is loaded and stored less often.
	kMax = 1024
	// rowsMax rows of kMax terms are 448 KB of the second cache; a panel that comes there is used for all of them.
	rowsMax = 112
	// localRows is the height of A up to which each worker packs the panels it uses, and no other uses them.
	localRows = 512
	// directRows is the height of A up to which packing a contiguous B costs more than it gains.
	directRows = 14
	// fewRows is the height of A up to which workers share the columns of a packed B rather than the rows of A.
	fewRows = 128
	// large is the size of B, 8 MB, from which on it comes from memory each time that rows of A sweep over it. So a
	// part is then tallRows of A and stripePanels of B, and blocks of stripeRows and stripeTerms: 126 KB of A, 95 KB
	// of C and a panel of 48 KB are in the second cache, and the stripe of B is in the third for all its rows.
	large        = 2 << 20
	tallRows     = 512
	stripePanels = 9
	stripeRows   = 84
	stripeTerms  = 384
	// grain is the number of multiply-adds that are worth a part of a loop: about ten microseconds.
	grain = 1 << 20
)

// grid is how Run goes to work: each product is cut in rows × cols parts.
type grid struct {
	rows, cols int
	// floats of B packed by all for all; if 0 and B is not packed yet, each worker packs what it needs
	shared         int
	block          int  // rows of A that a part takes at once
	blockA, blockB int  // floats of scratch of one worker
	tells          bool // parts are whole rows, so they can tell
}

// plan chooses the grid. It has no influence on the bytes of C.
func (p *Product) plan(workers int) grid {
	s := p.s
	if s.Batch == 0 || s.M == 0 || s.N == 0 {
		return grid{}
	}
	panels := panels(s.N)
	parts := min(4*workers, max(1, s.Batch*s.M*s.N*s.K/grain)) // of all products
	parts = (parts + s.Batch - 1) / s.Batch                    // of one
	var g grid
	p.cuts = p.cuts[:0]
	switch {
	case p.stripes():
		g.rows, g.cols, g.block = (s.M+tallRows-1)/tallRows, (panels+stripePanels-1)/stripePanels, stripeRows
		for g.rows*g.cols < 3*workers && g.cols < (panels+2)/3 { // narrower stripes first, then fewer rows
			g.cols++
		}
		for g.rows*g.cols < 3*workers && g.rows < (s.M+stripeRows-1)/stripeRows {
			g.rows++
		}
		if !p.o.PackedB {
			g.shared = kernel.PackedLen(s.K, s.N)
		}
	case s.M <= fewRows || s.M <= localRows && !p.o.PackedB:
		g.cols = min(parts, panels)
		g.rows = min((parts+g.cols-1)/g.cols, (s.M+fewRows-1)/fewRows)
	default:
		p.cutRows(workers, parts > 1)
		g.rows, g.cols = len(p.cuts)-1, 1
		if !p.o.PackedB {
			g.shared = kernel.PackedLen(s.K, s.N)
		}
	}
	if g.block == 0 {
		g.block = s.M
	}
	if len(p.cuts) == 0 {
		for i := range g.rows + 1 {
			p.cuts = append(p.cuts, s.M*i/g.rows)
		}
	}
	if p.copyA {
		most := 0
		for i := range g.rows {
			most = max(most, min(p.cuts[i+1]-p.cuts[i], g.block))
		}
		g.blockA = most * spread(p.kc)
	}
	if g.shared == 0 && (!p.o.PackedB || p.o.Widen != nil) {
		g.blockB = p.kc * kernel.NR
	}
	g.tells = g.cols == 1 && !p.swap
	return g
}

// cutRows cuts the rows of one product into parts: whole tiles, many of them at first, as a panel that is near serves
// them all, and fewer towards the end, so that the workers end together although one of them was held up. With alone
// false, other products keep the workers busy at the end.
func (p *Product) cutRows(workers int, alone bool) {
	const height = 14 // of a tile; only what is fast depends on it
	p.cuts = append(p.cuts, 0)
	for row := 0; row < p.s.M; {
		n := rowsMax
		if alone {
			tiles := (p.s.M - row + height - 1) / height
			n = min(n, max(1, tiles/(2*workers))*height)
		}
		row = min(row+n, p.s.M)
		p.cuts = append(p.cuts, row)
	}
}

// stripes reports whether B is too large for the caches.
func (p *Product) stripes() bool {
	return p.s.K*p.s.N > cmp.Or(p.o.large, large) && (p.o.PackedB && p.s.M > fewRows || p.s.M > localRows)
}

// kBlock cuts a sum of k terms in even blocks of at most most.
func kBlock(k, most int) int {
	n := max(1, (k+most-1)/most)
	return max(4, ((k+n-1)/n+3)/4*4)
}

// spread is a stride for rows of k floats that fall in different sets: an odd number of cache lines.
func spread(k int) int { return ((k+15)/16 | 1) * 16 }
