package conv

import (
	"sync"

	"mgd3/cpu/internal/team"
)

// PoolGrad is the gradient of a maximum or minimum over windows (select and scatter): each window gives its
// gradient to the first of its largest (smallest) numbers, in the order of rows; a NaN counts as larger (smaller) than all before it.
type PoolGrad struct {
	g    Geometry
	min  bool
	free sync.Pool // of *poolGradRun
}

type poolGradRun struct {
	dx, x, dy []float32
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
		r.task = func(part, _ int) { p.channels(r, part) }
		return r
	}
	return p
}

// Run sets dx [B, InH, InW, C] for inputs x of the same shape and gradients dy [B, OutH, OutW, C].
func (p *PoolGrad) Run(t *team.Team, dx, x, dy []float32) {
	want("dy", len(dy), p.g.outLen())
	want("x", len(x), p.g.inLen())
	want("dx", len(dx), p.g.inLen())
	r := p.free.Get().(*poolGradRun)
	r.dx, r.x, r.dy = dx, x, dy
	t.For(p.g.Batch*p.parts(), r.task)
	r.dx, r.x, r.dy = nil, nil, nil
	p.free.Put(r)
}

// poolChannels are those of a task: windows overlap, so one worker does all windows of an image.
const poolChannels = 64

func (p *PoolGrad) parts() int { return ceil(p.g.InC, poolChannels) }

func (p *PoolGrad) channels(r *poolGradRun, part int) {
	g := &p.g
	image, from := part/p.parts(), part%p.parts()*poolChannels
	n := min(poolChannels, g.InC-from)
	x, dx := r.x[image*g.InH*g.InW*g.InC+from:], r.dx[image*g.InH*g.InW*g.InC+from:]
	for i := range g.InH * g.InW {
		clear(dx[i*g.InC:][:n])
	}
	var at [poolChannels]int
	for row := range g.OutH {
		for col := range g.OutW {
			if !p.choose(at[:n], x, row, col) {
				continue
			}
			dy := r.dy[((image*g.OutH+row)*g.OutW+col)*g.InC+from:][:n]
			for c, d := range dy {
				dx[at[c]] += d
			}
		}
	}
}

// choose finds where in x the chosen number of each channel is, or reports that the window is empty.
func (p *PoolGrad) choose(at []int, x []float32, row, col int) bool {
	g := &p.g
	var best [poolChannels]float32
	h0, w0 := row*g.StrideH-g.PadTop, col*g.StrideW-g.PadLeft
	some := false
	for h := max(0, h0); h < min(g.InH, h0+g.KH); h++ {
		for w := max(0, w0); w < min(g.InW, w0+g.KW); w++ {
			base := (h*g.InW + w) * g.InC
			v := x[base:][:len(at)]
			switch {
			case !some:
				for c, f := range v {
					best[c], at[c] = f, base+c
				}
			case p.min:
				for c, f := range v {
					if f < best[c] || f != f {
						best[c], at[c] = f, base+c
					}
				}
			default:
				for c, f := range v {
					if f > best[c] || f != f {
						best[c], at[c] = f, base+c
					}
				}
			}
			some = true
		}
	}
	return some
}
