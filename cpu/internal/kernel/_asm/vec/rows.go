package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A column is a kernel that works down the columns of a matrix: acc[j] = f(acc[j], x[r·stride+j], mean[j]).
type column struct {
	name, signature string
	in              []string // beside acc and x
	f               func(a *isa, acc, x v, in []v) v
}

var columns = []column{
	{"sumRows", "(acc, x []float32, rows, stride int)", nil,
		func(a *isa, acc, x v, _ []v) v { return a.add(acc, x) }},
}

// write emits blocks of four vectors of columns, then one vector, then a part of one.
func (c column) write(a *isa) {
	a.text(c.name, c.signature, "is "+title(c.name)+".")
	w := a.walk("acc", c.in)
	x, rows, stride := a.base("x"), a.integer("rows"), a.integer("stride")
	a.SHLQ(operand.Imm(2), stride)
	a.TESTQ(rows, rows)
	a.JLE(operand.LabelRef("done"))

	per := int32(a.n())
	a.SUBQ(operand.I32(4*per), w.left)
	a.JL(operand.LabelRef("ones"))
	a.Label("fours")
	c.block(a, w, x, rows, stride, 4, nil)
	a.SUBQ(operand.I32(4*per), w.left)
	a.JGE(operand.LabelRef("fours"))

	a.Label("ones")
	a.ADDQ(operand.I32(3*per), w.left)
	a.JL(operand.LabelRef("part"))
	a.Label("one")
	c.block(a, w, x, rows, stride, 1, nil)
	a.SUBQ(operand.I32(per), w.left)
	a.JGE(operand.LabelRef("one"))

	a.Label("part")
	a.ADDQ(operand.I32(per), w.left)
	a.JLE(operand.LabelRef("done"))
	c.block(a, w, x, rows, stride, 0, a.firstLanes(w.left))
	a.Label("done")
	a.end()
}

// block runs down all rows of some vectors; with a mask, of a part of one.
func (c column) block(a *isa, w *walk, x, rows, stride reg.GPVirtual, vectors int, m mask) {
	load := func(from mem) v {
		if m != nil {
			return a.loadPart(m, from)
		}
		return a.copy(from)
	}
	var acc []v
	var in [][]v
	for u := range max(vectors, 1) {
		acc = append(acc, load(w.at(w.dst, u)))
		in = append(in, nil)
		for _, base := range w.in {
			in[u] = append(in[u], load(w.at(base, u)))
		}
	}
	p, r := a.GP64(), a.GP64()
	a.LEAQ(w.at(x, 0), p)
	a.MOVQ(rows, r)
	loop := label("rows", vectors)
	a.Label(loop)
	for u := range acc {
		y := c.f(a, acc[u], load(mem{Base: p, Disp: u * a.bytes}), in[u])
		if y != acc[u] {
			a.VMOVAPS(y, acc[u])
		}
	}
	a.ADDQ(stride, p)
	a.DECQ(r)
	a.JNZ(operand.LabelRef(loop))
	for u := range acc {
		if m != nil {
			a.storePart(m, acc[u], w.at(w.dst, 0))
		} else {
			a.VMOVUPS(acc[u], w.at(w.dst, u))
		}
	}
	w.next(vectors)
}
