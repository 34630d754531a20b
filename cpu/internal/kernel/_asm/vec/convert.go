package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A conversion turns 16 elements of one size into as many of another; AVX2 serves both levels.
type conversion struct {
	name, dst, src string // types
	f              func(a *isa, dst, src reg.GPVirtual)
}

var conversions = []conversion{
	{"f16ToF32", "float32", "uint16", widen(func(a *isa, from mem, to v) { a.VCVTPH2PS(from, to) }, 2)},
	{"bf16ToF32", "float32", "uint16", widen(func(a *isa, from mem, to v) {
		a.VPMOVZXWD(from, to)
		a.VPSLLD(operand.Imm(16), to, to)
	}, 2)},
	{"boolToF32", "float32", "bool", widen(func(a *isa, from mem, to v) {
		a.VPMOVZXBD(from, to)
		a.VCVTDQ2PS(to, to)
	}, 1)},
	{"f32ToBool", "bool", "float32", narrow(func(a *isa, x v) v {
		return a.and(a.cmp(x, a.zero(), notEqual).(v), a.bits("one"))
	})},
	{"f32ToBF16", "uint16", "float32", func(a *isa, dst, src reg.GPVirtual) {
		var upper [2]v
		for i := range upper {
			upper[i] = a.copy(mem{Base: src, Disp: 32 * i})
			a.VPSRLD(operand.Imm(16), upper[i], upper[i])
		}
		a.VMOVUPS(a.pack16(upper[0], upper[1]), mem{Base: dst})
	}},
}

// write emits the loop over the whole sixteens of dst; the rest is for the plain version.
func (c conversion) write(a *isa) {
	a.text(c.name, "(dst []"+c.dst+", src []"+c.src+")", "is "+title(c.name)+" for a multiple of 16 elements.")
	dst, src, left := a.base("dst"), a.base("src"), a.length("dst")
	a.SHRQ(operand.Imm(4), left)
	a.JZ(operand.LabelRef("done"))
	a.Label("loop")
	c.f(a, dst, src)
	a.ADDQ(operand.I32(int32(16*size(c.dst))), dst)
	a.ADDQ(operand.I32(int32(16*size(c.src))), src)
	a.DECQ(left)
	a.JNZ(operand.LabelRef("loop"))
	a.Label("done")
	a.end()
}

func size(t string) int {
	return map[string]int{"float32": 4, "uint16": 2, "uint8": 1, "bool": 1}[t]
}

func widen(f func(a *isa, from mem, to v), size int) func(a *isa, dst, src reg.GPVirtual) {
	return func(a *isa, dst, src reg.GPVirtual) {
		for i := range 2 {
			y := a.reg()
			f(a, mem{Base: src, Disp: 8 * size * i}, y)
			a.VMOVUPS(y, mem{Base: dst, Disp: 32 * i})
		}
	}
}

func narrow(f func(a *isa, x v) v) func(a *isa, dst, src reg.GPVirtual) {
	return func(a *isa, dst, src reg.GPVirtual) {
		y := a.pack16(f(a, a.copy(mem{Base: src})), f(a, a.copy(mem{Base: src, Disp: 32})))
		hi := a.XMM()
		a.VEXTRACTI128(operand.Imm(1), y, hi)
		a.VPACKUSWB(hi, y.AsX(), hi)
		a.VMOVDQU(hi, mem{Base: dst})
	}
}

// pack16 makes 16 words of 16 integers below 2^16.
func (a *isa) pack16(x, y v) v {
	r := a.reg()
	a.VPACKUSDW(y, x, r)
	a.VPERMQ(operand.Imm(0xd8), r, r)
	return r
}

// transpose8 writes the transpose of n blocks of 8×8, one below the other in src, side by side in dst.
func transpose8(a *isa) {
	a.text("transpose8", "(dst *float32, ldd int, src *float32, lds int, n int)", "transposes 8·n rows of 8 columns.")
	to, ldd, from, lds := a.integer("dst"), a.integer("ldd"), a.integer("src"), a.integer("lds")
	left := a.integer("n")
	rowsOf := func(base, step reg.GPVirtual) func(i int) mem {
		step3, base4 := a.GP64(), a.GP64()
		a.LEAQ(mem{Base: step, Index: step, Scale: 2}, step3)
		a.LEAQ(mem{Base: base, Index: step, Scale: 4}, base4)
		return func(i int) mem {
			b := base
			if i >= 4 {
				b = base4
			}
			switch i % 4 {
			case 1, 2:
				return mem{Base: b, Index: step, Scale: uint8(i % 4)}
			case 3:
				return mem{Base: b, Index: step3, Scale: 1}
			}
			return mem{Base: b}
		}
	}
	a.SHLQ(operand.Imm(2), ldd)
	a.SHLQ(operand.Imm(2), lds)
	a.Label("loop")
	src, dst := rowsOf(from, lds), rowsOf(to, ldd)
	for _, half := range []int{0, 4} {
		for j, y := range a.transposed(src, half) {
			a.VMOVUPS(y, dst(half+j))
		}
	}
	a.LEAQ(mem{Base: from, Index: lds, Scale: 8}, from)
	a.ADDQ(operand.Imm(32), to)
	a.DECQ(left)
	a.JNZ(operand.LabelRef("loop"))
	a.end()
}

// transposed loads columns first to first+3 of 8 rows and returns them: rows i and i+4 are halves of a vector, pairs of
// rows are interleaved, and then pairs of pairs. All 8 columns at once would need more than AVX2's 16 registers.
func (a *isa) transposed(row func(i int) mem, first int) [4]v {
	var r [4]v // rows i and i+4
	for i := range r {
		lo, hi := row(i), row(i+4)
		lo.Disp, hi.Disp = 4*first, 4*first
		r[i] = a.reg()
		a.VMOVUPS(lo, r[i].AsX())
		a.VINSERTF128(operand.Imm(1), hi, r[i], r[i])
	}
	p, q := a.two(a.VUNPCKLPS, r[0], r[1]), a.two(a.VUNPCKLPS, r[2], r[3])
	s, t := a.two(a.VUNPCKHPS, r[0], r[1]), a.two(a.VUNPCKHPS, r[2], r[3])
	return [4]v{a.two(a.VUNPCKLPD, p, q), a.two(a.VUNPCKHPD, p, q), a.two(a.VUNPCKLPD, s, t), a.two(a.VUNPCKHPD, s, t)}
}
