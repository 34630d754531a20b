package gemm

import (
	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// PackHalf is PackBTeam of numbers of two bytes.
func PackHalf(t *team.Team, dst, b []uint16, n, k, row, col int) {
	w := walk[uint16]{dst, b, n, k, row, col}
	t.For(panels(n), func(j, _ int) { w.panel(j, false) })
}

// Unpack makes b, of which only the elements of the matrix are written, of what PackB or PackHalf made of it.
func Unpack[T float32 | uint16](b, packed []T, n, k, row, col int) {
	w := walk[T]{packed, b, n, k, row, col}
	for j := range panels(n) {
		w.panel(j, true)
	}
}

// walk is one matrix to pack or unpack, as packing is: panel j is packed[j·k·NR:].
type walk[T float32 | uint16] struct {
	packed, b      []T
	n, k, row, col int
}

// panel packs or unpacks panel j, in squares of which both sides stay in the first cache.
func (w *walk[T]) panel(j int, back bool) {
	cols := min(kernel.NR, w.n-j*kernel.NR)
	if cols < kernel.NR && !back {
		clear(w.packed[j*w.k*kernel.NR : (j+1)*w.k*kernel.NR])
	}
	for lo := 0; lo < w.k; lo += kernel.NR {
		hi := min(lo+kernel.NR, w.k)
		for i := range cols {
			b := w.b[(j*kernel.NR+i)*w.col:]
			for p := lo; p < hi; p++ {
				if d := &w.packed[(j*w.k+p)*kernel.NR+i]; back {
					b[p*w.row] = *d
				} else {
					*d = b[p*w.row]
				}
			}
		}
	}
}
