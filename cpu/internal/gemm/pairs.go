package gemm

import (
	"unsafe"

	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// PairsSize returns the number of bfloat16 of a packed [k, n] matrix for products with Pairs.
func PairsSize(n, k int) int { return kernel.PairsLen(k, n) }

// PackPairs packs bfloat16 for products with Pairs: of each panel, terms 2p and 2p+1 of a column are one word. They are
// neighbours in memory on all processors, and kernels read them so.
func PackPairs(t *team.Team, dst, b []uint16, n, k, row, col int) {
	w := walk[uint16]{dst, b, n, k, row, col, 2}
	t.For(panels(n), func(j, _ int) { w.panel(j, false) })
}

// PackPairsOf is PackPairs of bfloat16 that are stored as float32.
func PackPairsOf(t *team.Team, dst []uint16, b []float32, n, k, row, col int) {
	PackPairs(t, dst, uppers(b), n, k, 2*row, 2*col)
}

// uppers are the halves of x that bfloat16 has: every second one.
func uppers(x []float32) []uint16 { return halves(x)[min(upper, len(x)):] }

func halves(x []float32) []uint16 {
	return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(x))), 2*len(x))
}

// upper is where the half of a float32 lies that bfloat16 has.
var upper = func() int {
	one := float32(1) // whose other half is zero
	if (*[2]uint16)(unsafe.Pointer(&one))[1] == 0 {
		return 0
	}
	return 1
}()

// UnpackPairs is Unpack of what PackPairs made.
func UnpackPairs(b, packed []uint16, n, k, row, col int) {
	unpack(walk[uint16]{packed, b, n, k, row, col, 2})
}

// words reads pairs as what kernels take.
func words(pairs []uint16) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(pairs))), len(pairs)/2)
}

// pairsOfA writes so many terms of rows of A as words, and returns their stride.
func (p *Product) pairsOfA(mine, a []float32, rows, terms int) (pairs []float32, lda int) {
	ld := spread(p.kc)
	if p.a.Col == 1 {
		for i := range rows {
			kernel.ToPairs(mine[i*ld:], a[i*p.a.Row:][:terms])
		}
		return mine, ld
	}
	to, from := halves(mine), uppers(a)
	for q := range terms {
		for i := range rows {
			to[2*i*ld+q] = from[2*(i*p.a.Row+q*p.a.Col)]
		}
	}
	for i := range rows * (terms & 1) {
		to[2*i*ld+terms] = 0
	}
	return mine, ld
}
