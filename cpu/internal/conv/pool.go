package conv

import (
	"math"
	"sync"

	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// PoolOp is how the numbers of a window become one.
type PoolOp int

// The operations of a Pool.
const (
	PoolSum PoolOp = iota
	PoolMax
	PoolMin
)

// Pool reduces windows of channels-last images, channel by channel:
//
//	y[i, c] = scale · op over t of x̂[i·s + t·dk − p, c]
//
// with the letters of the package comment. What is outside the image, or between dilated inputs, does not take part;
// an empty window has the sum 0, the maximum −∞ and the minimum +∞. A sum with scale 1/(kh·kw) is the mean of windows
// without padding; a sum with the geometry of a gradient by the input spreads the gradient of a sum.
type Pool struct {
	g     Geometry
	op    PoolOp
	scale float32
	h, w  axis
	free  sync.Pool // of *poolRun
}

type poolRun struct {
	y, x []float32
	task func(part, worker int)
}

// NewPool plans a reduction of windows; of the geometry, InC is the number of channels, OutC and Groups do not matter.
func NewPool(g Geometry, op PoolOp, scale float32) *Pool {
	g.OutC, g.Groups = g.InC, 1
	g.check()
	p := &Pool{g: g, op: op, scale: scale,
		h: newAxis(g.OutH, g.KH, g.StrideH, g.PadTop, g.InDilH, g.KerDilH),
		w: newAxis(g.OutW, g.KW, g.StrideW, g.PadLeft, g.InDilW, g.KerDilW)}
	p.free.New = func() any {
		r := new(poolRun)
		r.task = func(part, _ int) { p.row(r, part) }
		return r
	}
	return p
}

// Run sets y [B, OutH, OutW, C] to the reduced windows of x [B, InH, InW, C].
func (p *Pool) Run(t *team.Team, y, x []float32) {
	want("y", len(y), p.g.outLen())
	want("x", len(x), p.g.inLen())
	r := p.free.Get().(*poolRun)
	r.y, r.x = y, x
	t.For(p.g.Batch*p.g.OutH, r.task)
	r.y, r.x = nil, nil
	p.free.Put(r)
}

// row makes one row of outputs.
func (p *Pool) row(r *poolRun, part int) {
	g := &p.g
	image, row := part/g.OutH, part%g.OutH
	x := r.x[image*g.InH*g.InW*g.InC:]
	out := r.y[part*g.OutW*g.InC:][:g.OutW*g.InC]
	for col := range g.OutW {
		p.window(out[col*g.InC:][:g.InC], x, row, col)
	}
	if p.scale != 1 {
		kernel.MulS(out, out, p.scale)
	}
}

func (p *Pool) window(y, x []float32, row, col int) {
	g := &p.g
	n := 0          // numbers so far
	var a []float32 // the numbers so far, reduced
	for _, th := range p.h.phases[row%p.h.period] {
		h := row/p.h.period*p.h.step + th.at
		if h < 0 || h >= g.InH {
			continue
		}
		for _, tw := range p.w.phases[col%p.w.period] {
			w := col/p.w.period*p.w.step + tw.at
			if w < 0 || w >= g.InW {
				continue
			}
			b := x[(h*g.InW+w)*g.InC:][:g.InC]
			if n == 0 {
				a = b
			} else {
				p.reduce(y, a, b)
				a = y
			}
			n++
		}
	}
	switch {
	case n == 0:
		kernel.Fill(y, p.empty())
	case n == 1:
		copy(y, a)
	}
}

func (p *Pool) reduce(y, a, b []float32) {
	switch p.op {
	case PoolMax:
		kernel.Max(y, a, b)
	case PoolMin:
		kernel.Min(y, a, b)
	default:
		kernel.Add(y, a, b)
	}
}

func (p *Pool) empty() float32 {
	switch p.op {
	case PoolMax:
		return float32(math.Inf(-1))
	case PoolMin:
		return float32(math.Inf(1))
	}
	return 0
}
