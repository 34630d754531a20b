package conv

import (
	"mgd3/cpu/internal/kernel"
)

// direct is the implicit matrix product. A task is a block of rows q of all phases. The rows of inputs that it needs
// are copied with their padding to scratch, unless none of it is padding; a tile of the product is some pixels of a
// row of outputs by a panel of channels, and its sum runs over the taps. Taps side by side in the kernel are also
// side by side in the image, and make one tap of kw·C numbers, which serves inputs of few channels.
type direct struct {
	g      Geometry
	k      KernelLayout
	h, w   axis
	phases []phase
	panels int // per group
	size   int // of the packed kernel

	firstCol, cols int  // columns of the inputs in scratch: the first, and how many
	block          int  // rows q in a task
	flat           bool // rows are pixels, see flatten
}

// phase is the outputs (period·q + h, period·q' + w), and their taps.
type phase struct {
	h, w       int
	rows, cols int
	taps       [][2]int // first position in the kernel, of each run of taps
	run        int      // taps side by side
	runStep    int      // from one to the next, in the kernel
	off        []int    // of the runs, in the padded rows
	packed     int      // where its packed kernel starts
	panel      int      // floats of a panel: runs · run · C · NR
}

func newDirect(g Geometry, k KernelLayout) *direct {
	d := &direct{g: g, k: k, panels: ceil(g.groupOut(), kernel.NR)}
	d.h = newAxis(g.OutH, g.KH, g.StrideH, g.PadTop, g.InDilH, g.KerDilH)
	d.w = newAxis(g.OutW, g.KW, g.StrideW, g.PadLeft, g.InDilW, g.KerDilW)
	if last := (d.w.n-1)*d.w.step + d.w.hi; d.w.lo >= 0 && last < g.InW {
		d.firstCol, d.cols = 0, g.InW
	} else {
		d.firstCol, d.cols = d.w.lo, last-d.w.lo+1
	}
	d.flatten()
	for h, tapsH := range d.h.phases {
		for w, tapsW := range d.w.phases {
			d.phases = append(d.phases, d.newPhase(h, w, tapsH, tapsW))
		}
	}
	d.block = d.rowsPerTask()
	return d
}

// flatten turns the pixels of all images into rows of one image, if each output sees just its own input. The rows of
// a task then make one long row.
func (d *direct) flatten() {
	g := &d.g
	if !g.Upsample && g.KH*g.KW == 1 && d.h.period*d.w.period*d.h.step*d.w.step == 1 && g.PadTop == 0 &&
		g.PadLeft == 0 && g.InH == g.OutH && g.InW == g.OutW {
		g.Batch, g.OutH, g.OutW = 1, g.Batch*g.OutH*g.OutW, 1
		g.InH, g.InW = g.OutH, 1
		d.h.n, d.w.n, d.cols, d.flat = g.OutH, 1, 1, true
	}
}

func (d *direct) newPhase(h, w int, tapsH, tapsW []tap) phase {
	p := phase{h: h, w: w, run: 1, rows: ceil(d.g.OutH-h, d.h.period), cols: ceil(d.g.OutW-w, d.w.period)}
	if len(tapsW) > 1 && d.g.Groups == 1 && consecutive(tapsW) {
		p.run, p.runStep = len(tapsW), tapsW[1].k-tapsW[0].k
	}
	for _, th := range tapsH {
		for i := 0; i < len(tapsW); i += p.run {
			p.taps = append(p.taps, [2]int{th.k, tapsW[i].k})
			p.off = append(p.off, ((th.at-d.h.lo)*d.cols+tapsW[i].at-d.firstCol)*d.g.InC)
		}
	}
	p.panel = len(p.taps) * p.run * d.g.groupIn() * kernel.NR
	p.packed = d.size
	d.size += p.panel * d.panels * d.g.Groups
	return p
}

// rowsPerTask keeps the inputs and outputs of a task in the second-level cache, and makes
// some tasks for each worker.
func (d *direct) rowsPerTask() int {
	const cache = 1 << 16 // floats
	row := d.h.step*d.cols*d.g.InC + d.h.period*d.g.OutW*d.g.OutC
	fair := ceil(d.g.Batch*d.h.n, 16)
	return max(1, min(cache/max(row, 1), fair, d.h.n))
}

func (d *direct) name() string   { return "direct" }
func (d *direct) packed() int    { return d.size }
func (d *direct) packTasks() int { return len(d.phases) * d.g.Groups * d.panels }

// pack makes one panel: channels of outputs [NR] by taps and channels of inputs.
func (d *direct) pack(dst, k, _ []float32, part int) {
	panel := part % d.panels
	group := part / d.panels % d.g.Groups
	p := &d.phases[part/d.panels/d.g.Groups]
	dst = dst[p.packed+(group*d.panels+panel)*p.panel:][:p.panel]
	c := d.g.groupIn()
	cols := min(kernel.NR, d.g.groupOut()-panel*kernel.NR)
	base := d.k.Base + (group*d.g.groupOut()+panel*kernel.NR)*d.k.Out
	for _, t := range p.taps {
		for i := range p.run {
			at := base + t[0]*d.k.H + (t[1]+i*p.runStep)*d.k.W
			kernel.PackPanel(dst, k[at:], c, cols, d.k.In, d.k.Out)
			dst = dst[c*kernel.NR:]
		}
	}
}

func (d *direct) inRows(rows int) int { return (rows-1)*d.h.step + d.h.hi - d.h.lo + 1 }

// inLen is the length of the inputs of a task.
func (d *direct) inLen() int { return (d.inRows(d.block)*d.cols*d.g.InC + 15) &^ 15 }

func (d *direct) scratch(workers int) int { return workers * d.inLen() }
func (d *direct) blocks() int             { return ceil(d.h.n, d.block) }
func (d *direct) steps() int              { return 1 }
func (d *direct) tasks(int) int           { return d.g.Batch * d.blocks() }

func (d *direct) run(r *forwardRun, _, part, worker int) (lo, hi int) {
	scratch := r.scratch[worker*d.inLen():][:d.inLen()]
	image, q := part/d.blocks(), part%d.blocks()*d.block
	end := min(q+d.block, d.h.n)
	rows := inputRows(d.g, r.x, image, q*d.h.step+d.h.lo, d.inRows(end-q), d.firstCol, d.cols, scratch)
	y := r.y[image*d.g.OutH*d.g.OutW*d.g.OutC:]
	for i := range d.phases {
		d.runPhase(&d.phases[i], y, rows, r.packed, q, end)
	}
	at := image * d.g.OutH
	return (at + q*d.h.period) * d.g.OutW, (at + min(end*d.h.period, d.g.OutH)) * d.g.OutW
}

// runPhase makes rows [q, end) of one phase of an image y.
func (d *direct) runPhase(p *phase, y, rows, packed []float32, q, end int) {
	g := &d.g
	if p.cols == 0 { // fewer outputs than phases
		return
	}
	end = min(end, p.rows)
	pixels, last := p.cols, end
	if d.flat {
		pixels, last = end-q, q+1
	}
	gemm := kernel.GemmKernel()
	mr := gemm.Rows(pixels)
	c, k := g.groupIn(), g.groupOut()
	lda, ldc := d.w.step*g.InC, d.w.period*g.OutC
	for j := range g.Groups * d.panels {
		group, panel := j/d.panels, j%d.panels*kernel.NR
		cols := min(kernel.NR, k-panel)
		for i := q; i < last; i++ {
			out := y[((i*d.h.period+p.h)*g.OutW+p.w)*g.OutC+group*k+panel:]
			if len(p.taps) == 0 {
				zeroPixels(out, pixels, cols, ldc)
				continue
			}
			in := rows[(i-q)*d.h.step*d.cols*g.InC+group*c:]
			b := &packed[p.packed+j*p.panel]
			for s := 0; s < pixels; s += mr {
				gemm.Run(min(mr, pixels-s), cols, len(p.off), &p.off[0], p.run*c, &in[s*lda], lda, b, kernel.NR,
					&out[s*ldc], ldc, false)
			}
		}
	}
}

func zeroPixels(y []float32, pixels, channels, step int) {
	for i := range pixels {
		clear(y[i*step : i*step+channels])
	}
}

// inputRows returns n rows of an image from row first on, cut or padded with zeros to columns [firstCol,
// firstCol+cols): those in x if that needs no padding, or else a copy in scratch.
func inputRows(g Geometry, x []float32, image, first, n, firstCol, cols int, scratch []float32) []float32 {
	x = g.image(x, image)
	if !g.Upsample && firstCol == 0 && cols == g.InW && first >= 0 && first+n <= g.InH {
		return x[first*g.InW*g.InC:]
	}
	copyRows(scratch, g, x, first, n, firstCol, cols)
	return scratch
}

// image returns one of the images x.
func (g Geometry) image(x []float32, i int) []float32 {
	n := g.inLen() / g.Batch
	return x[i*n:][:n]
}

// copyRows copies, cuts and pads rows of the image x.
func copyRows(dst []float32, g Geometry, x []float32, first, n, firstCol, cols int) {
	from, to := min(max(0, firstCol), g.InW), max(0, min(g.InW, firstCol+cols)) // columns that exist
	for i := range n {
		row := dst[i*cols*g.InC:][:cols*g.InC]
		if h := first + i; h < 0 || h >= g.InH || from >= to {
			clear(row)
			continue
		}
		clear(row[:(from-firstCol)*g.InC])
		copyRow(row[(from-firstCol)*g.InC:(to-firstCol)*g.InC], g, x, first+i, from)
		clear(row[(to-firstCol)*g.InC:])
	}
}

// copyRow copies inputs of row h from column w on.
func copyRow(dst []float32, g Geometry, x []float32, h, w int) {
	if !g.Upsample {
		copy(dst, x[(h*g.InW+w)*g.InC:])
		return
	}
	x = x[h/2*(g.InW/2)*g.InC:]
	for ; len(dst) > 0; dst, w = dst[g.InC:], w+1 {
		copy(dst[:g.InC], x[w/2*g.InC:])
	}
}
