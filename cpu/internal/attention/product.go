package attention

import "mgd3/cpu/internal/kernel"

// panels is a matrix [k, n] on the right of a product, in panels of 32 columns: row p of panel j begins at
// x[j·step + p·ld].
type panels struct {
	x        []float32
	step, ld int
}

// packed are the panels of a matrix with k rows, as kernel.PackPanel makes them.
func packed(x []float32, k int) panels { return panels{x, k * kernel.NR, kernel.NR} }

// inPlace are the panels of a matrix whose rows are ld apart, padded to whole panels.
func inPlace(x []float32, ld int) panels { return panels{x, kernel.NR, ld} }

// kMax terms of 32 columns, 64 KB, flow from the second cache.
const kMax = 512

var noOffset int // of the only tap

// multiply sets c = a·b, or adds it, for [rows, k] and [k, cols] matrices: each sum is one chain in the order of k.
func (p *plan) multiply(c []float32, ldc int, a []float32, lda int, b panels, rows, cols, k int, add bool) {
	if rows == 0 || cols == 0 {
		return
	}
	height := p.kern.Rows(rows)
	parts := max(1, (k+kMax-1)/kMax)
	terms := (k + parts - 1) / parts
	for j := 0; j < cols; j += kernel.NR {
		for from := 0; from < k; from += terms {
			panel := &b.x[j/kernel.NR*b.step+from*b.ld]
			for i := 0; i < rows; i += height {
				p.kern.Run(min(height, rows-i), min(kernel.NR, cols-j), 1, &noOffset, min(terms, k-from),
					&a[i*lda+from], lda, panel, b.ld, &c[i*ldc+j], ldc, add || from > 0)
			}
		}
	}
}

// packTokens packs panel j of the matrix [KV, Dim] of one head.
func (p *plan) packTokens(dst, x []float32, l Layout, batch, head, j int) {
	step := p.s.KV * kernel.NR
	if step == 0 {
		return
	}
	kernel.PackPanel(dst[j*step:(j+1)*step], x[batch*l.Batch+head*l.Head+j*kernel.NR:], p.s.KV,
		min(kernel.NR, p.s.Dim-j*kernel.NR), l.Token, 1)
}

// packTransposed packs panel j of its transpose, [Dim, KV].
func (p *plan) packTransposed(dst, x []float32, l Layout, batch, head, j int) {
	step := p.s.Dim * kernel.NR
	from := j * kernel.NR
	kernel.PackPanel(dst[j*step:(j+1)*step], x[batch*l.Batch+head*l.Head+from*l.Token:], p.s.Dim,
		min(kernel.NR, p.s.KV-from), 1, l.Token)
}

func panelsOf(n int) int { return (n + kernel.NR - 1) / kernel.NR }
