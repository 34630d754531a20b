package loop

import (
	"github.com/gomlx/compute/dtypes"
)

const f32 = dtypes.Float32

// form says which kernel of an operation a step calls.
type form uint8

const (
	unary form = iota
	binary
	scalar
	ternary
	scaled  // x·s + z
	shifted // x·s + s
	reduce
)

// step is one instruction with its kernel and registers chosen.
type step struct {
	form    form
	un      func(dst, x []float32)
	bin     func(dst, x, y []float32)
	sc      func(dst, x []float32, s float32)
	tern    func(dst, x, y, z []float32)
	red     func(x []float32) float32
	dst     int
	a, b, c int
	// registers that are to be spread into their tile before: scalars of operations without a scalar form
	fill       [3]int
	fills      int
	scalarOnly bool // everything it touches is a scalar
}

// assign chooses kernels, and gives every register that needs memory a slot: scalars one number, tiles
// a tile that is used again when its value is dead.
func (l *Loop) assign() {
	n := len(l.in) + len(l.p.Code)
	isScalar := make([]bool, n)
	for i, in := range l.in {
		isScalar[i] = in.scalar
	}
	for i, ins := range l.p.Code {
		isScalar[len(l.in)+i] = l.givesScalar(ins, isScalar)
	}
	l.isScalar = isScalar
	last := l.lastUse(n)
	l.chooseDirect(isScalar, last)
	l.orderWrites()

	slots := newSlots()
	l.slot = make([]int, n)
	for i := range l.in {
		l.slot[i] = -1
		if !isScalar[i] && !l.in[i].direct {
			l.slot[i] = slots.take() // for good: the spread copy is kept from tile to tile
		}
	}
	for i, ins := range l.p.Code {
		reg := len(l.in) + i
		s := l.step(ins, reg, isScalar, slots)
		// The destination may be an operand that dies here: kernels allow it.
		args := ins.reads()
		for k, r := range args {
			if last[r] == i && r >= len(l.in) && l.slot[r] >= 0 && !contains(args[:k], r) {
				slots.give(l.slot[r])
			}
		}
		for k := range s.fills {
			slots.give(s.fill[k])
		}
		l.slot[reg] = -1
		if !isScalar[reg] && !l.storesItself(reg) {
			l.slot[reg] = slots.take()
			if last[reg] == i { // never read
				slots.give(l.slot[reg])
			}
		}
		l.code = append(l.code, s)
	}
	for _, o := range l.out {
		if isScalar[o.Reg] && !o.single {
			l.spare = slots.take()
			break
		}
	}
	l.temps = slots.most
	l.tile = max(l.per*l.unit, 1)
	l.tile = (l.tile + 15) / 16 * 16
}

func contains(s []int, v int) bool {
	for _, x := range s {
		if x == v {
			return true
		}
	}
	return false
}

// givesScalar reports whether the instruction's result is one number for a tile.
func (l *Loop) givesScalar(ins Instr, isScalar []bool) bool {
	if table[ins.Op].reduce != nil {
		return true
	}
	for _, r := range ins.reads() {
		if !isScalar[r] {
			return false
		}
	}
	return true
}

// lastUse returns for each register the last instruction that reads it; stored registers live to the end.
func (l *Loop) lastUse(n int) []int {
	last := make([]int, n)
	for i := range last {
		last[i] = i - len(l.in) // the definition, if nothing reads it
	}
	for i, ins := range l.p.Code {
		for _, r := range ins.reads() {
			last[r] = i
		}
	}
	for _, o := range l.out {
		last[o.Reg] = len(l.p.Code)
	}
	return last
}

// chooseDirect lets instructions write outputs into memory at once, where no input that is read in place
// is read later: the output may be in the memory of such an input.
func (l *Loop) chooseDirect(isScalar []bool, last []int) {
	lastRead := -1
	for i, in := range l.in {
		if in.direct && last[i] < len(l.p.Code) {
			lastRead = max(lastRead, last[i])
		} else if in.direct {
			lastRead = len(l.p.Code) // stored as it is
		}
	}
	taken := map[int]bool{}
	for i := range l.out {
		o := &l.out[i]
		o.direct = o.whole && o.Type == f32 && o.Reg >= len(l.in) && !isScalar[o.Reg] && !taken[o.Reg] &&
			o.Reg-len(l.in) >= lastRead
		taken[o.Reg] = taken[o.Reg] || o.direct
	}
}

// orderWrites lists the outputs that no instruction writes: first those that are read from an input or reduced, since
// the memory of an input may be that of another output.
func (l *Loop) orderWrites() {
	for _, early := range []bool{true, false} {
		for k, o := range l.out {
			if !o.direct && (o.Reduce != 0 || o.Reg < len(l.in)) == early {
				l.writes = append(l.writes, k)
			}
		}
	}
}

func (l *Loop) storesItself(reg int) bool {
	for _, o := range l.out {
		if o.direct && o.Reg == reg {
			return true
		}
	}
	return false
}

// step chooses the kernel of an instruction.
func (l *Loop) step(ins Instr, reg int, isScalar []bool, slots *slots) step {
	f := &table[ins.Op]
	s := step{dst: reg, a: ins.A, b: ins.B, c: ins.C}
	s.scalarOnly = l.givesScalar(ins, isScalar) && f.reduce == nil
	spread := func(r int) int {
		slot := slots.take()
		s.fill[s.fills] = slot
		s.fills++
		return -1 - r // negative: read through the fill
	}
	switch {
	case f.reduce != nil:
		s.form, s.red = reduce, f.reduce
		if isScalar[ins.A] {
			s.a = spread(ins.A)
		}
	case f.unary != nil:
		s.form, s.un = unary, f.unary
	case f.ternary != nil:
		s.form, s.tern = ternary, f.ternary
		if !s.scalarOnly && ins.Op == MulAdd && l.multiplyAdd(&s, isScalar) {
			break
		}
		if !s.scalarOnly {
			for _, r := range []*int{&s.a, &s.b, &s.c} {
				if isScalar[*r] {
					*r = spread(*r)
				}
			}
		}
	case f.binary != nil:
		s.form, s.bin = binary, f.binary
		if s.scalarOnly {
			break
		}
		switch {
		case isScalar[ins.B] && f.scalar != nil:
			s.form, s.sc = scalar, f.scalar
		case isScalar[ins.A] && f.reverse != nil:
			s.form, s.sc, s.a, s.b = scalar, f.reverse, ins.B, ins.A
		case isScalar[ins.B]:
			s.b = spread(ins.B)
		case isScalar[ins.A]:
			s.a = spread(ins.A)
		}
	}
	return s
}

// multiplyAdd chooses a kernel for a MulAdd with scalars, if there is one.
func (l *Loop) multiplyAdd(s *step, isScalar []bool) bool {
	if isScalar[s.a] {
		s.a, s.b = s.b, s.a
	}
	if isScalar[s.a] || !isScalar[s.b] {
		return false
	}
	s.form = scaled
	if isScalar[s.c] {
		s.form = shifted
	}
	return true
}

// slots hands out tiles of scratch memory.
type slots struct {
	free []int
	most int
}

func newSlots() *slots { return &slots{} }

func (s *slots) take() int {
	if n := len(s.free); n > 0 {
		slot := s.free[n-1]
		s.free = s.free[:n-1]
		return slot
	}
	s.most++
	return s.most - 1
}

func (s *slots) give(slot int) { s.free = append(s.free, slot) }
