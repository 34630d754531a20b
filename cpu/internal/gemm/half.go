package gemm

import (
	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// PackHalf is PackBTeam of numbers of two bytes.
func PackHalf(t *team.Team, dst, b []uint16, n, k, row, col int) {
	w := walk[uint16]{dst, b, n, k, row, col, 1}
	t.For(panels(n), func(j, _ int) { w.panel(j, false) })
}

// Unpack makes b, of which only the elements of the matrix are written, of what PackB or PackHalf made of it.
func Unpack[T float32 | uint16](b, packed []T, n, k, row, col int) {
	unpack(walk[T]{packed, b, n, k, row, col, 1})
}

func unpack[T float32 | uint16](w walk[T]) {
	for j := range panels(w.n) {
		w.panel(j, true)
	}
}

// walk is one matrix to pack or unpack, as packing is: panel j is packed[j·k·NR:], with k rounded up
// to a multiple of together.
type walk[T float32 | uint16] struct {
	packed, b      []T
	n, k, row, col int
	together       int // terms of a column that lie side by side
}

// panel packs or unpacks panel j, in squares of which both sides stay in the first cache.
func (w *walk[T]) panel(j int, back bool) {
	cols := min(kernel.NR, w.n-j*kernel.NR)
	height := blocks(w.k, w.together) * w.together
	panel := w.packed[j*height*kernel.NR : (j+1)*height*kernel.NR]
	if (cols < kernel.NR || height > w.k) && !back {
		clear(panel)
	}
	for lo := 0; lo < w.k; lo += kernel.NR {
		hi := min(lo+kernel.NR, w.k)
		for i := range cols {
			b := w.b[(j*kernel.NR+i)*w.col:]
			for p := lo; p < hi; p++ {
				if d := &panel[p/w.together*w.together*kernel.NR+i*w.together+p%w.together]; back {
					b[p*w.row] = *d
				} else {
					*d = b[p*w.row]
				}
			}
		}
	}
}
