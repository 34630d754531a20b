package conv

import "mgd3/cpu/internal/kernel"

// winogradGrad is the gradient by a 3×3 kernel through Winograd's transforms, see kernel.Winograd: in blocks of
// tiles, in their order,
//
//	V[ξ] [tiles, C] = Bᵀ d B,  W[ξ] [tiles, K] = A ∂Y Aᵀ
//	S[ξ] [C, K]    += V[ξ]ᵀ·W[ξ]
//
// and at last ∂k = Gᵀ S G. The steps are: transform a block, multiply it, …, write the gradient. If there is just
// one block, the last two are one step, and S is never in memory as a whole.
type winogradGrad struct {
	w          *winograd // for its tiles
	g          Geometry
	k          KernelLayout
	t          *kernel.Winograd
	tiles      int // of all images
	block      int
	vRow, wRow int   // from tile to tile
	off        []int // of the tiles in V[ξ]
}

const (
	gradBlock = 256 // tiles in a block
	gradTiles = 8   // tiles of a task that transforms
	gradRows  = 28  // channels of inputs of a task that writes a panel of the gradient
)

func newWinogradGrad(g Geometry, k KernelLayout, tile int) *winogradGrad {
	d := &winogradGrad{w: newWinograd(g, k, tile), g: g, k: k, t: kernel.WinogradOf(tile)}
	d.tiles = g.Batch * d.w.th * d.w.tw
	d.block = min(d.tiles, gradBlock)
	d.vRow, d.wRow = g.InC+16, g.OutC+16 // not multiples of 4096 bytes, see winograd
	for i := range d.block {
		d.off = append(d.off, i*d.vRow)
	}
	return d
}

func (d *winogradGrad) name() string { return d.w.name() }
func (d *winogradGrad) points() int  { return d.t.N * d.t.N }
func (d *winogradGrad) vStep() int   { return d.block*d.vRow + 16 }
func (d *winogradGrad) wStep() int   { return d.block*d.wRow + 16 }
func (d *winogradGrad) blocks() int  { return ceil(d.tiles, d.block) }

// sStep is the distance of S[ξ] and S[ξ+1]; there is none with one block.
func (d *winogradGrad) sStep() int {
	if d.blocks() == 1 {
		return 0
	}
	return d.g.InC*d.g.OutC + 16
}

// ownLen is the scratch of a worker: zeros and a dump, or panels of S[ξ] and of the gradients of 9 taps.
func (d *winogradGrad) ownLen() int {
	return max(d.g.InC+d.g.OutC, (d.points()+9)*gradRows*kernel.NR)
}

func (d *winogradGrad) scratch(workers int) int {
	return d.points()*(d.vStep()+d.wStep()+d.sStep()) + workers*d.ownLen()
}

func (d *winogradGrad) split(scratch []float32, worker int) (v, w, s, own []float32) {
	v, scratch = scratch[:d.points()*d.vStep()], scratch[d.points()*d.vStep():]
	w, scratch = scratch[:d.points()*d.wStep()], scratch[d.points()*d.wStep():]
	s, scratch = scratch[:d.points()*d.sStep()], scratch[d.points()*d.sStep():]
	return v, w, s, scratch[worker*d.ownLen():][:d.ownLen()]
}

func (d *winogradGrad) steps() int {
	if d.blocks() == 1 {
		return 2
	}
	return 2*d.blocks() + 1
}

// blockOf returns the tiles of the block of a step.
func (d *winogradGrad) blockOf(step int) (from, to int) {
	from = step / 2 * d.block
	return from, min(from+d.block, d.tiles)
}

func (d *winogradGrad) tasks(step int) int {
	from, to := d.blockOf(step)
	switch {
	case step == d.steps()-1:
		return d.w.panels * ceil(d.g.InC, gradRows)
	case step%2 == 0:
		return ceil(to-from, gradTiles)
	}
	return d.points() * d.w.panels
}

func (d *winogradGrad) run(r *gradRun, step, part, worker int) {
	v, w, s, own := d.split(r.scratch, worker)
	from, to := d.blockOf(step)
	switch {
	case step == d.steps()-1:
		panel, first := part%d.w.panels*kernel.NR, part/d.w.panels*gradRows
		last := min(first+gradRows, d.g.InC)
		if d.blocks() > 1 {
			d.write(r.dk, s[first*d.g.OutC+panel:], d.sStep(), d.g.OutC, own, panel, first, last)
			return
		}
		s, own = own[:d.points()*gradRows*kernel.NR], own[d.points()*gradRows*kernel.NR:]
		for xi := range d.points() {
			d.multiply(s[xi*gradRows*kernel.NR:], kernel.NR, v, w, xi, panel, first, last, d.tiles, false)
		}
		d.write(r.dk, s, gradRows*kernel.NR, kernel.NR, own, panel, first, last)
	case step%2 == 0:
		first := from + part*gradTiles
		d.transform(r, v, w, own, from, first, min(first+gradTiles, to))
	default:
		xi, panel := part/d.w.panels, part%d.w.panels*kernel.NR
		d.multiply(s[xi*d.sStep()+panel:], d.g.OutC, v, w, xi, panel, 0, d.g.InC, to-from, step > 1)
	}
}

// transform makes V and W of tiles first to last-1, which are in the block that starts at from.
func (d *winogradGrad) transform(r *gradRun, v, w, zeros []float32, from, first, last int) {
	zeros = zeros[:max(d.g.InC, d.g.OutC)]
	clear(zeros)
	var tmp kernel.WinogradTemp
	var table [36]*float32
	for i := first; i < last; i++ {
		image, row, col := d.w.tile(i)
		inputTile(&table, d.g, d.t.N, r.x, zeros, image, row-d.g.PadTop, col-d.g.PadLeft)
		d.t.Input(&v[(i-from)*d.vRow], d.vStep(), &table[0], 0, &tmp, d.g.InC)
		outputTile(&table, d.g, d.t.M, r.dy, zeros, image, row, col)
		d.t.Grad(&w[(i-from)*d.wRow], d.wStep(), &table[0], 0, &tmp, d.g.OutC)
	}
}

// multiply sets, or adds to, rows from to to-1 of a panel of S[ξ]: V[ξ]ᵀ·W[ξ]. The tiles are the taps of
// the micro-kernel, and V is read across.
func (d *winogradGrad) multiply(s []float32, row int, v, w []float32, xi, panel, from, to, tiles int, add bool) {
	gemm := kernel.GemmKernel()
	mr := gemm.Rows(to - from)
	a, b := v[xi*d.vStep():], &w[xi*d.wStep()+panel]
	cols := min(kernel.NR, d.g.OutC-panel)
	for i := from; i < to; i += mr {
		gemm.Run(min(mr, to-i), cols, tiles, &d.off[0], 1, &a[i], 1, b, d.wRow, &s[(i-from)*row], row, add)
	}
}

// write sets the gradients of a panel of outputs for input channels from to to-1. s is at the first of these in S[0],
// with given steps from ξ to ξ+1 and from row to row.
func (d *winogradGrad) write(dk, s []float32, step, row int, taps []float32, panel, from, to int) {
	var tmp kernel.WinogradTemp
	cols := min(kernel.NR, d.g.OutC-panel)
	for c := range to - from {
		d.t.KernelGrad(&taps[c*9*kernel.NR], kernel.NR, &s[c*row], step, &tmp, cols)
	}
	writePanel(dk, d.k, taps, d.g, panel, cols, from, to)
}
