// Command asm writes the loops of package kernel for AVX2.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const weightBits = 22

func main() {
	ConstraintExpr("!purego")
	row()
	column()
	ycbcr()
	widen()
	Generate()
}

func begin(name, signature, doc string) {
	TEXT(name, NOSPLIT, signature)
	Doc(name + " " + doc)
	Pragma("noescape")
}

func param(name string) reg.GPVirtual { return Load(Param(name), GP64()).(reg.GPVirtual) }

// all returns v in every 32-bit place.
func all(v int32) reg.VecVirtual {
	r, x, y := GP32(), XMM(), YMM()
	MOVL(I32(v), r)
	VMOVD(r, x)
	VPBROADCASTD(x, y)
	return y
}

// loop repeats body for i = 0, step, … below n.
func loop(label string, n reg.Register, step uint64, body func(i reg.Register)) {
	i := GP64()
	XORQ(i, i)
	Label(label)
	body(i)
	ADDQ(Imm(step), i)
	CMPQ(i, n)
	JL(LabelRef(label))
}

// row keeps the sums of one pixel in a register, red, green and blue, and in the fourth place what follows.
func row() {
	begin("rowAVX2", "func(dst, src *uint8, first *int, weights *int32, width, n int)",
		"filters n pixels by taps; it reads one byte beyond the last of a pixel.")
	dst, src, first, weights := param("dst"), param("src"), param("first"), param("weights")
	width, n := param("width"), param("n")
	half := all(1 << (weightBits - 1)).AsX()
	loop("pixels", n, 1, func(i reg.Register) {
		from, sums := GP64(), XMM()
		MOVQ(Mem{Base: first, Index: i, Scale: 8}, from)
		LEAQ(Mem{Base: from, Index: from, Scale: 2}, from)
		ADDQ(src, from)
		VMOVDQA(half, sums)
		loop("taps", width, 1, func(j reg.Register) {
			pixel, weight := XMM(), XMM()
			VPMOVZXBD(Mem{Base: from}, pixel)
			VPBROADCASTD(Mem{Base: weights, Index: j, Scale: 4}, weight)
			VPMULLD(weight, pixel, pixel)
			VPADDD(pixel, sums, sums)
			ADDQ(Imm(3), from)
		})
		VPSRAD(Imm(weightBits), sums, sums)
		VPACKSSDW(sums, sums, sums)
		VPACKUSWB(sums, sums, sums)
		VPEXTRW(Imm(0), sums, Mem{Base: dst})
		VPEXTRB(Imm(2), sums, Mem{Base: dst, Disp: 2})
		ADDQ(Imm(3), dst)
		LEAQ(Mem{Base: weights, Index: width, Scale: 4}, weights)
	})
	VZEROUPPER()
	RET()
}

// column keeps the sums of sixteen bytes in two registers.
func column() {
	begin("columnAVX2", "func(dst, src *uint8, stride int, weights *int32, rows, n int)",
		"filters n columns, a multiple of 16.")
	dst, src, stride, weights := param("dst"), param("src"), param("stride"), param("weights")
	rows, n := param("rows"), param("n")
	half := all(1 << (weightBits - 1))
	loop("columns", n, 16, func(i reg.Register) {
		from, lo, hi := GP64(), YMM(), YMM()
		LEAQ(Mem{Base: src, Index: i, Scale: 1}, from)
		VMOVDQA(half, lo)
		VMOVDQA(half, hi)
		loop("rows", rows, 1, func(j reg.Register) {
			weight, a, b := YMM(), YMM(), YMM()
			VPBROADCASTD(Mem{Base: weights, Index: j, Scale: 4}, weight)
			VPMOVZXBD(Mem{Base: from}, a)
			VPMOVZXBD(Mem{Base: from, Disp: 8}, b)
			VPMULLD(weight, a, a)
			VPMULLD(weight, b, b)
			VPADDD(a, lo, lo)
			VPADDD(b, hi, hi)
			ADDQ(stride, from)
		})
		VPSRAD(Imm(weightBits), lo, lo)
		VPSRAD(Imm(weightBits), hi, hi)
		VPACKSSDW(hi, lo, lo)           // 0-3 8-11 | 4-7 12-15
		VPERMQ(Imm(0b11011000), lo, lo) // in order
		high := XMM()
		VEXTRACTI128(Imm(1), lo, high)
		VPACKUSWB(high, lo.AsX(), high)
		VMOVDQU(high, Mem{Base: dst, Index: i, Scale: 1})
	})
	VZEROUPPER()
	RET()
}

// ycbcr forms eight pixels in the places of a register, as red + 256·green + 65536·blue.
func ycbcr() {
	begin("ycbcrAVX2", "func(dst, y, cb, cr *uint8, n int)",
		"converts n pixels, a multiple of 8; it writes four bytes beyond the last.")
	dst, py, pcb, pcr, n := param("dst"), param("y"), param("cb"), param("cr"), param("n")
	half, middle, zero, top := all(1<<15), all(128), all(0), all(255)
	forR, forB, gCb, gCr := all(91881), all(116130), all(22554), all(46802)
	pack := GLOBL("pack", RODATA|NOPTR)
	for half := 0; half < 32; half += 16 { // bytes 0 1 2, 4 5 6, 8 9 10, 12 13 14, and four zeros
		DATA(half, U64(0x0908060504020100))
		DATA(half+8, U64(0x808080800e0d0c0a))
	}
	order := YMM()
	VMOVDQU(pack, order)
	widened := func(from reg.Register, i reg.Register) reg.VecVirtual {
		v := YMM()
		VPMOVZXBD(Mem{Base: from, Index: i, Scale: 1}, v)
		return v
	}
	loop("pixels", n, 8, func(i reg.Register) {
		y, cb, cr := widened(py, i), widened(pcb, i), widened(pcr, i)
		VPSUBD(middle, cb, cb)
		VPSUBD(middle, cr, cr)
		r, g, b, t := YMM(), YMM(), YMM(), YMM()
		VPMULLD(forR, cr, r)
		VPADDD(half, r, r)
		VPMULLD(forB, cb, b)
		VPADDD(half, b, b)
		VPMULLD(gCb, cb, t)
		VPSUBD(t, half, g)
		VPMULLD(gCr, cr, t)
		VPSUBD(t, g, g)
		for _, c := range []reg.VecVirtual{r, g, b} {
			VPSRAD(Imm(16), c, c)
			VPADDD(y, c, c)
			VPMAXSD(zero, c, c)
			VPMINSD(top, c, c)
		}
		VPSLLD(Imm(8), g, g)
		VPSLLD(Imm(16), b, b)
		VPOR(g, r, r)
		VPOR(b, r, r)
		VPSHUFB(order, r, r)
		VMOVDQU(r.AsX(), Mem{Base: dst})
		VEXTRACTI128(Imm(1), r, t.AsX())
		VMOVDQU(t.AsX(), Mem{Base: dst, Disp: 12})
		ADDQ(Imm(24), dst)
	})
	VZEROUPPER()
	RET()
}

// widen forms the two samples that lie between neighbours as one number, the left one in the lower byte.
func widen() {
	begin("widenAVX2", "func(dst, near, far *uint8, n int)",
		"writes the samples between n + 1, n a multiple of 16.")
	dst, near, far, n := param("dst"), param("near"), param("far"), param("n")
	seven, eight := all(7<<16|7), all(8<<16|8)
	loop("samples", n, 16, func(i reg.Register) {
		var sums [2]reg.VecVirtual
		for s := range sums {
			v, t := YMM(), YMM()
			VPMOVZXBW(Mem{Base: near, Index: i, Scale: 1, Disp: s}, v)
			VPADDW(v, v, t)
			VPADDW(t, v, v)
			VPMOVZXBW(Mem{Base: far, Index: i, Scale: 1, Disp: s}, t)
			VPADDW(t, v, v)
			sums[s] = v
		}
		var out [2]reg.VecVirtual
		for s, bias := range []reg.VecVirtual{seven, eight} {
			v := YMM()
			VPADDW(sums[s], sums[s], v)
			VPADDW(sums[0], v, v)
			VPADDW(sums[1], v, v)
			VPADDW(bias, v, v)
			VPSRLW(Imm(4), v, v)
			out[s] = v
		}
		VPSLLW(Imm(8), out[1], out[1])
		VPOR(out[1], out[0], out[0])
		VMOVDQU(out[0], Mem{Base: dst, Index: i, Scale: 2})
	})
	VZEROUPPER()
	RET()
}
