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
	q := packing{dst, b, n, k, row, col}
	for part := range q.parts() {
		q.part(part)
	}
}

// PackBTeam is PackB on a team.
func PackBTeam(t *team.Team, dst, b []float32, n, k, row, col int) {
	q := packing{dst, b, n, k, row, col}
	t.For(q.parts(), func(part, _ int) { q.part(part) })
}

// packing is one matrix to pack: panel j is dst[j·k·NR:], its row p the columns from j·NR on of row p of b.
type packing struct {
	dst, b         []float32
	n, k, row, col int
}

// A part is a piece of some panels: kilobytes of each row or column of b.
const (
	partPanels = 8
	partTerms  = 64
)

func (q *packing) parts() int {
	return blocks(panels(q.n), partPanels) * blocks(q.k, partTerms)
}

func (q *packing) part(i int) {
	groups := blocks(panels(q.n), partPanels)
	j, k := i%groups*partPanels, i/groups*partTerms
	jhi, kn := min(j+partPanels, panels(q.n)), min(partTerms, q.k-k)
	if q.col == 1 {
		q.rows(j, jhi, k, kn)
		return
	}
	for ; j < jhi; j++ {
		kernel.PackPanel(q.dst[(j*q.k+k)*kernel.NR:], q.b[k*q.row+j*kernel.NR*q.col:], kn,
			min(kernel.NR, q.n-j*kernel.NR), q.row, q.col)
	}
}

// rows packs panels j to jhi-1 row by row, as the memory likes it.
func (q *packing) rows(j, jhi, k, kn int) {
	full := min(jhi, q.n/kernel.NR)
	for p := k; p < k+kn; p++ {
		src := q.b[p*q.row:]
		for i := j; i < full; i++ {
			*(*[kernel.NR]float32)(q.dst[(i*q.k+p)*kernel.NR:]) = *(*[kernel.NR]float32)(src[i*kernel.NR:])
		}
		if full < jhi {
			d := q.dst[(full*q.k+p)*kernel.NR:][:kernel.NR]
			clear(d[copy(d, src[full*kernel.NR:q.n]):])
		}
	}
}

// packAll packs B of product n for all workers.
func (p *Product) packAll(t *team.Team, n int) {
	p.packing = packing{p.panels, p.B[n*p.b.Batch:], p.s.N, p.s.K, p.b.Row, p.b.Col}
	t.For(p.packing.parts(), p.pack)
	p.packing = packing{}
}

func (p *Product) packPart(part, _ int) { p.packing.part(part) }

func panels(n int) int { return blocks(n, kernel.NR) }

// blocks is the number of blocks of size n in k.
func blocks(k, n int) int { return (k + n - 1) / n }
