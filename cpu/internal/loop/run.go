package loop

import (
	"unsafe"

	"github.com/gomlx/compute/dtypes"

	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// worker is what one worker needs for its tiles.
type worker struct {
	regs    [][]float32 // by register
	temps   [][]float32 // by slot, whole tiles
	scalars []float32   // by register
	spread  []spot      // by input: what its spread copy holds
	index   []int       // of the outer dimensions
	offset  []int       // by input, of the current tile
	outOff  []int       // by output
	acc     [][]float32 // by output, where reductions go
	one     []float32   // one number
	sums    []float32   // of the rows of a tile
	base    int         // offset in the output of acc's first element
}

// spot says where a spread copy came from.
type spot struct{ offset, n int }

// Scratch is the number of float32s that Run needs for a team of the given size.
func (l *Loop) Scratch(workers int) int {
	return workers*l.temps*l.tile + l.partialSize()
}

// bind gives the workers their scratch memory.
func (l *Loop) bind(workers int, scratch []float32) {
	if len(l.workers) < workers {
		l.workers = make([]worker, workers)
		for i := range l.workers {
			l.workers[i] = l.newWorker()
		}
	}
	// Each worker has its own tiles, one behind the other; what is left behind them is for partial sums.
	for i := range workers {
		w := &l.workers[i]
		for slot := range w.temps {
			at := (i*l.temps + slot) * l.tile
			w.temps[slot] = scratch[at : at+l.tile : at+l.tile]
		}
		for k := range w.spread {
			// of the run before, whose inputs were other memory
			w.spread[k].n = -1
		}
	}
	l.partial = scratch[workers*l.temps*l.tile:]
}

func (l *Loop) newWorker() worker {
	n := len(l.in) + len(l.p.Code)
	w := worker{
		regs: make([][]float32, n), temps: make([][]float32, l.temps), scalars: make([]float32, n),
		spread: make([]spot, len(l.in)), index: make([]int, len(l.dims)), offset: make([]int, len(l.in)),
		outOff: make([]int, len(l.out)), acc: make([][]float32, len(l.out)), one: make([]float32, 1),
		sums: make([]float32, l.tile),
	}
	for r := range n {
		if l.isScalar[r] {
			w.regs[r] = w.scalars[r : r+1 : r+1]
		}
	}
	for i, ins := range l.p.Code {
		if ins.Op == Const {
			w.scalars[len(l.in)+i] = ins.S
		}
	}
	return w
}

// Data is the memory of one tensor, whole.
type Data []byte

// Floats returns the memory of float32s.
func Floats(f []float32) Data {
	if len(f) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&f[0])), 4*len(f))
}

func view[T any](d Data) []T {
	if len(d) == 0 {
		return nil
	}
	var t T
	return unsafe.Slice((*T)(unsafe.Pointer(&d[0])), len(d)/int(unsafe.Sizeof(t)))
}

// Run runs the whole nest on the team. scratch has at least Scratch(t.Size()) numbers. An output may be in the
// memory of an input that is dense and of the same size.
func (l *Loop) Run(t *team.Team, out, in []Data, scratch []float32) {
	l.Start(t, out, in, scratch)
	if l.units == 0 || l.unit == 0 {
		l.empty()
		return
	}
	t.For(l.tasks(), l.task)
	if l.parts > 1 {
		t.For(l.groups, l.combine)
	}
}

// Start prepares RunBlocks.
func (l *Loop) Start(t *team.Team, out, in []Data, scratch []float32) {
	l.bind(t.Size(), scratch)
	l.data = operands{in: in, out: out}
}

// RunBlocks runs blocks lo to hi-1 of a program with a Block and without reductions, after Start.
func (l *Loop) RunBlocks(lo, hi, worker int) {
	l.span(&l.workers[worker], lo*l.p.Block/l.unit, hi*l.p.Block/l.unit)
}

// span runs the units lo to hi-1, counted in the order of the nest.
func (l *Loop) span(w *worker, lo, hi int) {
	size := l.dims[l.chunk]
	// lo in digits of the sizes up to chunk: the index at which this worker begins
	rest := lo
	for i := l.chunk; i >= 0; i-- {
		w.index[i] = rest % l.dims[i]
		rest /= l.dims[i]
	}
	l.locate(w)
	for lo < hi {
		// a tile does not go beyond the end of the dimension that is cut, so that each input has one stride within it
		n := min(l.per, size-w.index[l.chunk], hi-lo)
		l.runTile(w, n)
		lo += n
		l.advance(w, n)
	}
}

// locate computes the offsets of all tensors at w.index.
func (l *Loop) locate(w *worker) {
	for k := range l.in {
		w.offset[k] = l.in[k].Offset + dot(w.index[:l.chunk+1], l.in[k].Strides)
	}
	for k := range l.out {
		w.outOff[k] = dot(w.index[:l.chunk+1], l.out[k].Strides)
	}
}

func dot(index, strides []int) int {
	n := 0
	for i, x := range index {
		n += x * strides[i]
	}
	return n
}

// advance moves w.index by n units within the chunk dimension, and on to the next where it ends.
func (l *Loop) advance(w *worker, n int) {
	c := l.chunk
	w.index[c] += n
	if w.index[c] < l.dims[c] {
		for k := range l.in {
			w.offset[k] += n * l.in[k].Strides[c]
		}
		for k := range l.out {
			w.outOff[k] += n * l.out[k].Strides[c]
		}
		return
	}
	w.index[c] = 0
	for i := c - 1; i >= 0; i-- {
		if w.index[i]++; w.index[i] < l.dims[i] {
			break
		}
		w.index[i] = 0
	}
	l.locate(w)
}

// runTile runs the body over units units at the worker's place.
func (l *Loop) runTile(w *worker, units int) {
	n := units * l.unit
	for k := range l.in {
		l.read(w, k, units, n)
	}
	for k := range l.out {
		if l.out[k].direct {
			at := w.outOff[k]
			w.regs[l.out[k].Reg] = view[float32](l.data.out[k])[at : at+n]
		}
	}
	for i := range l.code {
		l.runStep(w, &l.code[i], n)
	}
	for _, k := range l.writes {
		l.write(w, k, units, n)
	}
}

func (l *Loop) runStep(w *worker, s *step, n int) {
	if s.fills > 0 {
		l.runSpread(w, s, n)
		return
	}
	if !l.isScalar[s.dst] && l.slot[s.dst] >= 0 {
		w.regs[s.dst] = w.temps[l.slot[s.dst]][:n]
	}
	regs := w.regs
	switch s.form {
	case unary:
		if s.un != nil {
			s.un(regs[s.dst], regs[s.a])
		}
	case binary:
		s.bin(regs[s.dst], regs[s.a], regs[s.b])
	case scalar:
		s.sc(regs[s.dst], regs[s.a], regs[s.b][0])
	case ternary:
		s.tern(regs[s.dst], regs[s.a], regs[s.b], regs[s.c])
	case scaled:
		kernel.MulAddS(regs[s.dst], regs[s.a], regs[s.b][0], regs[s.c])
	case shifted:
		kernel.ScaleShift(regs[s.dst], regs[s.a], regs[s.b][0], regs[s.c][0])
	case reduce:
		regs[s.dst][0] = s.red(regs[s.a])
	}
}

// runSpread is runStep for an operation that has no form for its scalar operands: they are spread first.
func (l *Loop) runSpread(w *worker, s *step, n int) {
	used := 0
	arg := func(r int) []float32 {
		if r >= 0 {
			return w.regs[r]
		}
		tile := w.temps[s.fill[used]][:n]
		used++
		kernel.Fill(tile, w.regs[-1-r][0])
		return tile
	}
	a := arg(s.a)
	if s.form == reduce {
		w.regs[s.dst][0] = s.red(a)
		return
	}
	b := arg(s.b)
	var c []float32
	if s.form == ternary {
		c = arg(s.c)
	}
	if l.slot[s.dst] >= 0 {
		w.regs[s.dst] = w.temps[l.slot[s.dst]][:n]
	}
	if s.form == ternary {
		s.tern(w.regs[s.dst], a, b, c)
	} else {
		s.bin(w.regs[s.dst], a, b)
	}
}

// read makes input k ready for a tile of n elements.
func (l *Loop) read(w *worker, k, units, n int) {
	in, at := &l.in[k], w.offset[k]
	switch {
	case in.direct:
		w.regs[k] = view[float32](l.data.in[k])[at : at+n]
	case in.scalar:
		convert(w.regs[k], l.data.in[k], at, in.Type)
	default:
		tile := w.temps[l.slot[k]][:n]
		if w.spread[k] != (spot{at, n}) {
			w.spread[k] = spot{at, n}
			l.spreadInto(tile, l.data.in[k], in, at, l.chunk, units)
		}
		w.regs[k] = tile
	}
}

// spreadInto copies the elements of an input from dimension d on, of which it takes size, and
// returns how many it wrote.
func (l *Loop) spreadInto(dst []float32, data Data, in *input, at, d, size int) int {
	stride := in.Strides[d]
	if d == len(l.dims)-1 {
		switch stride {
		case 1:
			convert(dst[:size], data, at, in.Type)
		case 0:
			convert(dst[:1], data, at, in.Type)
			kernel.Fill(dst[:size], dst[0])
		default:
			for i := range size {
				convert(dst[i:i+1], data, at+i*stride, in.Type)
			}
		}
		return size
	}
	n := l.spreadInto(dst, data, in, at, d+1, l.dims[d+1])
	for i := 1; i < size; i++ {
		if stride == 0 {
			copy(dst[i*n:(i+1)*n], dst[:n])
		} else {
			l.spreadInto(dst[i*n:], data, in, at+i*stride, d+1, l.dims[d+1])
		}
	}
	return size * n
}

// convert reads len(dst) elements from offset at.
func convert(dst []float32, data Data, at int, dtype dtypes.DType) {
	n := len(dst)
	switch dtype {
	case dtypes.Float32:
		copy(dst, view[float32](data)[at:at+n])
	case dtypes.Bool:
		kernel.BoolToF32(dst, view[bool](data)[at:at+n])
	case dtypes.Float16:
		kernel.F16ToF32(dst, view[uint16](data)[at:at+n])
	case dtypes.BFloat16:
		kernel.BF16ToF32(dst, view[uint16](data)[at:at+n])
	}
}

// write stores or reduces output k.
func (l *Loop) write(w *worker, k, units, n int) {
	o := &l.out[k]
	src, at := w.regs[o.Reg], w.outOff[k]
	if l.isScalar[o.Reg] && !o.single {
		tile := w.temps[l.spare][:n]
		kernel.Fill(tile, src[0])
		src = tile
	}
	switch {
	case o.single:
		view[float32](l.data.out[k])[at] = src[0]
	case o.Reduce != 0:
		l.reduceInto(w, w.acc[k], src, o, at-w.base, l.chunk, units)
	case o.Type == dtypes.Bool:
		kernel.F32ToBool(view[bool](l.data.out[k])[at:at+n], src)
	case o.whole:
		copy(view[float32](l.data.out[k])[at:at+n], src)
	default:
		l.scatter(view[float32](l.data.out[k]), src, o, at, l.chunk, units)
	}
}

// scatter stores a tile with gaps between its rows.
func (l *Loop) scatter(dst, src []float32, o *output, at, d, size int) int {
	if d == len(l.dims)-1 && o.Strides[d] == 1 {
		copy(dst[at:at+size], src)
		return size
	}
	n := 0
	for i := range size {
		if d == len(l.dims)-1 {
			dst[at+i*o.Strides[d]] = src[i]
			n++
		} else {
			n += l.scatter(dst, src[n:], o, at+i*o.Strides[d], d+1, l.dims[d+1])
		}
	}
	return n
}
