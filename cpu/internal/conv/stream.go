package conv

import "mgd3/cpu/internal/kernel"

// streamed is winograd for a kernel whose U, up to four times its size, would come from the memory. A task is a panel
// of outputs of all tiles of a chunk: U of the panel is made from the kernel for some channels of inputs at a time and
// used while it is in the second cache, and the panel of M becomes outputs right there. Each sum is one chain in the
// order of the channels, so the bytes are those of winograd.
//
//	V [blocks of channels, n², tiles, channels]     of a chunk, for all workers
//	U [n², channels, NR], M [n², tiles, NR]         of a worker
//
// The steps of a chunk: V; the panels; telling of the rows, which are complete only then.
type streamed struct {
	winograd
	chunk    int // rows of tiles in one
	channels int // of inputs, of which U is made at a time
	vBlock   int // floats of a block of V
	uStep    int // from U[ξ] to U[ξ+1]
}

const (
	// streamTiles is how many tiles a chunk has at most, if a row of them is not longer: so many that making U takes
	// little of the time, and so few that M fits the second cache.
	streamTiles = 64
	// streamPart is how many floats of U are made at a time: 320 KB.
	streamPart = 80 << 10
	// streamFrom is how many floats of U are more than the second cache holds, and a good part of the third.
	streamFrom = 2 << 20
)

// Streams reports whether Options.Stream is the better way for a kernel that is not packed yet, and needs no copy.
func Streams(g Geometry, workers int) bool {
	tile := winogradTile(g)
	if tile == 1 || ceil(g.OutC, kernel.NR) < 2*workers {
		return false
	}
	return (tile+2)*(tile+2)*g.InC*g.OutC > streamFrom &&
		g.Batch*ceil(g.OutH, tile)*ceil(g.OutW, tile) <= winogradFew
}

func newStreamed(g Geometry, k KernelLayout, tile int) *streamed {
	s := &streamed{winograd: *newWinograd(g, k, tile)}
	s.chunk = min(max(1, streamTiles/s.tw), g.Batch*s.th)
	s.block = s.chunk * s.tw
	s.channels = min(g.InC, streamPart/(s.points()*kernel.NR)/packChannels*packChannels)
	s.vStep, s.uStep, s.mStep = s.block*s.channels+16, s.channels*kernel.NR+16, s.block*kernel.NR+16
	s.vBlock = s.points() * s.vStep
	return s
}

func (s *streamed) name() string   { return s.winograd.name() + " streamed" }
func (s *streamed) packed() int    { return 0 }
func (s *streamed) packTasks() int { return 0 }
func (s *streamed) steps() int     { return 3 * ceil(s.g.Batch*s.th, s.chunk) }

// ownLen is the length of what a worker needs: U, M, and what it reads and writes outside of images.
func (s *streamed) ownLen() int { return s.points()*(s.uStep+s.mStep) + s.edgeLen() }

func (s *streamed) vLen() int { return ceil(s.g.InC, s.channels) * s.vBlock }

func (s *streamed) scratch(workers int) int { return s.vLen() + workers*s.ownLen() }

// rowsOf returns the rows of tiles of the chunk that a step belongs to.
func (s *streamed) rowsOf(step int) (from, to int) {
	from = step / 3 * s.chunk
	return from, min(from+s.chunk, s.g.Batch*s.th)
}

func (s *streamed) tasks(step int) int {
	if step%3 == 1 {
		return s.panels
	}
	from, to := s.rowsOf(step)
	return to - from
}

func (s *streamed) run(r *forwardRun, step, part, worker int) (lo, hi int) {
	v, own := r.scratch[:s.vLen()], r.scratch[s.vLen()+worker*s.ownLen():][:s.ownLen()]
	from, to := s.rowsOf(step)
	switch step % 3 {
	case 0:
		s.rowOfV(r.x, v, own[:s.g.InC], from, from+part)
	case 1:
		s.panelOf(r, v, own, r.temp[worker*packTemp:][:packTemp], part, from*s.tw, to*s.tw)
	case 2:
		return s.firstPixel(from + part), s.firstPixel(from + part + 1)
	}
	return 0, 0
}

// rowOfV sets V of a row of tiles, of the chunk that begins with row first.
func (s *streamed) rowOfV(x, v, zeros []float32, first, row int) {
	var tmp kernel.WinogradTemp
	var table [36]*float32
	clear(zeros)
	for i := row * s.tw; i < (row+1)*s.tw; i++ {
		image, h, w := s.tile(i)
		inputTile(&table, s.g, s.t.N, x, zeros, image, h-s.g.PadTop, w-s.g.PadLeft)
		for c := 0; c < s.g.InC; c += s.channels {
			dst := v[c/s.channels*s.vBlock+(i-first*s.tw)*s.channels:]
			s.t.Input(&dst[0], s.vStep, &table[0], c, &tmp, min(s.channels, s.g.InC-c))
		}
	}
}

// panelOf makes a panel of the outputs of the tiles from to to-1, a chunk.
func (s *streamed) panelOf(r *forwardRun, v, own, temp []float32, panel, from, to int) {
	const nr = kernel.NR
	u, m, dump := own[s.edgeLen():], own[s.edgeLen()+s.points()*s.uStep:], own[s.g.InC:s.edgeLen()]
	cols := min(nr, s.g.OutC-panel*nr)
	for c := 0; c < s.g.InC; c += s.channels {
		n := min(s.channels, s.g.InC-c)
		for i := 0; i < n; i += packChannels {
			s.kernels(u[i*nr:], s.uStep, r.kernel, temp, panel, c+i, min(packChannels, n-i))
		}
		for xi := range s.points() {
			a := v[c/s.channels*s.vBlock+xi*s.vStep:]
			s.multiply(u[xi*s.uStep:], a, m[xi*s.mStep:], s.channels, nr, to-from, cols, n, c > 0)
		}
	}
	var tmp kernel.WinogradTemp
	var table [36]*float32
	for i := from; i < to; i++ {
		image, row, col := s.tile(i)
		outputTile(&table, s.g, s.t.M, r.y, dump, image, row, col)
		s.t.Output(&table[0], panel*nr, &m[(i-from)*nr], s.mStep, &tmp, cols)
	}
}
