package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// An elem is an element-wise kernel: dst[i] = f(in[0][i], …, scalars…).
type elem struct {
	name      string
	signature string
	in        []string // slices
	scalars   []string
	doc       string
	f         func(a *isa, in []v, s []v) v
}

// walk is the position in the slices of a loop.
type walk struct {
	a    *isa
	dst  reg.GPVirtual
	in   []reg.GPVirtual
	left reg.GPVirtual // elements
	off  reg.GPVirtual // bytes
}

func (a *isa) walk(dst string, in []string) *walk {
	w := &walk{a: a, dst: a.base(dst), left: a.length(dst), off: a.GP64()}
	for _, name := range in {
		w.in = append(w.in, a.base(name))
	}
	a.XORQ(w.off, w.off)
	return w
}

func (w *walk) at(base reg.GPVirtual, vector int) mem {
	return mem{Base: base, Index: w.off, Scale: 1, Disp: vector * w.a.bytes}
}

func (w *walk) load(vector int) (in []v) {
	for _, base := range w.in {
		in = append(in, w.a.copy(w.at(base, vector)))
	}
	return in
}

func (w *walk) loadPart(m mask) (in []v) {
	for _, base := range w.in {
		in = append(in, w.a.loadPart(m, w.at(base, 0)))
	}
	return in
}

func (w *walk) next(vectors int) { w.a.ADDQ(operand.I32(int32(vectors*w.a.bytes)), w.off) }

// start loads scalars and constants.
func (e elem) start(a *isa) (s []v) {
	for _, name := range e.scalars {
		s = append(s, a.scalar(name))
	}
	a.hold(func(side *isa) {
		var in, sc []v
		for range e.in {
			in = append(in, side.reg())
		}
		for range e.scalars {
			sc = append(sc, side.reg())
		}
		e.f(side, in, sc)
	})
	return s
}

// light writes a kernel with few instructions per vector: four vectors per pass, then one, then a part of one.
func (e elem) light(a *isa) {
	const unroll = 4
	w, s := e.begin(a)
	per := int32(a.n())

	a.SUBQ(operand.I32(unroll*per), w.left)
	a.JL(operand.LabelRef("ones"))
	a.Label("fours")
	for u := range unroll {
		a.VMOVUPS(e.f(a, w.load(u), s), w.at(w.dst, u))
	}
	w.next(unroll)
	a.SUBQ(operand.I32(unroll*per), w.left)
	a.JGE(operand.LabelRef("fours"))

	a.Label("ones")
	a.ADDQ(operand.I32((unroll-1)*per), w.left)
	a.JL(operand.LabelRef("part"))
	a.Label("one")
	a.VMOVUPS(e.f(a, w.load(0), s), w.at(w.dst, 0))
	w.next(1)
	a.SUBQ(operand.I32(per), w.left)
	a.JGE(operand.LabelRef("one"))

	a.Label("part")
	a.ADDQ(operand.I32(per), w.left)
	a.JLE(operand.LabelRef("done"))
	m := a.firstLanes(w.left)
	a.storePart(m, e.f(a, w.loadPart(m), s), w.at(w.dst, 0))
	a.Label("done")
	a.end()
}

// heavy writes a kernel with many instructions per vector.
func (e elem) heavy(a *isa) {
	w, s := e.begin(a)
	e.loop(w, s, nil, nil)
	a.end()
}

// checked writes a heavy kernel with a check of the arguments, which may leave for the label "stop"; it returns
// the number of elements done.
func (e elem) checked(a *isa, check func(w *walk, in []v)) {
	w, s := e.begin(a)
	e.loop(w, s, check, nil)
	a.Label("stop")
	a.SHRQ(operand.Imm(2), w.off)
	a.Store(w.off, a.ReturnIndex(0))
	a.end()
}

func (e elem) begin(a *isa) (w *walk, s []v) {
	a.text(e.name, e.signature, e.doc)
	return a.walk("dst", e.in), e.start(a)
}

// loop computes a vector at a time. The computation is there once: branches around it load and store the last
// part. After each vector comes use, with a mask if it is a part.
func (e elem) loop(w *walk, s []v, check func(w *walk, in []v), use func(y v, m mask)) {
	a := w.a
	var in []v
	for range e.in {
		in = append(in, a.reg())
	}
	per := operand.I32(int32(a.n()))
	a.TESTQ(w.left, w.left)
	a.JZ(operand.LabelRef("done"))
	a.Label("loop")
	a.CMPQ(w.left, per)
	a.JL(operand.LabelRef("loadPart"))
	for i, base := range w.in {
		a.VMOVUPS(w.at(base, 0), in[i])
	}
	a.Label("compute")
	if check != nil {
		check(w, in)
	}
	y := e.f(a, in, s)
	a.CMPQ(w.left, per)
	a.JL(operand.LabelRef("storePart"))
	a.VMOVUPS(y, w.at(w.dst, 0))
	if use != nil {
		use(y, nil)
	}
	w.next(1)
	a.SUBQ(per, w.left)
	a.JNZ(operand.LabelRef("loop"))
	a.JMP(operand.LabelRef("done"))

	a.Label("loadPart")
	m := a.firstLanes(w.left)
	for i, part := range w.loadPart(m) {
		a.VMOVAPS(part, in[i])
	}
	a.JMP(operand.LabelRef("compute"))
	a.Label("storePart")
	m = a.firstLanes(w.left)
	a.storePart(m, y, w.at(w.dst, 0))
	if use != nil {
		use(y, m)
	}
	a.LEAQ(mem{Base: w.off, Index: w.left, Scale: 4}, w.off)
	a.Label("done")
}

// The shapes of element-wise kernels.

func unary(name string, f func(a *isa, x v) v) elem {
	return elem{name, "(dst, x []float32)", []string{"x"}, nil, "is " + title(name) + ".",
		func(a *isa, in, _ []v) v { return f(a, in[0]) }}
}

func binary(name string, f func(a *isa, x, y v) v) elem {
	return elem{name, "(dst, x, y []float32)", []string{"x", "y"}, nil, "is " + title(name) + ".",
		func(a *isa, in, _ []v) v { return f(a, in[0], in[1]) }}
}

func scalar(name string, f func(a *isa, x, s v) v) elem {
	return elem{name + "S", "(dst, x []float32, s float32)", []string{"x"}, []string{"s"}, "is " + title(name) + "S.",
		func(a *isa, in, s []v) v { return f(a, in[0], s[0]) }}
}

func title(name string) string { return fmt.Sprintf("%c%s", name[0]-'a'+'A', name[1:]) }
