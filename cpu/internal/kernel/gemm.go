package kernel

import "fmt"

// NR is the width of a panel: matrices on the right are packed in panels of 32 columns, at every level.
const NR = 32

// Gemm computes tiles of matrix products. Run sets, for i < rows ≤ MR and j < cols ≤ NR,
//
//	C[i·ldc + j] = (add ? C[i·ldc + j] : 0) + Σ_t Σ_p A[off[t] + i·lda + p] · B[(t·k + p)·ldb + j]     t < taps, p < k
//
// as one chain of multiply-adds per element, in the order of t and then p, that starts with C or 0. So a product
// whose sum is cut in parts, each added to the last, has the same bytes as in one go, and so has a row
// in a tile of any height. A plain product has one tap, with off = 0; a convolution has one tap per
// position of its kernel, in a channels-last image of which each row of C sees a window.
//
// A is read by value, so it need not be packed. B has 32 readable floats (16 for cols ≤ 16) in
// each row, whatever cols is: [PackPanel] pads with zeros. Only rows × cols elements of C are touched. taps ≥ 1;
// strides and offsets count floats, and those of A may be zero or negative.
type Gemm struct {
	MR   int
	tall bool // tiles of MR rows are the best: others are made of several
	run  func(rows, cols, taps int, off *int, k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int,
		add bool, ahead *float32)
}

// Run computes a tile.
func (g *Gemm) Run(rows, cols, taps int, off *int, k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int,
	add bool) {
	g.run(rows, cols, taps, off, k, a, lda, b, ldb, c, ldc, add, b)
}

// RunAhead is Run, and it asks the memory to bring near the taps·k/4 cache lines from ahead on, which
// may end anywhere: a share of the panel that comes next.
func (g *Gemm) RunAhead(rows, cols, taps int, off *int, k int, a *float32, lda int, b *float32, ldb int, c *float32,
	ldc int, add bool, ahead *float32) {
	g.run(rows, cols, taps, off, k, a, lda, b, ldb, c, ldc, add, ahead)
}

// GemmKernel returns the kernel of the current level. All have tiles of one width, so what was packed for
// one suits the others.
func GemmKernel() *Gemm { return gemmKernel(Current()) }

// Rows returns the height of the tiles that cut m rows most evenly: ⌈m/n⌉ for the smallest n with
// tiles of at most MR rows. Of tall tiles it is MR.
func (g *Gemm) Rows(m int) int {
	if g.tall {
		return min(m, g.MR)
	}
	n := (m + g.MR - 1) / g.MR
	if n == 0 {
		return 0
	}
	return (m + n - 1) / n
}

// PackedLen is the number of floats of all panels of a [k, n] matrix.
func PackedLen(k, n int) int { return (n + NR - 1) / NR * NR * k }

// PackPanel writes a panel of a [k, cols] matrix: dst[p·NR + j] = b[p·row + j·col] for p < k, j < cols ≤ NR, and
// zeros for the other j. Row or column strides of one are fast.
func PackPanel(dst, b []float32, k, cols, row, col int) {
	if k == 0 || cols == 0 {
		clear(dst[:k*NR])
		return
	}
	if cols > NR || row < 0 || col < 0 {
		panic(fmt.Sprintf("kernel: panel of %d columns with strides %d, %d", cols, row, col))
	}
	dst, b = dst[:k*NR], b[:(k-1)*row+(cols-1)*col+1]
	switch {
	case col == 1:
		packRows(dst, b, k, cols, row)
	case row == 1:
		packCols(dst, b, k, cols, col)
	default:
		packAny(dst, b, k, cols, row, col)
	}
}

func packAny(dst, b []float32, k, cols, row, col int) {
	for p := range k {
		d := dst[p*NR : p*NR+NR]
		for j := range cols {
			d[j] = b[p*row+j*col]
		}
		clear(d[cols:])
	}
}

func packRows(dst, b []float32, k, cols, row int) {
	if cols == NR {
		for p := range k {
			*(*[NR]float32)(dst[p*NR:]) = *(*[NR]float32)(b[p*row:])
		}
		return
	}
	for p := range k {
		d := dst[p*NR : p*NR+NR]
		clear(d[copy(d, b[p*row:p*row+cols]):])
	}
}

func packCols(dst, b []float32, k, cols, col int) {
	if cols < NR {
		clear(dst)
	}
	Transpose(dst, NR, b, col, cols, k)
}
