package conv

import (
	"sync"

	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// PoolGrad is the gradient of a maximum or minimum over windows (select and scatter): each window gives its gradient
// to the first of its largest (smallest) numbers, in the order of rows; a NaN counts as larger (smaller) than all
// before it.
type PoolGrad struct {
	g    Geometry
	min  bool
	free sync.Pool // of *poolGradRun
}

type poolGradRun struct {
	dx, x, dy []float32
	off       []int // of the numbers in a window, for each worker
	task      func(part, worker int)
}

// NewPoolGrad plans the gradient of a pool with PoolMax or PoolMin, without dilations.
func NewPoolGrad(g Geometry, op PoolOp) *PoolGrad {
	g.OutC, g.Groups = g.InC, 1
	g.check()
	if op == PoolSum || g.InDilH*g.InDilW*g.KerDilH*g.KerDilW != 1 {
		panic("conv: PoolGrad is for maxima and minima without dilations")
	}
	p := &PoolGrad{g: g, min: op == PoolMin}
	p.free.New = func() any {
		r := new(poolGradRun)
		r.task = func(part, worker int) { p.channels(r, part, r.off[worker*g.KH*g.KW:][:g.KH*g.KW]) }
		return r
	}
	return p
}

// Run sets dx [B, InH, InW, C] for inputs x of the same shape and gradients dy [B, OutH, OutW, C].
func (p *PoolGrad) Run(t *team.Team, dx, x, dy []float32) {
	want("dy", len(dy), p.g.outLen())
	want("x", len(x), p.g.inLen())
	want("dx", len(dx), p.g.inLen())
	if p.g.inLen() == 0 {
		return
	}
	r := p.free.Get().(*poolGradRun)
	r.dx, r.x, r.dy = dx, x, dy
	if n := t.Size() * p.g.KH * p.g.KW; len(r.off) < n {
		r.off = make([]int, n)
	}
	t.For(p.g.Batch*p.parts(), r.task)
	r.dx, r.x, r.dy = nil, nil, nil
	p.free.Put(r)
}

// poolChannels are those of a task: windows overlap, so one worker does all windows of an image.
const poolChannels = 64

func (p *PoolGrad) parts() int { return ceil(p.g.InC, poolChannels) }

func (p *PoolGrad) channels(r *poolGradRun, part int, off []int) {
	g := &p.g
	image, from := part/p.parts(), part%p.parts()*poolChannels
	n := min(poolChannels, g.InC-from)
	x, dx := r.x[image*g.InH*g.InW*g.InC+from:], r.dx[image*g.InH*g.InW*g.InC+from:]
	for i := range g.InH * g.InW {
		clear(dx[i*g.InC:][:n])
	}
	sign := uint32(0)
	if p.min {
		sign = 1 << 31
	}
	for row := range g.OutH {
		for col := range g.OutW {
			taps := p.window(off, row, col)
			dy := r.dy[((image*g.OutH+row)*g.OutW+col)*g.InC+from:]
			kernel.SelectScatter(&dx[0], &x[0], &off[0], taps, &dy[0], n, sign)
		}
	}
}

// window finds the offsets of the numbers of a window, and returns how many there are.
func (p *PoolGrad) window(off []int, row, col int) int {
	g := &p.g
	n := 0
	h0, w0 := row*g.StrideH-g.PadTop, col*g.StrideW-g.PadLeft
	for h := max(0, h0); h < min(g.InH, h0+g.KH); h++ {
		for w := max(0, w0); w < min(g.InW, w0+g.KW); w++ {
			off[n] = (h*g.InW + w) * g.InC
			n++
		}
	}
	return n
}
