package gemm

import (
	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// halfPacking is one matrix of two bytes a number to pack, as packing does: panel j is dst[j·k·NR:].
type halfPacking struct {
	dst, b         []uint16
	n, k, row, col int
}

// PackHalf is PackBTeam of numbers of two bytes.
func PackHalf(t *team.Team, dst, b []uint16, n, k, row, col int) {
	q := halfPacking{dst, b, n, k, row, col}
	t.For(panels(n), func(j, _ int) { q.panel(j, false) })
}

// UnpackHalf makes b again of what PackHalf made of it.
func UnpackHalf(t *team.Team, b, packed []uint16, n, k, row, col int) {
	q := halfPacking{packed, b, n, k, row, col}
	t.For(panels(n), func(j, _ int) { q.panel(j, true) })
}

// panel packs or unpacks panel j, in squares of which both sides stay in the first cache.
func (q *halfPacking) panel(j int, back bool) {
	cols := min(kernel.NR, q.n-j*kernel.NR)
	if cols < kernel.NR && !back {
		clear(q.dst[j*q.k*kernel.NR : (j+1)*q.k*kernel.NR])
	}
	for lo := 0; lo < q.k; lo += kernel.NR {
		hi := min(lo+kernel.NR, q.k)
		for i := range cols {
			b := q.b[(j*kernel.NR+i)*q.col:]
			for p := lo; p < hi; p++ {
				if d := &q.dst[(j*q.k+p)*kernel.NR+i]; back {
					b[p*q.row] = *d
				} else {
					*d = b[p*q.row]
				}
			}
		}
	}
}
