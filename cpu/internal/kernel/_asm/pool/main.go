// Command pool writes the kernel of the gradient of maxima over windows, see ../../selectscatter.go, for AVX2.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

func main() {
	ConstraintExpr("!purego")
	TEXT("selectScatterAVX2", NOSPLIT, "func(dx, x *float32, off *int, n int, dy *float32, channels int, sign uint32)")
	Pragma("noescape")
	Doc("selectScatterAVX2 is selectScatter for a multiple of 8 channels.")
	dx, x, off, n := Load(Param("dx"), GP64()), Load(Param("x"), GP64()), Load(Param("off"), GP64()),
		Load(Param("n"), GP64())
	dy, left := Load(Param("dy"), GP64()), Load(Param("channels"), GP64())
	sign, minusOne := YMM(), YMM()
	signAddr, _ := Param("sign").Resolve()
	// The sign bit or 0, which every value is exclusive-ored with: minima are maxima of −x.
	VBROADCASTSS(signAddr.Addr, sign)
	// all bits: −1, which is subtracted to count up
	VPCMPEQD(minusOne, minusOne, minusOne)

	Label("channels")
	// best is the largest so far of each channel, at its place in the window, count the place that is looked at
	best, at, count := YMM(), YMM(), YMM()
	t, o := GP64(), GP64()
	MOVQ(Mem{Base: off}, o)
	VXORPS(Mem{Base: x, Index: o, Scale: 4}, sign, best)
	VPXOR(at, at, at)
	VPXOR(count, count, count)
	MOVQ(I32(1), t)
	JMP(LabelRef("more"))
	Label("select")
	v, larger, nan := YMM(), YMM(), YMM()
	MOVQ(Mem{Base: off, Index: t, Scale: 8}, o)
	VXORPS(Mem{Base: x, Index: o, Scale: 4}, sign, v)
	VPSUBD(minusOne, count, count)
	VCMPPS(Imm(0x11), v, best, larger) // best < v
	VCMPPS(Imm(0x03), v, v, nan)       // v is not a number
	VORPS(larger, nan, larger)
	VBLENDVPS(larger, v, best, best)
	VBLENDVPS(larger, count, at, at)
	INCQ(t)
	Label("more")
	CMPQ(t, n)
	JL(LabelRef("select"))

	d, here, sum := YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: dy}, d)
	VPXOR(count, count, count)
	XORQ(t, t)
	// The same window again: dy is added where the place is that of the largest, and 0 elsewhere.
	Label("scatter")
	MOVQ(Mem{Base: off, Index: t, Scale: 8}, o)
	VPCMPEQD(count, at, here)
	VANDPS(d, here, here)
	VADDPS(Mem{Base: dx, Index: o, Scale: 4}, here, sum)
	VMOVUPS(sum, Mem{Base: dx, Index: o, Scale: 4})
	VPSUBD(minusOne, count, count)
	INCQ(t)
	CMPQ(t, n)
	JL(LabelRef("scatter"))

	ADDQ(Imm(32), x)
	ADDQ(Imm(32), dx)
	ADDQ(Imm(32), dy)
	SUBQ(Imm(8), left)
	JG(LabelRef("channels"))
	VZEROUPPER()
	RET()
	Generate()
}
