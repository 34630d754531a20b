package conv

import (
	"unsafe"

	"mgd3/cpu/internal/kernel"
)

// winograd is F(m×m, 3×3), see kernel.Winograd:
//
//	V[ξ] [tiles, C] = Bᵀ d B       ξ < n², for each tile d of n×n inputs
//	M[ξ] [tiles, K] = V[ξ]·U[ξ]    U = G g Gᵀ, packed once
//	y               = Aᵀ M A       m×m outputs of each tile
//
// Many tiles are cut in tasks of whole rows of tiles, which do all of this in blocks that fit the cache of a worker.
// Few tiles are one block, and the team does each of these lines together (three steps), so that U is read once.
type winograd struct {
	g      Geometry
	k      KernelLayout
	t      *kernel.Winograd
	th, tw int // tiles in a column and in a row of an image
	panels int
	block  int  // tiles in V and M
	rows   int  // rows of tiles in a task
	whole  bool // one block, three steps
	vStep  int  // from V[ξ] to V[ξ+1]
	mStep  int
	off    int // the only tap is at 0
}

// winogradTile chooses the tile by the shape of one image, 1 for another algorithm.
func winogradTile(g Geometry) int {
	if g.KH != 3 || g.KW != 3 || max(g.StrideH, g.StrideW, g.InDilH, g.InDilW, g.KerDilH, g.KerDilW, g.Groups) > 1 {
		return 1
	}
	if g.InC%16 != 0 || g.OutC%16 != 0 || g.OutC < 32 || g.empty() {
		return 1
	}
	heavy := g.InC*g.OutC >= winogradHeavy && ceil(g.OutH, 4)*ceil(g.OutW, 4) <= 4
	if heavy || min(g.OutH, g.OutW) < 3 {
		return 2
	}
	return 4
}

// winogradHeavy is how many kernels make the reading of them, 16 numbers each for tiles of 2 and 36 for tiles of 4,
// weigh as much as the products on a few tiles: on two images of 1280 channels, tiles of 2 were 1.6 times as fast on
// 4×4 pixels, as fast on 8×8, and 0.7 times on 16×16 (time of processors, AVX2).
const winogradHeavy = 1 << 20

func newWinograd(g Geometry, k KernelLayout, tile int) *winograd {
	w := &winograd{g: g, k: k, t: kernel.WinogradOf(tile), panels: ceil(g.OutC, kernel.NR)}
	w.th, w.tw = ceil(g.OutH, tile), ceil(g.OutW, tile)
	w.rows = max(1, winogradTiles/w.tw)
	w.block = ceil(w.rows*w.tw, ceil(w.rows*w.tw, winogradTiles)) // the rows of a task in even blocks
	if tiles := g.Batch * w.th * w.tw; tiles <= winogradFew {
		w.rows, w.block, w.whole = 1, tiles, true
	}
	// not multiples of 4096 bytes: those would share few lines of the cache
	w.vStep, w.mStep = w.block*g.InC+16, w.block*g.OutC+16
	return w
}

// winogradTiles is how many tiles a block has: so few that V and M stay near, and enough that reading U takes less time
// than the products. Between 14 and 64 the speed differs little.
const winogradTiles = 32

// winogradFew is up to how many tiles the team works on together.
const winogradFew = 128

func (w *winograd) name() string {
	if w.t.M == 2 {
		return "winograd2"
	}
	return "winograd4"
}
func (w *winograd) points() int    { return w.t.N * w.t.N }
func (w *winograd) panel() int     { return w.g.InC * kernel.NR } // floats of a panel of U[ξ]
func (w *winograd) packed() int    { return w.points() * w.panels * w.panel() }
func (w *winograd) packTasks() int { return w.panels * ceil(w.g.InC, packChannels) }
func (w *winograd) blockLen() int  { return w.points() * (w.vStep + w.mStep) } // floats of V and M
func (w *winograd) edgeLen() int   { return w.g.InC + w.g.OutC }               // floats of the zeros and the dump

func (w *winograd) scratch(workers int) int {
	if w.whole {
		return w.blockLen() + workers*w.edgeLen()
	}
	return workers * (w.blockLen() + w.edgeLen())
}

// split returns V, M, and what a worker reads and writes outside of images.
func (w *winograd) split(scratch []float32, worker int) (v, m, zeros, dump []float32) {
	n, e := w.blockLen(), w.edgeLen()
	at, edgeAt := worker*(n+e), worker*(n+e)+n
	if w.whole {
		at, edgeAt = 0, n+worker*e
	}
	block, edge := scratch[at:], scratch[edgeAt:]
	zeros = edge[:w.g.InC]
	clear(zeros)
	return block[:w.points()*w.vStep], block[w.points()*w.vStep : n], zeros, edge[w.g.InC:e]
}

// packChannels are the channels of inputs of a task that packs.
const packChannels = 32

// pack makes a panel of U for some channels of inputs.
func (w *winograd) pack(dst, k, temp []float32, part int) {
	panel, from := part%w.panels, part/w.panels*packChannels
	w.kernels(dst[panel*w.panel()+from*kernel.NR:], w.panels*w.panel(), k, temp, panel, from,
		min(packChannels, w.g.InC-from))
}

// kernels makes a panel of U for at most packChannels channels of inputs: U[ξ] of channel from+c is at
// dst[ξ·step + c·NR].
func (w *winograd) kernels(dst []float32, step int, k, temp []float32, panel, from, channels int) {
	cols := min(kernel.NR, w.g.OutC-panel*kernel.NR)
	g := w.gather(k, temp, w.k.Base+panel*kernel.NR*w.k.Out+from*w.k.In, channels, cols)
	var tmp kernel.WinogradTemp
	for c := range channels {
		u := dst[c*kernel.NR:]
		w.t.Kernel(&u[0], step, &g.k[g.at+c*g.channel], g.tap, &tmp, cols)
		for xi := range w.points() {
			clear(u[xi*step+cols:][:kernel.NR-cols])
		}
	}
}

// gathered is kernels with their outputs side by side: that of input c and tap t is at k[at + c·channel + t·tap].
type gathered struct {
	k                []float32
	at, channel, tap int
}

// gather brings the outputs of some kernels, which start at k[at], side by side, unless they are so already.
func (w *winograd) gather(k, temp []float32, at, channels, cols int) gathered {
	l := w.k
	const nr = kernel.NR
	switch even := l.H == 3*l.W; {
	case even && l.Out == 1: // [kh, kw, in, out]
		return gathered{k, at, l.In, l.W}
	case l.In == 1: // the same, of the gradient by the input
		for t := range 9 {
			kernel.Transpose(temp[t*nr:], 9*nr, k[at+t/3*l.H+t%3*l.W:], l.Out, cols, channels)
		}
	case even && l.W == 1 && l.In == 9: // [out, in, kh, kw]
		kernel.Transpose(temp, nr, k[at:], l.Out, cols, 9*channels)
	case even && l.W == -1: // the same, of the gradient by the input
		for c := range channels {
			kernel.Transpose(temp[c*9*nr:], nr, k[at+c*l.In-8:], l.Out, cols, 9)
		}
		return gathered{temp, 8 * nr, 9 * nr, -nr}
	default:
		for i := range channels * 9 {
			from := at + i/9*l.In + i%9/3*l.H + i%9%3*l.W
			for j := range cols {
				temp[i*nr+j] = k[from+j*l.Out]
			}
		}
	}
	return gathered{temp, 0, 9 * nr, nr}
}

func (w *winograd) steps() int {
	if w.whole {
		return 3
	}
	return 1
}

func (w *winograd) tasks(step int) int {
	switch {
	case w.whole && step == 1:
		return w.points() * w.panels
	default:
		return ceil(w.g.Batch*w.th, w.rows)
	}
}

func (w *winograd) run(r *forwardRun, step, part, worker int) (lo, hi int) {
	if w.whole {
		return w.runStep(r, step, part, worker)
	}
	v, m, zeros, dump := w.split(r.scratch, worker)
	first := part * w.rows
	last := min(first+w.rows, w.g.Batch*w.th)
	for from := first * w.tw; from < last*w.tw; from += w.block {
		to := min(from+w.block, last*w.tw)
		w.inputs(r.x, v, zeros, from, to)
		for xi := range w.points() {
			for p := range w.panels {
				w.product(r.packed, v, m, xi, p, to-from)
			}
		}
		w.outputs(r.y, m, dump, from, to)
	}
	return w.firstPixel(first), w.firstPixel(last)
}

// runStep does a part of one step for all tiles: a row of tiles, or a panel of one M[ξ].
func (w *winograd) runStep(r *forwardRun, step, part, worker int) (lo, hi int) {
	v, m, zeros, dump := w.split(r.scratch, worker)
	from, to := part*w.tw, (part+1)*w.tw
	switch step {
	case 0:
		w.inputs(r.x, v[from*w.g.InC:], zeros, from, to)
	case 1:
		w.product(r.packed, v, m, part/w.panels, part%w.panels, w.block)
	case 2:
		w.outputs(r.y, m[from*w.g.OutC:], dump, from, to)
		return w.firstPixel(part), w.firstPixel(part + 1)
	}
	return 0, 0
}

// firstPixel is the first output of a row of tiles.
func (w *winograd) firstPixel(row int) int {
	return (row/w.th*w.g.OutH + row%w.th*w.t.M) * w.g.OutW
}

// tile returns the image of a tile, and the row and column of its first output.
func (w *winograd) tile(i int) (image, row, col int) {
	return i / (w.th * w.tw), i / w.tw % w.th * w.t.M, i % w.tw * w.t.M
}

func (w *winograd) inputs(x, v, zeros []float32, from, to int) {
	var tmp kernel.WinogradTemp
	var table [36]*float32
	for i := from; i < to; i++ {
		image, row, col := w.tile(i)
		inputTile(&table, w.g, w.t.N, x, zeros, image, row-w.g.PadTop, col-w.g.PadLeft)
		w.t.Input(&v[(i-from)*w.g.InC], w.vStep, &table[0], 0, &tmp, w.g.InC)
	}
}

// inputTile points to the n×n inputs from (row, col) on.
func inputTile(table *[36]*float32, g Geometry, n int, x, zeros []float32, image, row, col int) {
	base := unsafe.Pointer(unsafe.SliceData(x))
	up := g.up()
	for r := range n {
		h := row + r
		inside := uint(h) < uint(g.InH)
		line := (image*(g.InH>>up) + h>>up) * (g.InW >> up)
		for s := range n {
			w := col + s
			if inside && uint(w) < uint(g.InW) {
				table[r*n+s] = (*float32)(unsafe.Add(base, 4*(line+w>>up)*g.InC))
			} else {
				table[r*n+s] = &zeros[0]
			}
		}
	}
}

// product sets a panel of M[ξ] = V[ξ]·U[ξ] for a number of tiles.
func (w *winograd) product(u, v, m []float32, xi, panel, tiles int) {
	cols := min(kernel.NR, w.g.OutC-panel*kernel.NR)
	w.multiply(u[(xi*w.panels+panel)*w.panel():], v[xi*w.vStep:], m[xi*w.mStep+panel*kernel.NR:], w.g.InC, w.g.OutC,
		tiles, cols, w.g.InC, false)
}

// multiply sets m = v·u, or adds it, for rows of v and m that are ldv and ldm apart, and a panel u.
func (w *winograd) multiply(u, v, m []float32, ldv, ldm, tiles, cols, channels int, add bool) {
	gemm := kernel.GemmKernel()
	mr := gemm.Rows(tiles)
	for i := 0; i < tiles; i += mr {
		gemm.Run(min(mr, tiles-i), cols, 1, &w.off, channels, &v[i*ldv], ldv, &u[0], kernel.NR, &m[i*ldm], ldm, add)
	}
}

func (w *winograd) outputs(y, m, dump []float32, from, to int) {
	var tmp kernel.WinogradTemp
	var table [36]*float32
	for i := from; i < to; i++ {
		image, row, col := w.tile(i)
		outputTile(&table, w.g, w.t.M, y, dump, image, row, col)
		w.t.Output(&table[0], 0, &m[(i-from)*w.g.OutC], w.mStep, &tmp, w.g.OutC)
	}
}

// outputTile points to the m×m outputs from (row, col) on; those outside the image are all at dump.
func outputTile(table *[36]*float32, g Geometry, m int, y, dump []float32, image, row, col int) {
	for r := range m {
		for s := range m {
			p := &dump[0]
			if row+r < g.OutH && col+s < g.OutW {
				p = &y[((image*g.OutH+row+r)*g.OutW+col+s)*g.OutC]
			}
			table[r*m+s] = p
		}
	}
}
