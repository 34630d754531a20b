package conv

import "mgd3/cpu/internal/kernel"

// directGrad is the gradient by the kernel as an implicit matrix product [taps·C, pixels]·[pixels, K]. Its first step
// has a task for each slice of the images, and some for parts of the channels of outputs if the kernel is large: for
// each block of rows it packs the panels of ∂y, and adds the products for all taps to its part of a sum [kh, kw, C/G,
// K]. The second step adds the slices in their order. Pixels are the taps of the micro-kernel.
type directGrad struct {
	d      *direct // for its phases
	g      Geometry
	k      KernelLayout
	slices int
	apart  int     // tasks in which the panels are done; 1 or all
	block  int     // rows q that are summed at once
	images int     // and of how many images: more than one if all rows are
	off    [][]int // of the pixels of a block in the padded rows, for each phase
}

func newDirectGrad(g Geometry, k KernelLayout) *directGrad {
	d := &directGrad{d: newDirect(g, k), k: k}
	d.g = d.d.g // flat, maybe
	d.slices, d.apart = min(d.g.Batch, 16), 1
	switch all := d.d.panels * g.Groups; {
	case d.d.flat:
		d.slices, d.apart = 1, all
	case g.kernelLen() > gradTogether:
		d.slices, d.apart = min(d.g.Batch, ceil(4, all)), min(all, 8)
	}
	d.block = max(1, min(gradPixels/max(1, d.d.w.n), d.d.h.n))
	d.images = max(1, min(gradPixels/max(1, d.d.h.n*d.d.w.n), d.g.Batch))
	for i := range d.d.phases {
		d.off = append(d.off, d.offsets(&d.d.phases[i]))
	}
	return d
}

// offsets returns where the pixels of a block are in the padded rows, in the order of image, row and column.
func (d *directGrad) offsets(p *phase) []int {
	var off []int
	rows := d.block
	if d.images > 1 {
		rows = p.rows
	}
	for image := range d.images {
		for i := range rows {
			for j := range p.cols {
				off = append(off, image*d.imageLen()+(i*d.d.h.step*d.d.cols+j*d.d.w.step)*d.g.InC)
			}
		}
	}
	return off
}

const (
	gradPixels   = 128     // about as many pixels in a block
	gradTogether = 1 << 16 // elements of a kernel whose panels are done in one task, which reads x just once
)

func (d *directGrad) name() string { return "direct" }
func (d *directGrad) steps() int   { return 2 }
func (d *directGrad) sumRow() int  { return d.g.groupIn() * d.g.OutC } // floats of one tap in the sum
func (d *directGrad) sumLen() int  { return d.g.KH * d.g.KW * d.sumRow() }

// padded rows of one image
func (d *directGrad) imageLen() int { return (d.d.inRows(d.block)*d.d.cols*d.g.InC + 15) &^ 15 }
func (d *directGrad) inLen() int    { return d.images * d.imageLen() }
func (d *directGrad) workerLen() int {
	return max(d.inLen()+d.images*d.block*d.d.w.n*kernel.NR, min(gradRows, d.g.groupIn())*d.g.KH*d.g.KW*kernel.NR)
}
func (d *directGrad) scratch(workers int) int {
	return d.slices*d.sumLen() + workers*d.workerLen()
}

func (d *directGrad) tasks(step int) int {
	if step == 0 {
		return d.slices * d.apart
	}
	return d.d.panels * d.g.Groups * ceil(d.g.groupIn(), gradRows)
}

func (d *directGrad) run(r *gradRun, step, part, worker int) {
	own := r.scratch[d.slices*d.sumLen()+worker*d.workerLen():][:d.workerLen()]
	if step == 1 {
		d.write(r.dk, r.scratch, own, part)
		return
	}
	slice, j := part%d.slices, part/d.slices
	sum := r.scratch[slice*d.sumLen():][:d.sumLen()]
	all := d.d.panels * d.g.Groups
	from, to := j*all/d.apart, (j+1)*all/d.apart
	plain := d.g.InDilH*d.g.InDilW == 1 // then the first block sets all taps
	if !plain {
		for j := from; j < to; j++ {
			first, cols := d.columns(j)
			zeroPixels(sum[first:], d.sumLen()/d.g.OutC, cols, d.g.OutC)
		}
	}
	last := (slice + 1) * d.g.Batch / d.slices
	start := slice * d.g.Batch / d.slices
	for image := start; image < last; image += d.images {
		for q := 0; q < d.d.h.n; q += d.block {
			b := gradBlockOf{image, min(d.images, last-image), q, min(q+d.block, d.d.h.n), plain && image == start &&
				q == 0}
			x := d.inputs(r.x, own, b)
			for j := from; j < to; j++ {
				d.addBlock(r, sum, x, own[d.inLen():], b, j)
			}
		}
	}
}

// gradBlockOf is rows [q, end) of some images, and whether they begin the sum.
type gradBlockOf struct {
	image, images, q, end int
	fresh                 bool
}

// inputs returns the padded rows of a block; those of several images are copied one after another.
func (d *directGrad) inputs(x, own []float32, b gradBlockOf) []float32 {
	first, n := b.q*d.d.h.step+d.d.h.lo, d.d.inRows(b.end-b.q)
	if d.images == 1 {
		return inputRows(d.g, x, b.image, first, n, d.d.firstCol, d.d.cols, own)
	}
	for i := range b.images {
		copyRows(own[i*d.imageLen():], d.g, d.g.image(x, b.image+i), first, n, d.d.firstCol, d.d.cols)
	}
	return own
}

// columns returns the first channel of outputs of panel j of all, and how many it has.
func (d *directGrad) columns(j int) (first, n int) {
	group, panel := j/d.d.panels, j%d.d.panels*kernel.NR
	return group*d.g.groupOut() + panel, min(kernel.NR, d.g.groupOut()-panel)
}

// addBlock adds the products of a block, of all phases, to panel j of the sum.
func (d *directGrad) addBlock(r *gradRun, sum, x, packed []float32, b gradBlockOf, j int) {
	g := &d.g
	first, cols := d.columns(j)
	x = x[j/d.d.panels*g.groupIn():]
	for i := range d.d.phases {
		p := &d.d.phases[i]
		rows := min(b.end, p.rows) - b.q
		if rows <= 0 || p.cols <= 0 || len(p.taps) == 0 {
			continue
		}
		y := r.dy[((b.image*g.OutH+b.q*d.d.h.period+p.h)*g.OutW+p.w)*g.OutC+first:]
		ldb := g.OutC
		if !d.readsInPlace(p, cols) {
			for i := range b.images * rows {
				row := (i/rows*g.OutH + i%rows*d.d.h.period) * g.OutW * g.OutC
				kernel.PackPanel(packed[i*p.cols*kernel.NR:], y[row:], p.cols, cols, d.d.w.period*g.OutC, 1)
			}
			y, ldb = packed, kernel.NR
		}
		d.addPhase(p, sum, x, y, ldb, d.off[i][:b.images*rows*p.cols], first, cols, !b.fresh)
	}
}

// readsInPlace says whether ∂y is not packed: if the phase has all pixels, the micro-kernel may read whole rows, and
// there are few products with each.
func (d *directGrad) readsInPlace(p *phase, cols int) bool {
	const few = 200
	return d.d.h.period*d.d.w.period == 1 && cols%16 == 0 && len(p.taps)*p.run*d.g.groupIn() <= few
}

// addPhase adds the products for the taps of one phase.
func (d *directGrad) addPhase(p *phase, sum, x, dy []float32, ldb int, off []int, first, cols int, add bool) {
	gemm := kernel.GemmKernel()
	run := p.run
	if p.runStep != 1 {
		run = 1
	}
	n, k := run*d.g.groupIn(), d.g.OutC
	mr := gemm.Rows(n)
	for t, at := range p.taps {
		for s := range p.run / run {
			a := x[p.off[t]+s*n:]
			out := sum[(at[0]*d.g.KW+at[1]+s*p.runStep)*d.sumRow()+first:]
			for i := 0; i < n; i += mr {
				gemm.Run(min(mr, n-i), cols, len(off), &off[0], 1, &a[i], 1, &dy[0], ldb, &out[i*k], k, add)
			}
		}
	}
}

// write adds the slices for a panel of outputs and some channels of inputs, and sets their gradients.
func (d *directGrad) write(dk, sums, taps []float32, part int) {
	all := d.d.panels * d.g.Groups
	first, cols := d.columns(part % all)
	from := part / all * gradRows
	to := min(from+gradRows, d.g.groupIn())
	n := d.g.KH * d.g.KW
	for c := range to - from {
		for t := range n {
			x := taps[(c*n+t)*kernel.NR:][:cols]
			at := t*d.sumRow() + (from+c)*d.g.OutC + first
			copy(x, sums[at:])
			for s := 1; s < d.slices; s++ {
				kernel.Add(x, x, sums[s*d.sumLen()+at:])
			}
		}
	}
	writePanel(dk, d.k, taps, d.g, first, cols, from, to)
}

// writePanel sets the gradients for outputs first to first+cols-1 and inputs from to to-1 (of their group), of taps
// [inputs, kh·kw, NR]. Kernels of PyTorch's layout are one piece for each output.
func writePanel(dk []float32, k KernelLayout, taps []float32, g Geometry, first, cols, from, to int) {
	base := k.Base + first*k.Out + from*k.In
	for o := range cols {
		for c := range to - from {
			x := taps[c*g.KH*g.KW*kernel.NR+o:]
			at := base + o*k.Out + c*k.In
			for t := range g.KH {
				for s := range g.KW {
					dk[at+t*k.H+s*k.W] = x[(t*g.KW+s)*kernel.NR]
				}
			}
		}
	}
}
