// Command peak writes loops that only multiply and add in registers, to measure what a core can do.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// chains is the number of independent sums: two per cycle, with a latency of up to six.
const chains = 12

func main() {
	ConstraintExpr("!purego")
	loop("fmaLoopAVX2", YMM)
	loop("fmaLoopAVX512", ZMM)
	Generate()
}

func loop(name string, vec func() VecVirtual) {
	TEXT(name, NOSPLIT, "func(n int)")
	Doc(name + " does n times 12 multiply-adds of vectors.")
	n := Load(Param("n"), GP64())
	var sums []VecVirtual
	for range chains {
		v := vec()
		VXORPS(v.AsX(), v.AsX(), v.AsX())
		sums = append(sums, v)
	}
	x := vec()
	VXORPS(x.AsX(), x.AsX(), x.AsX())
	Label("loop")
	for _, v := range sums {
		VFMADD231PS(x, x, v)
	}
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
