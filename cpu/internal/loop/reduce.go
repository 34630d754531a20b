package loop

import "mgd3/cpu/internal/kernel"

// grain is how many elements a task has: enough to hide the cost of handing it out, few enough to share
// the work evenly.
const grain = 1 << 15

// plan decides how the nest is cut into tasks. Without reductions any cut will do. With them, the leading
// dimensions that are kept count groups of units; a group is cut into parts by its own size alone, each
// part sums on its own, and the parts are then added up in order.
func (l *Loop) plan() {
	mask := l.reduced()
	l.groups, l.parts = 0, 1
	if mask == nil {
		return
	}
	prefix := 0
	for prefix < len(mask) && !mask[prefix] {
		prefix++
	}
	l.kept = 1 // elements of the output per unit, where all that is reduced lies within units
	for i := l.chunk + 1; i < len(l.dims); i++ {
		if !mask[i] {
			l.kept *= l.dims[i]
		}
	}
	if prefix > l.chunk {
		return
	}
	l.groups = product(l.dims[:prefix])
	l.groupUnits = product(l.dims[prefix : l.chunk+1])
	l.slice = 1
	for i := prefix; i < len(l.dims); i++ {
		if !mask[i] {
			l.slice *= l.dims[i]
		}
	}
	size := l.groupUnits * l.unit
	l.parts = max(1, min(size/grain, 256, l.groupUnits/l.per, size/(16*l.slice)))
}

// partialSize is the number of partial sums.
func (l *Loop) partialSize() int {
	if l.parts == 1 {
		return 0
	}
	n := 0
	for _, o := range l.out {
		if o.Reduce != 0 {
			n += l.groups * l.parts * l.slice
		}
	}
	return n
}

// tasks is the number of parts that Run hands to the team.
func (l *Loop) tasks() int {
	if l.groups > 0 {
		return l.groups * l.parts
	}
	return max(1, min(l.units, l.units*l.unit/grain))
}

// runTask runs one of tasks.
func (l *Loop) runTask(part, worker int) {
	w := &l.workers[worker]
	if l.groups > 0 {
		l.runPart(w, part/l.parts, part%l.parts)
		return
	}
	n := l.tasks()
	lo, hi := part*l.units/n, (part+1)*l.units/n
	for k := range l.out {
		if o := &l.out[k]; o.Reduce != 0 {
			w.acc[k] = view[float32](l.data.out[k])
			kernel.Fill(w.acc[k][lo*l.kept:hi*l.kept], o.Reduce.identity())
		}
	}
	w.base = 0
	l.span(w, lo, hi)
}

// runPart reduces one part of a group.
func (l *Loop) runPart(w *worker, group, part int) {
	for k := range l.out {
		if o := &l.out[k]; o.Reduce != 0 {
			w.acc[k] = l.target(k, group, part)
			kernel.Fill(w.acc[k], o.Reduce.identity())
		}
	}
	w.base = group * l.slice
	start := group * l.groupUnits
	l.span(w, start+part*l.groupUnits/l.parts, start+(part+1)*l.groupUnits/l.parts)
}

// target is where a part of a group sums output k: the output itself, or a slice of the partial sums.
func (l *Loop) target(k, group, part int) []float32 {
	if l.parts == 1 {
		return view[float32](l.data.out[k])[group*l.slice : (group+1)*l.slice]
	}
	before := 0
	for i := range k {
		if l.out[i].Reduce != 0 {
			before++
		}
	}
	at := ((before*l.groups+group)*l.parts + part) * l.slice
	return l.partial[at : at+l.slice]
}

// combineGroup adds up the parts of a group, pairs of neighbours first.
func (l *Loop) combineGroup(group, _ int) {
	for k := range l.out {
		o := &l.out[k]
		if o.Reduce == 0 {
			continue
		}
		join := o.Reduce.accumulate()
		for step := 1; step < l.parts; step *= 2 {
			for p := 0; p+step < l.parts; p += 2 * step {
				x := l.target(k, group, p)
				join(x, x, l.target(k, group, p+step))
			}
		}
		copy(view[float32](l.data.out[k])[group*l.slice:(group+1)*l.slice], l.target(k, group, 0))
	}
}

// innermost finds the run of last dimensions that an output reduces as one: all reduced, or all kept and
// dense. It returns the first of them and the elements of the run.
func (l *Loop) innermost(o *output) (first, run int) {
	last := len(l.dims) - 1
	first, run = last, l.dims[last]
	for first > l.chunk+1 && o.Reduced[first-1] == o.Reduced[last] && (o.Reduced[last] || o.Strides[first-1] == run) {
		first--
		run *= l.dims[first]
	}
	return first, run
}

// reduceInto accumulates the part of a tile from dimension d on, of which it takes size, into acc
// from offset at; it returns how many elements of src it read.
func (l *Loop) reduceInto(w *worker, acc, src []float32, o *output, at, d, size int) int {
	switch {
	case d == o.first:
		run := o.run
		if d == l.chunk { // a piece of it
			run = size
		}
		if o.Reduced[d] {
			w.one[0] = o.fold(src[:run])
			o.join(acc[at:at+1], acc[at:at+1], w.one)
		} else {
			o.join(acc[at:at+run], acc[at:at+run], src[:run])
		}
		return run
	case d == o.first-1 && o.Reduced[d] && !o.Reduced[o.first] && o.Reduce == RowSum:
		l.sumRows(w, acc[at:at+o.run], src, size, o)
		return size * o.run
	}
	n := 0
	for range size {
		n += l.reduceInto(w, acc, src[n:], o, at, d+1, l.dims[d+1])
		at += o.Strides[d]
	}
	return n
}

// chain is the most rows that are summed one after the other: long chains of sums lose digits.
const chain = 32

// sumRows adds rows of src to acc.
func (l *Loop) sumRows(w *worker, acc, src []float32, rows int, o *output) {
	for r := 0; r < rows; r += chain {
		n := min(chain, rows-r)
		if n == 1 {
			kernel.Add(acc, acc, src[r*o.run:][:o.run])
			continue
		}
		sums := w.sums[:o.run]
		kernel.Fill(sums, 0)
		kernel.SumRows(sums, src[r*o.run:], n, o.run)
		kernel.Add(acc, acc, sums)
	}
}

// empty gives reductions of nothing their value.
func (l *Loop) empty() {
	for k := range l.out {
		if o := &l.out[k]; o.Reduce != 0 {
			kernel.Fill(view[float32](l.data.out[k]), o.Reduce.identity())
		}
	}
}
