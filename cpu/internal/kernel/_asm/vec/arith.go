package main

import (
	"strings"

	"github.com/mmcloughlin/avo/operand"
)

// extreme is max or min as Go has it: NaN if one is NaN, -0 below +0.
func (a *isa) extreme(x, y v, isMax bool) v {
	nan := a.cmp(x, y, unordered)
	if a.wide() {
		imm := uint64(4) // minimum, with the sign of the result
		if isMax {
			imm = 5
		}
		r := a.reg()
		a.VRANGEPS(operand.Imm(imm), y, x, r)
		a.VADDPS(y, x, nan, r)
		return r
	}
	var r v // of two zeros, each instruction returns its second operand
	if isMax {
		r = a.and(a.two(a.VMAXPS, x, y), a.two(a.VMAXPS, y, x))
	} else {
		r = a.or(a.two(a.VMINPS, x, y), a.two(a.VMINPS, y, x))
	}
	return a.blend(nan, a.add(x, y), r)
}

func (a *isa) max(x, y v) v { return a.extreme(x, y, true) }
func (a *isa) min(x, y v) v { return a.extreme(x, y, false) }

func compare(predicate uint64) func(a *isa, x, y v) v {
	return func(a *isa, x, y v) v { return a.truth(a.cmp(x, y, predicate)) }
}

func (a *isa) not(x v) v   { return a.sub(a.c("one"), x) }
func (a *isa) recip(x v) v { return a.div(a.c("one"), x) }
func (a *isa) rsqrt(x v) v { return a.recip(a.sqrt(x)) }
func (a *isa) sign(x v) v {
	s := a.or(a.and(x, a.bits("signBit")), a.c("one"))
	return a.blend(a.cmp(x, a.zero(), differs), s, x)
}

// roundBF16 adds half a last bit, less one where the last bit is even, and cuts.
func (a *isa) roundBF16(x v) v {
	odd := a.and(a.sar(x, 16), a.bits("one"))
	r := a.addInt(a.addInt(x, a.bits("bf16Half")), odd)
	r = a.blend(a.cmp(x, x, unordered), a.or(x, a.bits("bf16Quiet")), r)
	return a.and(r, a.bits("bf16Kept"))
}
func (a *isa) isFinite(x v) v { return a.truth(a.cmp(a.abs(x), a.bits("infBits"), less)) }

// Kernels with few instructions.
var lights = []elem{
	binary("add", func(a *isa, x, y v) v { return a.add(x, y) }),
	binary("sub", func(a *isa, x, y v) v { return a.sub(x, y) }),
	binary("mul", func(a *isa, x, y v) v { return a.mul(x, y) }),
	binary("div", func(a *isa, x, y v) v { return a.div(x, y) }),
	binary("max", (*isa).max),
	binary("min", (*isa).min),
	binary("and", func(a *isa, x, y v) v { return a.and(x, y) }),
	binary("or", func(a *isa, x, y v) v { return a.or(x, y) }),
	binary("xor", func(a *isa, x, y v) v { return a.xor(x, y) }),
	binary("eq", compare(equal)),
	binary("ne", compare(notEqual)),
	binary("lt", compare(less)),
	binary("le", compare(lessEqual)),
	binary("gt", compare(greater)),
	binary("ge", compare(greaterEqual)),

	scalar("add", func(a *isa, x, s v) v { return a.add(x, s) }),
	scalar("sub", func(a *isa, x, s v) v { return a.sub(x, s) }),
	scalar("mul", func(a *isa, x, s v) v { return a.mul(x, s) }),
	scalar("div", func(a *isa, x, s v) v { return a.div(x, s) }),
	scalar("rsub", func(a *isa, x, s v) v { return a.sub(s, x) }),
	scalar("rdiv", func(a *isa, x, s v) v { return a.div(s, x) }),
	scalar("max", (*isa).max),
	scalar("min", (*isa).min),
	scalar("eq", compare(equal)),
	scalar("ne", compare(notEqual)),
	scalar("lt", compare(less)),
	scalar("le", compare(lessEqual)),
	scalar("gt", compare(greater)),
	scalar("ge", compare(greaterEqual)),

	mixed("mulAdd", "(dst, x, y, z []float32)", "x y z", "",
		func(a *isa, in, _ []v) v { return a.fma(in[0], in[1], in[2]) }),
	mixed("mulAddS", "(dst, x []float32, s float32, z []float32)", "x z", "s",
		func(a *isa, in, s []v) v { return a.fma(in[0], s[0], in[1]) }),
	mixed("scaleShift", "(dst, x []float32, a, b float32)", "x", "a b",
		func(a *isa, in, s []v) v { return a.fma(in[0], s[0], s[1]) }),
	mixed("select", "(dst, cond, x, y []float32)", "cond x y", "", func(a *isa, in, _ []v) v {
		return a.blend(a.cmp(in[0], a.zero(), notEqual), in[1], in[2])
	}),
	mixed("fill", "(dst []float32, s float32)", "", "s", func(a *isa, _, s []v) v { return s[0] }),

	unary("neg", func(a *isa, x v) v { return a.xor(x, a.bits("signBit")) }),
	unary("abs", (*isa).abs),
	unary("sqrt", (*isa).sqrt),
	unary("rsqrt", (*isa).rsqrt),
	unary("not", (*isa).not),
	unary("sign", (*isa).sign),
	unary("floor", func(a *isa, x v) v { return a.round(x, down) }),
	unary("ceil", func(a *isa, x v) v { return a.round(x, up) }),
	unary("round", func(a *isa, x v) v { return a.round(x, nearest) }),
	unary("isFinite", (*isa).isFinite),
	unary("isNaN", func(a *isa, x v) v { return a.truth(a.cmp(x, x, unordered)) }),
}

// Kernels with many instructions.
var heavies = []elem{
	unary("exp", (*isa).exp),
	unary("expm1", (*isa).expm1),
	unary("log", (*isa).log),
	unary("log1p", (*isa).log1p),
	unary("tanh", (*isa).tanh),
	unary("logistic", (*isa).logistic),
	unary("erf", (*isa).erf),
	unary("silu", (*isa).silu),
	unary("geluErf", (*isa).geluErf),
	unary("geluTanh", (*isa).geluTanh),
}

// Kernels that stop before an argument beyond sinMax.
var periodics = []elem{
	periodic("sin", (*isa).sin),
	periodic("cos", (*isa).cos),
}

func mixed(name, signature, in, scalars string, f func(a *isa, in, s []v) v) elem {
	return elem{name, signature, strings.Fields(in), strings.Fields(scalars), "is " + title(name) + ".", f}
}

func periodic(name string, f func(a *isa, x v) v) elem {
	e := unary(name, f)
	e.signature += " int"
	e.doc = "is " + title(name) + " up to a vector with an argument beyond sinMax; it returns the number of elements " +
		"done."
	return e
}

// withinSinMax leaves for "stop" if one of x is too large.
func withinSinMax(w *walk, in []v) {
	a := w.a
	big := a.cmp(a.abs(in[0]), a.c("sinMax"), greater)
	if a.wide() {
		a.KORTESTW(big, big)
	} else {
		r := a.GP32()
		a.VMOVMSKPS(big, r)
		a.TESTL(r, r)
	}
	a.JNZ(operand.LabelRef("stop"))
}
