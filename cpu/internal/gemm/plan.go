package gemm

import "mgd3/cpu/internal/kernel"

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
	// grain is the number of multiply-adds that are worth a part of a loop: about ten microseconds.
	grain = 1 << 20
)

// grid is how Run goes to work: each product is cut in rows × cols parts.
type grid struct {
	rows, cols     int
	shared         int  // floats of B packed by all for all; if 0 and B is not packed yet, each worker packs what it needs
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
	switch {
	case s.M <= fewRows || s.M <= localRows && !p.o.PackedB:
		g.cols = min(parts, panels)
		g.rows = min((parts+g.cols-1)/g.cols, (s.M+fewRows-1)/fewRows)
	default:
		g.rows = max(parts, (s.M+rowsMax-1)/rowsMax)
		g.rows = min((g.rows+workers-1)/workers*workers, (s.M+7)/8)
		g.cols = 1
		if !p.o.PackedB {
			g.shared = kernel.PackedLen(s.K, s.N)
		}
	}
	if p.copyA {
		g.blockA = (s.M + g.rows - 1) / g.rows * spread(p.kc)
	}
	if g.shared == 0 && !p.o.PackedB {
		g.blockB = p.kc * kernel.NR
	}
	g.tells = g.cols == 1 && !p.swap
	return g
}

// kBlock cuts a sum of k terms in even blocks of at most kMax.
func kBlock(k int) int {
	n := max(1, (k+kMax-1)/kMax)
	return max(4, ((k+n-1)/n+3)/4*4)
}

// spread is a stride for rows of k floats that fall in different sets: an odd number of cache lines.
func spread(k int) int { return ((k+15)/16 | 1) * 16 }
