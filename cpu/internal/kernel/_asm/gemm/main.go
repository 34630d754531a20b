// Command gemm writes the micro-kernels of matrix products: one function for each instruction
// set, number of rows and number of vectors per row. See ../../gemm.go for the formula.
package main

import (
	"fmt"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// isa is an instruction set: bytes per vector, and the largest tile that its registers hold.
type isa struct {
	name  string
	bytes int
	// rows·2 sums, two vectors of B and a value of A fill the registers: 6·2 + 3 of AVX2's 16, 14·2 + 3 of AVX-512's 32
	rows  int
	pairs bool // A and B hold two bfloat16 in place of each float
}

// pairRows are the heights of tiles of pairs; other tiles are made of several.
var pairRows = []int{1, 2, 4, 7, 14}

func main() {
	ConstraintExpr("!purego")
	for _, s := range []isa{{"AVX2", 32, 6, false}, {"AVX512", 64, 14, false}, {"BF16", 64, 14, true}} {
		for vecs := 1; vecs <= 2; vecs++ {
			for rows := 1; rows <= s.rows; rows++ {
				if !s.pairs || vecs == 2 && slices.Contains(pairRows, rows) {
					kernel(s, rows, vecs)
				}
			}
		}
	}
	Generate()
}

// unroll is the number of products per pass of the inner loop. Four also make one line of 64 bytes that is fetched
// ahead for each pass.
const unroll = 4

// kernel writes the function for a tile of rows × vecs vectors.
func kernel(s isa, rows, vecs int) {
	TEXT(fmt.Sprintf("gemm%dx%d%s", rows, vecs*s.bytes/4, s.name), NOSPLIT,
		"func(taps int, off *int, k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, mask *int32, "+
			"add bool, ahead *float32)")
	Pragma("noescape")
	t := tile{isa: s, rows: rows, vecs: vecs}
	t.alloc()
	t.start()

	taps, off := Load(Param("taps"), GP64()), Load(Param("off"), GP64())
	lda, ldb := stride("lda"), stride("ldb")
	b := Load(Param("b"), GP64())
	addr := newRows(rows, lda)
	ahead := Load(Param("ahead"), GP64())

	Label("tap")
	a := GP64()
	MOVQ(Mem{Base: off}, a)
	SHLQ(U8(2), a)
	// a is read from its place among the arguments for each tap: no register is left to keep it in.
	ADDQ(NewParamAddr("a", 24), a)
	addr.at(a)
	k := Load(Param("k"), GP64())
	SUBQ(U8(unroll), k)
	JL(LabelRef("rest"))
	Label("loop")
	// what the next tile reads, into the second level; beyond the end it is harmless, since a prefetch never faults
	PREFETCHT1(Mem{Base: ahead})
	ADDQ(U8(64), ahead)
	for u := range unroll {
		t.step(addr, 4*u, b, ldb)
	}
	addr.advance(4 * unroll)
	SUBQ(U8(unroll), k)
	JGE(LabelRef("loop"))
	Label("rest")
	// what is left of k is 0 to unroll−1 now
	ADDQ(U8(unroll), k)
	JZ(LabelRef("next"))
	Label("single")
	t.step(addr, 0, b, ldb)
	addr.advance(4)
	DECQ(k)
	JNZ(LabelRef("single"))
	Label("next")
	ADDQ(U8(8), off)
	DECQ(taps)
	JNZ(LabelRef("tap"))

	t.finish()
	VZEROUPPER()
	RET()
}

// stride loads a stride of floats and makes it one of bytes.
func stride(name string) Register {
	r := Load(Param(name), GP64())
	SHLQ(U8(2), r)
	return r
}

// tile is the set of sums in registers.
type tile struct {
	isa
	rows, vecs int
	sum        [][]Register
}

// vec is a new register; of pairs, number id, as neither avo nor Go's assembler knows their instruction.
func (t *tile) vec(id int) Register {
	switch {
	case t.pairs:
		return zmm[id]
	case t.bytes == 64:
		return ZMM()
	}
	return YMM()
}

var zmm = [32]Register{Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15, Z16, Z17, Z18, Z19, Z20,
	Z21, Z22, Z23, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31}

// vdpbf16ps writes VDPBF16PS of the registers zmm[sum], zmm[a] and zmm[b]: EVEX.512.F3.0F38.W0 52 /r.
func vdpbf16ps(sum, a, b int) {
	not := func(id, bit int) int { return ^id >> bit & 1 }
	prefix := [4]int{
		0x62,
		not(sum, 3)<<7 | not(b, 4)<<6 | not(b, 3)<<5 | not(sum, 4)<<4 | 2,
		^a&15<<3 | 1<<2 | 2,
		2<<5 | not(a, 4)<<3,
	}
	Instruction(&ir.Instruction{Opcode: "LONG",
		Operands: []Op{U32(prefix[0] | prefix[1]<<8 | prefix[2]<<16 | prefix[3]<<24)}})
	Instruction(&ir.Instruction{Opcode: "WORD", Operands: []Op{U16(0x52 | (3<<6|sum&7<<3|b&7)<<8)}})
}

// alloc takes the registers of the sums once: avo must not move them from one product to the next.
func (t *tile) alloc() {
	for i := range t.rows {
		row := make([]Register, t.vecs)
		for j := range row {
			row[j] = t.vec(i*t.vecs + j)
		}
		t.sum = append(t.sum, row)
	}
}

// step adds one product to each sum: the next vectors of B times the values of A at offset disp.
func (t *tile) step(addr *rowAddr, disp int, b, ldb Register) {
	const atB, atA = 28, 30 // registers behind the sums
	var bs []Register
	for j := range t.vecs {
		// Loaded once for all rows: of a product, vecs loads of B serve rows·vecs multiplications.
		v := t.vec(atB + j)
		VMOVUPS(Mem{Base: b, Disp: j * t.bytes}, v)
		bs = append(bs, v)
	}
	ADDQ(ldb, b)
	for i := range t.rows {
		x := t.vec(atA)
		VBROADCASTSS(addr.row(i, disp), x)
		for j := range t.vecs {
			if t.pairs {
				vdpbf16ps(i*t.vecs+j, atA, atB+j)
			} else {
				VFMADD231PS(bs[j], x, t.sum[i][j])
			}
		}
	}
}

// start sets the sums to C or to zero.
func (t *tile) start() {
	add := Load(Param("add"), GP8())
	TESTB(add, add)
	JZ(LabelRef("zero"))
	t.eachRow(func(c Register, i int, masked bool) { t.load(c, i, masked) }, "load")
	JMP(LabelRef("begin"))
	Label("zero")
	t.fetch()
	for i := range t.rows {
		for j := range t.vecs {
			z := t.sum[i][j]
			if t.bytes == 64 {
				VPXORD(z, z, z)
			} else {
				VXORPS(z, z, z)
			}
		}
	}
	Label("begin")
}

// fetch asks for the lines of C, which no sum needs before the end: stores to lines that are far hold up the next tile.
func (t *tile) fetch() {
	c, ldc := Load(Param("c"), GP64()), stride("ldc")
	for i := range t.rows {
		for at := 0; at < t.vecs*t.bytes; at += 64 {
			PREFETCHT0(Mem{Base: c, Disp: at})
		}
		if i+1 < t.rows {
			ADDQ(ldc, c)
		}
	}
}

// finish stores the sums.
func (t *tile) finish() {
	t.eachRow(func(c Register, i int, masked bool) { t.store(c, i, masked) }, "store")
}

// masks say which columns of the last vectors are there: k registers of AVX-512, vectors of AVX2.
var masks []Register // of the code being written

// eachRow calls f for each row of C with its address. AVX-512 code always uses masks, which cost nothing
// there; AVX2 code has a path without, as its masked stores are slow on some processors.
func (t *tile) eachRow(f func(c Register, i int, masked bool), name string) {
	c, ldc, mask := Load(Param("c"), GP64()), stride("ldc"), Load(Param("mask"), GP64())
	walk := func(masked bool) {
		for i := range t.rows {
			f(c, i, masked)
			if i+1 < t.rows {
				ADDQ(ldc, c)
			}
		}
	}
	masks = nil
	if t.bytes == 64 {
		for j := range t.vecs {
			m := K()
			KMOVW(Mem{Base: mask, Disp: 2 * j}, m)
			masks = append(masks, m)
		}
		walk(true)
		return
	}
	TESTQ(mask, mask)
	JNZ(LabelRef(name + "Masked"))
	walk(false)
	JMP(LabelRef(name + "Done"))
	Label(name + "Masked")
	for j := range t.vecs {
		m := YMM()
		VMOVUPS(Mem{Base: mask, Disp: j * t.bytes}, m)
		masks = append(masks, m)
	}
	walk(true)
	Label(name + "Done")
}

func (t *tile) load(c Register, i int, masked bool) {
	for j, z := range t.sum[i] {
		m := Mem{Base: c, Disp: j * t.bytes}
		switch {
		case t.bytes == 64:
			VMOVUPS_Z(m, masks[j], z)
		case masked:
			VMASKMOVPS(m, masks[j], z)
		default:
			VMOVUPS(m, z)
		}
	}
}

func (t *tile) store(c Register, i int, masked bool) {
	for j, z := range t.sum[i] {
		m := Mem{Base: c, Disp: j * t.bytes}
		switch {
		case t.bytes == 64:
			VMOVUPS(z, masks[j], m)
		case masked:
			VMASKMOVPS(z, masks[j], m)
		default:
			VMOVUPS(z, m)
		}
	}
}

// rowAddr finds rows of A with few registers: row i is base + index·scale, the bases being rows 0 and 9
// and the indices 1, 3, 5 and 7 times lda.
type rowAddr struct {
	n     int
	bases [2]Register      // rows 0 and 9
	index map[int]Register // odd multiples of lda
}

// places has the row i of A: base + mul·scale·lda, where x86 knows the scales 1, 2, 4 and 8. Row 9 is 9·lda from row 0,
// which no product of these is, and so a base of its own; with it 10 to 13 can be had as 5·2, 9+2, 3·4 and 9+4.
var places = [...]struct{ base, mul, scale int }{
	{0, 0, 0}, {0, 1, 1}, {0, 1, 2}, {0, 3, 1}, {0, 1, 4}, {0, 5, 1}, {0, 3, 2}, {0, 7, 1}, {0, 1, 8},
	{1, 0, 0}, {0, 5, 2}, {1, 1, 2}, {0, 3, 4}, {1, 1, 4},
}

func newRows(n int, lda Register) *rowAddr {
	r := &rowAddr{n: n, index: map[int]Register{1: lda}}
	for _, p := range places[:n] {
		if p.mul > 1 && r.index[p.mul] == nil {
			m := GP64()
			IMUL3Q(U8(p.mul), lda, m)
			r.index[p.mul] = m
		}
	}
	return r
}

// at starts at row 0.
func (r *rowAddr) at(a Register) {
	r.bases[0] = a
	if r.n > 9 {
		if r.bases[1] == nil {
			r.bases[1] = GP64()
		}
		LEAQ(Mem{Base: a, Index: r.index[1], Scale: 8}, r.bases[1])
		ADDQ(r.index[1], r.bases[1])
	}
}

func (r *rowAddr) row(i, disp int) Mem {
	p := places[i]
	m := Mem{Base: r.bases[p.base], Disp: disp}
	if p.mul > 0 {
		m.Index, m.Scale = r.index[p.mul], uint8(p.scale)
	}
	return m
}

func (r *rowAddr) advance(bytes int) {
	ADDQ(U8(bytes), r.bases[0])
	if r.n > 9 {
		ADDQ(U8(bytes), r.bases[1])
	}
}
