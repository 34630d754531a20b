package conv

import "mgd3/cpu/internal/kernel"

// winogradGrad is the gradient by a 3×3 kernel through Winograd's transforms, see kernel.Winograd: in blocks of
// tiles, in their order,
//
//	V[ξ] [tiles, C] = Bᵀ d B,  W[ξ] [tiles, K] = A ∂Y Aᵀ
//	S[ξ] [C, K]    += V[ξ]ᵀ·W[ξ]
//
// and at last ∂k = Gᵀ S G. The steps are: transform a block, multiply it, …, write the gradient.
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
	gradTiles = 8  // tiles of a task that transforms
	gradRows  = 16 // channels of inputs of a task that writes the gradient
)

func newWinogradGrad(g Geometry, k KernelLayout, tile int) *winogradGrad {
	d := &winogradGrad{w: newWinograd(g, k, tile), g: g, k: k, t: kernel.WinogradOf(tile)}
	d.tiles = g.Batch * d.w.th * d.w.tw
	d.block = min(d.tiles, 256)
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
func (d *winogradGrad) sStep() int   { return d.g.InC*d.g.OutC + 16 }

func (d *winogradGrad) scratch(workers int) int {
	return d.points()*(d.vStep()+d.wStep()+d.sStep()) + workers*max(d.g.InC+d.g.OutC, 9*d.g.OutC)
}

func (d *winogradGrad) split(scratch []float32, worker int) (v, w, s, own []float32) {
	v, scratch = scratch[:d.points()*d.vStep()], scratch[d.points()*d.vStep():]
	w, scratch = scratch[:d.points()*d.wStep()], scratch[d.points()*d.wStep():]
	s, scratch = scratch[:d.points()*d.sStep()], scratch[d.points()*d.sStep():]
	n := max(d.g.InC+d.g.OutC, 9*d.g.OutC)
	return v, w, s, scratch[worker*n:][:n]
}

func (d *winogradGrad) blocks() int { return ceil(d.tiles, d.block) }
func (d *winogradGrad) steps() int  { return 2*d.blocks() + 1 }

// blockOf returns the tiles of the block of a step.
func (d *winogradGrad) blockOf(step int) (from, to int) {
	from = step / 2 * d.block
	return from, min(from+d.block, d.tiles)
}

func (d *winogradGrad) tasks(step int) int {
	from, to := d.blockOf(step)
	switch {
	case step == 2*d.blocks():
		return ceil(d.g.InC, gradRows)
	case step%2 == 0:
		return ceil(to-from, gradTiles)
	}
	return d.points() * d.w.panels
}

func (d *winogradGrad) run(r *gradRun, step, part, worker int) {
	v, w, s, own := d.split(r.scratch, worker)
	from, to := d.blockOf(step)
	switch {
	case step == 2*d.blocks():
		d.write(r.dk, s, own, part*gradRows, min((part+1)*gradRows, d.g.InC))
	case step%2 == 0:
		first := from + part*gradTiles
		d.transform(r, v, w, own, from, first, min(first+gradTiles, to))
	default:
		d.multiply(s, v, w, part/d.w.panels, part%d.w.panels*kernel.NR, to-from, step > 1)
	}
}

// transform makes V and W of tiles first to last-1, which are in the block that starts at from.
func (d *winogradGrad) transform(r *gradRun, v, w, zeros []float32, from, first, last int) {
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

// multiply adds V[ξ]ᵀ·W[ξ] to a panel of S[ξ]. The tiles are the taps of the micro-kernel, and V is read across.
func (d *winogradGrad) multiply(s, v, w []float32, xi, panel, tiles int, add bool) {
	gemm := kernel.GemmKernel()
	c, k := d.g.InC, d.g.OutC
	mr := gemm.Rows(c)
	a, b, out := v[xi*d.vStep():], &w[xi*d.wStep()+panel], s[xi*d.sStep()+panel:]
	cols := min(kernel.NR, k-panel)
	for i := 0; i < c; i += mr {
		gemm.Run(min(mr, c-i), cols, tiles, &d.off[0], 1, &a[i], 1, b, d.wRow, &out[i*k], k, add)
	}
}

// write sets the gradients of input channels from to to-1.
func (d *winogradGrad) write(dk, s, row []float32, from, to int) {
	var tmp kernel.WinogradTemp
	k := d.g.OutC
	for c := from; c < to; c++ {
		d.t.KernelGrad(&row[0], k, &s[c*k], d.sStep(), &tmp, k)
		for t := range 9 {
			at := d.k.Base + c*d.k.In + t/3*d.k.H + t%3*d.k.W
			for o, x := range row[t*k : t*k+k] {
				dk[at+o*d.k.Out] = x
			}
		}
	}
}
