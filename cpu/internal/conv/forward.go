package conv

import (
	"sync"

	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// Options of a convolution.
type Options struct {
	// Done, if not nil, is told that outputs [lo, hi), counted in pixels over Batch·OutH·OutW, are complete, by the
	// worker that made them, while they are in its cache.
	Done func(lo, hi, worker int)
	// PackedKernel says that Run gets what Pack made, rather than the kernel.
	PackedKernel bool
	// Stream says that Winograd's algorithm reads the kernel as it is, and packs nothing; see Streams.
	Stream bool
	// Tile forces an algorithm: 1 direct, 2 and 4 Winograd with tiles of 2×2 and 4×4 outputs. 0 chooses.
	Tile int
}

// Forward is a convolution of fixed shape. It may run many times, also at once.
type Forward struct {
	g    Geometry
	k    KernelLayout
	o    Options
	alg  algorithm
	free sync.Pool // of *forwardRun
}

// algorithm is a way to compute a convolution, in steps, each of which consists of tasks for the team.
type algorithm interface {
	name() string
	packed() int                                // floats of the packed kernel
	packTasks() int                             // parts in which it is made
	pack(dst, kernel, temp []float32, part int) // makes one part; temp has packTemp floats
	scratch(workers int) int
	steps() int
	tasks(step int) int
	run(r *forwardRun, step, part, worker int) (lo, hi int) // completes pixels lo to hi-1
}

// packTemp is the length of the scratch memory of a worker that packs a kernel.
const packTemp = packChannels * 9 * kernel.NR

// forwardRun is one call of Run or Pack; its functions and memory are made once, so that calls allocate nothing.
type forwardRun struct {
	y, x, kernel, packed, scratch []float32
	temp                          []float32
	step                          int
	task, pack                    func(part, worker int)
}

// NewForward plans the convolution of geometry g with a kernel in layout k.
func NewForward(g Geometry, k KernelLayout, o Options) *Forward {
	g.check()
	f := &Forward{g: g, k: k, o: o}
	switch {
	case !g.empty() && (o.Tile > 1 || o.Tile == 0 && winogradTile(g) > 1):
		tile := o.Tile
		if tile == 0 {
			tile = winogradTile(g)
		}
		if f.alg = newWinograd(g, k, tile); o.Stream {
			f.alg = newStreamed(g, k, tile)
		}
	case g.Groups > 1 && g.groupIn() == 1 && g.groupOut() == 1 && !g.Upsample:
		f.alg = newDepthwise(g, k)
	default:
		f.alg = newDirect(g, k)
	}
	f.free.New = func() any { return f.newRun() }
	return f
}

func (f *Forward) newRun() *forwardRun {
	r := new(forwardRun)
	r.pack = func(part, worker int) { f.alg.pack(r.packed, r.kernel, r.temp[worker*packTemp:][:packTemp], part) }
	r.task = func(part, worker int) {
		lo, hi := f.alg.run(r, r.step, part, worker)
		if f.o.Done != nil && lo < hi {
			f.o.Done(lo, hi, worker)
		}
	}
	return r
}

// Algorithm names the way that was chosen, for profiles.
func (f *Forward) Algorithm() string { return f.alg.name() }

// PackedSize is the length of what Pack makes.
func (f *Forward) PackedSize() int { return f.alg.packed() }

// Scratch is the length of the scratch memory that Run needs for a team of the given size.
func (f *Forward) Scratch(workers int) int {
	n := f.alg.scratch(workers)
	if !f.o.PackedKernel {
		n += f.alg.packed()
	}
	return n
}

// Pack makes dst of the kernel: what Run needs if Options.PackedKernel is set.
func (f *Forward) Pack(t *team.Team, dst, k []float32) {
	want("dst", len(dst), f.PackedSize())
	r := f.free.Get().(*forwardRun)
	f.pack(r, t, dst, k)
	f.drop(r)
}

func (f *Forward) pack(r *forwardRun, t *team.Team, dst, k []float32) {
	if n := t.Size() * packTemp; len(r.temp) < n {
		r.temp = make([]float32, n)
	}
	r.packed, r.kernel = dst, k
	t.For(f.alg.packTasks(), r.pack)
}

// Run sets y [B, OutH, OutW, OutC] to the convolution of x [B, InH, InW, InC] with the kernel, or the packed kernel.
func (f *Forward) Run(t *team.Team, y, x, k, scratch []float32) {
	want("y", len(y), f.g.outLen())
	want("x", len(x), f.g.inLen())
	want("scratch", len(scratch), f.Scratch(t.Size()))
	if f.g.empty() {
		clear(y[:f.g.outLen()])
		if n := f.g.Batch * f.g.OutH * f.g.OutW; f.o.Done != nil && n > 0 {
			f.o.Done(0, n, 0)
		}
		return
	}
	r := f.free.Get().(*forwardRun)
	r.y, r.x, r.packed = y, x, k
	if !f.o.PackedKernel {
		n := f.PackedSize()
		f.pack(r, t, scratch[:n], k)
		scratch = scratch[n:]
	}
	want("packed kernel", len(r.packed), f.PackedSize())
	r.scratch = scratch
	for r.step = 0; r.step < f.alg.steps(); r.step++ {
		t.For(f.alg.tasks(r.step), r.task)
	}
	f.drop(r)
}

// drop keeps r for another call, without what it points to.
func (f *Forward) drop(r *forwardRun) {
	r.y, r.x, r.kernel, r.packed, r.scratch = nil, nil, nil, nil, nil
	f.free.Put(r)
}
