package gemm

import (
	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// PackedSize returns the number of floats of a packed [k, n] matrix.
func PackedSize(n, k int) int { return kernel.PackedLen(k, n) }

// PackB packs the [k, n] matrix b with the given strides for products with PackedB. What is packed at one
// level of instructions serves at all.
func PackB(dst, b []float32, n, k, row, col int) {
	for j := range panels(n) {
		packPiece(dst, b, n, k, row, col, j, 0, k)
	}
}

// PackBTeam is PackB on a team.
func PackBTeam(t *team.Team, dst, b []float32, n, k, row, col int) {
	t.For(panels(n), func(j, _ int) { packPiece(dst, b, n, k, row, col, j, 0, k) })
}

// packPiece packs kn terms from k0 on of panel j.
func packPiece(dst, b []float32, n, k, row, col, j, k0, kn int) {
	if kn == 0 {
		return
	}
	cols := min(kernel.NR, n-j*kernel.NR)
	kernel.PackPanel(dst[(j*k+k0)*kernel.NR:], b[k0*row+j*kernel.NR*col:], kn, cols, row, col)
}

// packAll packs B of product n for all workers.
func (p *Product) packAll(t *team.Team, n int) {
	p.first = n
	t.For(panels(p.s.N)*blocks(p.s.K, p.kc), p.pack)
}

func (p *Product) packPart(part, _ int) {
	nk := blocks(p.s.K, p.kc)
	j, k := part/nk, part%nk*p.kc
	b := p.B[p.first*p.b.Batch:]
	packPiece(p.panels, b, p.s.N, p.s.K, p.b.Row, p.b.Col, j, k, min(p.kc, p.s.K-k))
}

// blocks is the number of blocks of size n in k.
func blocks(k, n int) int { return (k + n - 1) / n }
