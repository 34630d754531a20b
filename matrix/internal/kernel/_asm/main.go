// Command asm writes the loops of package kernel for AVX2 and AVX-512.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	lanes = 8  // of a sum
	slice = 24 // bytes of a slice header
)

// isa is an instruction set: eight lanes are one of its registers, or two.
type isa struct {
	name     string
	width    int // float64 numbers in a register
	register func() reg.VecVirtual
}

func main() {
	ConstraintExpr("!purego")
	for _, s := range []isa{{"AVX2", 4, YMM}, {"AVX512", 8, ZMM}} {
		dots(s)
		sqDist(s)
		add(s)
	}
	Generate()
}

// widen loads width float32 numbers as float64.
func (s isa) widen(from Mem) reg.VecVirtual {
	v := s.register()
	VCVTPS2PD(from, v)
	return v
}

func (s isa) zeros(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = s.register()
		if s.width == 8 {
			VPXORQ(v[i], v[i], v[i])
		} else {
			VPXOR(v[i], v[i], v[i])
		}
	}
	return v
}

// loop repeats body for i = 0, 8, … below n, a multiple of 8.
func loop(label string, n reg.Register, body func(i reg.Register)) {
	i := GP64()
	XORQ(i, i)
	Label(label)
	body(i)
	ADDQ(Imm(lanes), i)
	CMPQ(i, n)
	JL(LabelRef(label))
}

// dots keeps 2 × 4 sums of width lanes in registers. AVX2 goes over the columns twice, for lanes 0 to 3 and
// for lanes 4 to 7.
func dots(s isa) {
	TEXT("dots"+s.name, NOSPLIT, "func(sums *[2][4][8]float64, x *[2][]float32, c *[4][]float32, n int)")
	Doc("dots" + s.name + " is dotsGeneric.")
	Pragma("noescape")
	sums, n := Load(Param("sums"), GP64()), Load(Param("n"), GP64())
	x, c := rows("x", 2), rows("c", 4)
	for half := 0; half < lanes; half += s.width {
		acc := s.zeros(len(x) * len(c))
		loop(fmt.Sprintf("columns%d", half), n, func(i reg.Register) {
			at := func(row reg.Register) Mem { return Mem{Base: row, Index: i, Scale: 4, Disp: 4 * half} }
			x0, x1 := s.widen(at(x[0])), s.widen(at(x[1]))
			for j := range c {
				v := s.widen(at(c[j]))
				VFMADD231PD(v, x0, acc[j])
				VFMADD231PD(v, x1, acc[4+j])
			}
		})
		for a, v := range acc {
			VMOVUPD(v, Mem{Base: sums, Disp: 8 * (lanes*a + half)})
		}
	}
	VZEROUPPER()
	RET()
}

// rows loads the first addresses of n slices.
func rows(param string, n int) []reg.Register {
	slices := Load(Param(param), GP64())
	r := make([]reg.Register, n)
	for i := range r {
		r[i] = GP64()
		MOVQ(Mem{Base: slices, Disp: slice * i}, r[i])
	}
	return r
}

func sqDist(s isa) {
	TEXT("sqDist"+s.name, NOSPLIT, "func(sums *[8]float64, a, b *float32, n int)")
	Doc("sqDist" + s.name + " is sqDistGeneric.")
	Pragma("noescape")
	sums, n := Load(Param("sums"), GP64()), Load(Param("n"), GP64())
	a, b := Load(Param("a"), GP64()), Load(Param("b"), GP64())
	acc := s.zeros(lanes / s.width)
	loop("columns", n, func(i reg.Register) {
		for h := range acc {
			d := s.widen(Mem{Base: a, Index: i, Scale: 4, Disp: 4 * h * s.width})
			VSUBPD(s.widen(Mem{Base: b, Index: i, Scale: 4, Disp: 4 * h * s.width}), d, d)
			VMULPD(d, d, d)
			VADDPD(d, acc[h], acc[h])
		}
	})
	for h, v := range acc {
		VMOVUPD(v, Mem{Base: sums, Disp: 8 * h * s.width})
	}
	VZEROUPPER()
	RET()
}

func add(s isa) {
	TEXT("add"+s.name, NOSPLIT, "func(sums *float64, x *float32, n int)")
	Doc("add" + s.name + " is addGeneric.")
	Pragma("noescape")
	sums, n := Load(Param("sums"), GP64()), Load(Param("n"), GP64())
	x := Load(Param("x"), GP64())
	loop("columns", n, func(i reg.Register) {
		for h := 0; h < lanes; h += s.width {
			v := s.widen(Mem{Base: x, Index: i, Scale: 4, Disp: 4 * h})
			at := Mem{Base: sums, Index: i, Scale: 8, Disp: 8 * h}
			VADDPD(at, v, v)
			VMOVUPD(v, at)
		}
	})
	VZEROUPPER()
	RET()
}
