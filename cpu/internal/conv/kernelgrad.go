package conv

import (
	"sync"

	"mgd3/cpu/internal/team"
)

// KernelGrad is the gradient of a convolution by its kernel,
//
//	∂k[o, c, t] = Σ over images and pixels i: ∂y[i, o] · x̂[i·s + t·dk − p, c]
//
// The sum runs over the images in a fixed order, whatever the team. It may run many times, also at once.
type KernelGrad struct {
	g    Geometry
	k    KernelLayout
	alg  gradAlgorithm
	free sync.Pool // of *gradRun
}

// gradAlgorithm is a way to compute it, in steps, each of which consists of tasks for the team.
type gradAlgorithm interface {
	name() string
	scratch(workers int) int
	steps() int
	tasks(step int) int
	run(r *gradRun, step, part, worker int)
}

// gradRun is one call of Run.
type gradRun struct {
	dk, x, dy, scratch []float32
	step               int
	task               func(part, worker int)
}

// NewKernelGrad plans the gradient of the convolution of geometry g by its kernel in layout k. Of the options it
// heeds Tile.
func NewKernelGrad(g Geometry, k KernelLayout, o Options) *KernelGrad {
	g.check()
	if g.Upsample {
		panic("conv: no gradient through upsampling")
	}
	f := &KernelGrad{g: g, k: k}
	tile := o.Tile
	if tile == 0 {
		tile = winogradTile(g)
	}
	if tile > 1 && !g.empty() {
		f.alg = newWinogradGrad(g, k, tile)
	} else {
		f.alg = newDirectGrad(g, k)
	}
	f.free.New = func() any {
		r := new(gradRun)
		r.task = func(part, worker int) { f.alg.run(r, r.step, part, worker) }
		return r
	}
	return f
}

// Algorithm names the way that was chosen, for profiles.
func (f *KernelGrad) Algorithm() string { return f.alg.name() }

// Scratch is the length of the scratch memory that Run needs for a team of the given size.
func (f *KernelGrad) Scratch(workers int) int { return f.alg.scratch(workers) }

// Run sets dk, in the layout of the kernel, to the gradient for inputs x [B, InH, InW, InC] and
// gradients dy [B, OutH, OutW, OutC].
func (f *KernelGrad) Run(t *team.Team, dk, x, dy, scratch []float32) {
	want("dy", len(dy), f.g.outLen())
	want("x", len(x), f.g.inLen())
	want("scratch", len(scratch), f.Scratch(t.Size()))
	if f.g.empty() {
		f.clear(dk)
		return
	}
	r := f.free.Get().(*gradRun)
	r.dk, r.x, r.dy, r.scratch = dk, x, dy, scratch
	for r.step = 0; r.step < f.alg.steps(); r.step++ {
		t.For(f.alg.tasks(r.step), r.task)
	}
	r.dk, r.x, r.dy, r.scratch = nil, nil, nil, nil
	f.free.Put(r)
}

// clear sets the gradient of a sum without terms.
func (f *KernelGrad) clear(dk []float32) {
	for o := range f.g.OutC {
		for c := range f.g.groupIn() {
			for t := range f.g.KH {
				for s := range f.g.KW {
					dk[f.k.Base+o*f.k.Out+c*f.k.In+t*f.k.H+s*f.k.W] = 0
				}
			}
		}
	}
}
