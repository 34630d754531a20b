package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A reduction folds its slices into 64 lanes, see Sum in ../../vec_reduce.go: step takes a lane's value and the
// next elements, fold joins two lanes.
type reduction struct {
	name      string
	signature string
	in        []string
	scalars   []string
	start     string // constant that the lanes start with
	doc       string
	step      func(a *isa, acc v, in, s []v) // into acc
	fold      func(a *isa) func(...op)
}

func plus(a *isa) func(...op)  { return a.VADDPS }
func times(a *isa) func(...op) { return a.VMULPS }

var reductions = []reduction{
	{"sum", "(x []float32) float32", []string{"x"}, nil, "zero", "is Sum.",
		func(a *isa, acc v, in, _ []v) { a.VADDPS(in[0], acc, acc) }, plus},
	{"prod", "(x []float32) float32", []string{"x"}, nil, "one", "is Prod.",
		func(a *isa, acc v, in, _ []v) { a.VMULPS(in[0], acc, acc) }, times},
	{"sumSquares", "(x []float32) float32", []string{"x"}, nil, "zero", "is SumSquares.",
		func(a *isa, acc v, in, _ []v) { a.acc(acc, in[0], in[0]) }, plus},
	{"dot", "(x, y []float32) float32", []string{"x", "y"}, nil, "zero", "is Dot.",
		func(a *isa, acc v, in, _ []v) { a.acc(acc, in[0], in[1]) }, plus},
}

// write emits passes of 64 elements, then up to one vector for each accumulator, the last one in part.
func (r reduction) write(a *isa) {
	a.text(r.name, r.signature, r.doc)
	w := &walk{a: a, left: a.length(r.in[0]), off: a.GP64()}
	for _, name := range r.in {
		w.in = append(w.in, a.base(name))
	}
	a.XORQ(w.off, w.off)
	var s []v
	for _, name := range r.scalars {
		s = append(s, a.scalar(name))
	}
	acc := make([]v, 64/a.n())
	for i := range acc {
		acc[i] = a.reg()
		if r.start == "zero" {
			a.VXORPS(acc[i], acc[i], acc[i])
		} else {
			a.VBROADCASTSS(row(r.start), acc[i])
		}
	}
	if r.start != "zero" {
		*a.used = append(*a.used, r.start)
	}

	per := operand.I32(int32(a.n()))
	a.SUBQ(operand.I32(64), w.left)
	a.JL(operand.LabelRef("rest"))
	a.Label("loop")
	for i := range acc {
		r.step(a, acc[i], w.load(i), s)
	}
	w.next(len(acc))
	a.SUBQ(operand.I32(64), w.left)
	a.JGE(operand.LabelRef("loop"))
	a.Label("rest")
	a.ADDQ(operand.I32(64), w.left)

	part := a.reg() // the accumulator in turn, for the last part
	for i := range acc {
		a.CMPQ(w.left, per)
		next := label("rest", i+1)
		a.JGE(operand.LabelRef(label("full", i)))
		a.VMOVAPS(acc[i], part)
		r.part(a, w, part, s)
		a.VMOVAPS(part, acc[i])
		a.JMP(operand.LabelRef("fold"))
		a.Label(label("full", i))
		r.step(a, acc[i], w.load(0), s)
		w.next(1)
		a.SUBQ(per, w.left)
		a.Label(next)
	}
	a.Label("fold")
	a.storeResult(a.foldLanes(r.fold, acc))
	a.end()
}

// part adds the last elements, fewer than a vector, to acc.
func (r reduction) part(a *isa, w *walk, acc v, s []v) {
	m := a.firstLanes(w.left)
	sum := a.copy(acc)
	r.step(a, sum, w.loadPart(m), s)
	a.VMOVAPS(a.blend(m, sum, acc), acc)
}

// foldLanes folds accumulators, 64 lanes or the first 16 of them, to one lane.
func (a *isa) foldLanes(fold func(a *isa) func(...op), acc []v) v {
	f := fold(a)
	per := 16 / a.n() // accumulators to 16 lanes
	if len(acc) == 4*per {
		for i := range per {
			f(acc[i+per], acc[i], acc[i])
			f(acc[i+3*per], acc[i+2*per], acc[i+2*per])
			f(acc[i+2*per], acc[i], acc[i])
		}
	}
	x := acc[0]
	if a.wide() {
		hi := a.ZMM()
		a.VEXTRACTF64X4(operand.Imm(1), x, hi.AsY())
		f(hi.AsY(), x.AsY(), x.AsY())
	} else {
		f(acc[1], x, x)
	}
	t := a.XMM()
	a.VEXTRACTF128(operand.Imm(1), x.AsY(), t)
	f(t, x.AsX(), x.AsX())
	a.VPERMILPS(operand.Imm(0x0e), x.AsX(), t)
	f(t, x.AsX(), x.AsX())
	a.VPERMILPS(operand.Imm(0x01), x.AsX(), t)
	f(t, x.AsX(), x.AsX())
	return x
}

func (a *isa) storeResult(x v) {
	b, err := a.ReturnIndex(0).Resolve()
	if err != nil {
		panic(err)
	}
	a.VMOVSS(x.AsX(), b.Addr)
}

// extremes writes ReduceMax or ReduceMin: four accumulators, in any order, and a mask of NaNs beside them.
func extremes(a *isa, name, start string, f func(a *isa) func(...op)) {
	a.text(name, "(x []float32) float32", "is "+title(name)+".")
	w := &walk{a: a, in: []reg.GPVirtual{a.base("x")}, left: a.length("x"), off: a.GP64()}
	a.XORQ(w.off, w.off)
	op := f(a)
	first := a.reg()
	a.VBROADCASTSS(row(start+"·int"), first)
	*a.used = append(*a.used, start+"·int")
	acc := []v{first, a.copy(first), a.copy(first), a.copy(first)}
	nan := a.zero() // the sum of 0·x would do as well, but for infinities

	per := int32(a.n())
	a.SUBQ(operand.I32(4*per), w.left)
	a.JL(operand.LabelRef("ones"))
	a.Label("fours")
	for i := 0; i < 4; i += 2 {
		x, y := w.load(i)[0], w.load(i + 1)[0]
		op(acc[i], x, acc[i])
		op(acc[i+1], y, acc[i+1])
		a.note(nan, x, y)
	}
	w.next(4)
	a.SUBQ(operand.I32(4*per), w.left)
	a.JGE(operand.LabelRef("fours"))

	a.Label("ones")
	a.ADDQ(operand.I32(3*per), w.left)
	a.JL(operand.LabelRef("part"))
	a.Label("one")
	x := w.load(0)[0]
	op(acc[0], x, acc[0])
	a.note(nan, x, x)
	w.next(1)
	a.SUBQ(operand.I32(per), w.left)
	a.JGE(operand.LabelRef("one"))

	a.Label("part")
	a.ADDQ(operand.I32(per), w.left)
	a.JLE(operand.LabelRef("fold"))
	m := a.firstLanes(w.left)
	x = a.blend(m, w.loadPart(m)[0], acc[0])
	op(acc[0], x, acc[0])
	a.note(nan, x, x)

	a.Label("fold")
	op(acc[1], acc[0], acc[0])
	op(acc[3], acc[2], acc[2])
	op(acc[2], acc[0], acc[0])
	if !a.wide() {
		acc[1] = acc[0]
	}
	y := a.foldLanes(f, acc[:16/a.n()])
	none := a.XMM()
	a.VXORPS(none, none, none)
	a.VADDPS(none, y.AsX(), y.AsX()) // +0 rather than -0
	a.orNaN(nan, y)
	a.storeResult(y)
	a.end()
}

// note sets lanes of nan to all bits where x or y is NaN.
func (a *isa) note(nan, x, y v) {
	if a.wide() {
		m := a.cmp(x, y, unordered)
		a.VPTERNLOGD(operand.Imm(0xff), nan, nan, m, nan)
		return
	}
	a.VORPS(a.cmp(x, y, unordered).(op), nan, nan)
}

// orNaN makes the first lane of y NaN if nan is not zero.
func (a *isa) orNaN(nan, y v) {
	if a.wide() {
		k := a.K()
		a.VPTESTMD(nan, nan, k)
		a.KORTESTW(k, k)
	} else {
		a.VPTEST(nan, nan)
	}
	a.JZ(operand.LabelRef("number"))
	a.VORPS(row("nanBits·int"), y.AsY(), y.AsY())
	*a.used = append(*a.used, "nanBits·int")
	a.Label("number")
}

// expSubSum writes ExpSubSum; AVX2 has two accumulators that change places with every vector.
func expSubSum(a *isa) {
	e := elem{"expSubSum", "(dst, x []float32, m float32) float32", []string{"x"}, []string{"m"}, "is ExpSubSum.",
		func(a *isa, in, s []v) v { return a.exp(a.sub(in[0], s[0])) }}
	w, s := e.begin(a)
	acc := make([]v, 16/a.n())
	for i := range acc {
		acc[i] = a.zero()
	}
	e.loop(w, s, nil, func(y v, m mask) {
		if m != nil {
			y = a.keep(m, y)
		}
		if a.wide() {
			a.VADDPS(y, acc[0], acc[0])
			return
		}
		t := a.add(acc[0], y)
		a.VMOVAPS(acc[1], acc[0])
		a.VMOVAPS(t, acc[1])
	})
	a.storeResult(a.foldLanes(plus, acc))
	a.end()
}
