// Command conv writes the transforms of Winograd's convolution, see ../../winograd.go, for AVX2 and AVX-512.
package main

import (
	"fmt"
	"slices"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// coefficients are the positions in the table that winograd.go makes; 16 equal lanes each.
var coefficients = []string{"p", "q", "a", "b", "a2", "b2", "a3", "b3", "ip", "ia", "aia", "a2ia", "ib", "bib", "b2ib",
	"half"}

// A transform is Y = L·X·Lᵀ on n×n vectors X, m×m vectors Y; line multiplies by L once.
type transform struct {
	name string
	// uses are the coefficients that line needs: with AVX2 they are read from memory, as its 16 registers are full
	n, m      int
	uses      string // coefficients
	fromTable bool   // X is found through a table of pointers; otherwise at equal distances
	toTable   bool
	line      func(v vectors, x []reg.VecVirtual) []reg.VecVirtual
}

var transforms = []transform{
	{name: "winogradInput4", n: 6, m: 6, uses: "p q a b a2 b2", fromTable: true, line: input4},
	{name: "winogradOutput4", n: 6, m: 4, uses: "a b a2 b2 a3 b3", toTable: true, line: output4},
	{name: "winogradGrad4", n: 4, m: 6, uses: "a b a2 b2 a3 b3", fromTable: true, line: grad4},
	{name: "winogradKernel4", n: 3, m: 6, uses: "ip ia aia a2ia ib bib b2ib", line: kernel4},
	{name: "winogradKernelGrad4", n: 6, m: 3, uses: "ip ia aia a2ia ib bib b2ib", line: kernelGrad4},
	{name: "winogradInput2", n: 4, m: 4, fromTable: true, line: input2},
	{name: "winogradOutput2", n: 4, m: 2, toTable: true, line: output2},
	{name: "winogradGrad2", n: 2, m: 4, fromTable: true, line: grad2},
	{name: "winogradKernel2", n: 3, m: 4, uses: "half", line: kernel2},
	{name: "winogradKernelGrad2", n: 4, m: 3, uses: "half", line: kernelGrad2},
}

func main() {
	ConstraintExpr("!purego")
	for _, t := range transforms {
		t.write("AVX2", 32)
		t.write("AVX512", 64)
	}
	Generate()
}

// vectors emits arithmetic on registers of one width.
type vectors struct {
	bytes int
	coef  map[string]Op // a register, or memory where registers are few
}

func (v vectors) new() reg.VecVirtual {
	if v.bytes == 64 {
		return ZMM()
	}
	return YMM()
}

// Each operation has a new virtual register for its result: avo finds which are dead.
func (v vectors) mov(x reg.VecVirtual) reg.VecVirtual { y := v.new(); VMOVAPS(x, y); return y }
func (v vectors) add(x, y reg.VecVirtual) reg.VecVirtual {
	z := v.new()
	VADDPS(y, x, z)
	return z
}
func (v vectors) sub(x, y reg.VecVirtual) reg.VecVirtual {
	z := v.new()
	VSUBPS(y, x, z)
	return z
}
func (v vectors) mul(c string, x reg.VecVirtual) reg.VecVirtual {
	z := v.new()
	VMULPS(v.coef[c], x, z)
	return z
}

// plus returns z + c·x, minus z - c·x.
func (v vectors) plus(z reg.VecVirtual, c string, x reg.VecVirtual) reg.VecVirtual {
	y := v.mov(z)
	VFMADD231PS(v.coef[c], x, y)
	return y
}
func (v vectors) minus(z reg.VecVirtual, c string, x reg.VecVirtual) reg.VecVirtual {
	y := v.mov(z)
	VFNMADD231PS(v.coef[c], x, y)
	return y
}

// The lines follow the matrices in winograd.go.

// input4 has rows in pairs, of the points a, −a and b, −b: t + a·u and t − a·u share t and u.
func input4(v vectors, d []reg.VecVirtual) []reg.VecVirtual {
	o0 := v.plus(v.minus(d[4], "q", d[2]), "p", d[0])
	o5 := v.plus(v.minus(d[5], "q", d[3]), "p", d[1])
	t, u := v.minus(d[4], "b2", d[2]), v.minus(d[3], "b2", d[1])
	o1, o2 := v.plus(t, "a", u), v.minus(t, "a", u)
	t, u = v.minus(d[4], "a2", d[2]), v.minus(d[3], "a2", d[1])
	o3, o4 := v.plus(t, "b", u), v.minus(t, "b", u)
	return []reg.VecVirtual{o0, o1, o2, o3, o4, o5}
}

func output4(v vectors, m []reg.VecVirtual) []reg.VecVirtual {
	s1, e1 := v.add(m[1], m[2]), v.sub(m[1], m[2])
	s2, e2 := v.add(m[3], m[4]), v.sub(m[3], m[4])
	return []reg.VecVirtual{
		v.add(v.add(m[0], s1), s2),
		v.plus(v.mul("a", e1), "b", e2),
		v.plus(v.mul("a2", s1), "b2", s2),
		v.plus(v.plus(m[5], "a3", e1), "b3", e2),
	}
}

func grad4(v vectors, y []reg.VecVirtual) []reg.VecVirtual {
	e, f := v.plus(y[0], "a2", y[2]), v.plus(v.mul("a", y[1]), "a3", y[3])
	o1, o2 := v.add(e, f), v.sub(e, f)
	e, f = v.plus(y[0], "b2", y[2]), v.plus(v.mul("b", y[1]), "b3", y[3])
	return []reg.VecVirtual{y[0], o1, o2, v.add(e, f), v.sub(e, f), y[3]}
}

func kernel4(v vectors, g []reg.VecVirtual) []reg.VecVirtual {
	e, f := v.plus(v.mul("ia", g[0]), "a2ia", g[2]), v.mul("aia", g[1])
	o1, o2 := v.add(e, f), v.sub(e, f)
	e, f = v.plus(v.mul("ib", g[0]), "b2ib", g[2]), v.mul("bib", g[1])
	return []reg.VecVirtual{v.mul("ip", g[0]), o1, o2, v.add(e, f), v.sub(e, f), g[2]}
}

func kernelGrad4(v vectors, u []reg.VecVirtual) []reg.VecVirtual {
	s1, e1 := v.add(u[1], u[2]), v.sub(u[1], u[2])
	s2, e2 := v.add(u[3], u[4]), v.sub(u[3], u[4])
	return []reg.VecVirtual{
		v.plus(v.plus(v.mul("ip", u[0]), "ia", s1), "ib", s2),
		v.plus(v.mul("aia", e1), "bib", e2),
		v.plus(v.plus(u[5], "a2ia", s1), "b2ib", s2),
	}
}

func input2(v vectors, d []reg.VecVirtual) []reg.VecVirtual {
	return []reg.VecVirtual{v.sub(d[2], d[0]), v.add(d[2], d[1]), v.sub(d[2], d[1]), v.sub(d[3], d[1])}
}

func output2(v vectors, m []reg.VecVirtual) []reg.VecVirtual {
	return []reg.VecVirtual{v.add(m[0], v.add(m[1], m[2])), v.add(v.sub(m[1], m[2]), m[3])}
}

func grad2(v vectors, y []reg.VecVirtual) []reg.VecVirtual {
	return []reg.VecVirtual{y[0], v.add(y[0], y[1]), v.sub(y[0], y[1]), y[1]}
}

// e and f are ½·(g0 + g2) and ½·g1: the points 1 and −1.
func kernel2(v vectors, g []reg.VecVirtual) []reg.VecVirtual {
	e, f := v.mul("half", v.add(g[0], g[2])), v.mul("half", g[1])
	zero := v.sub(g[0], g[0])
	return []reg.VecVirtual{v.sub(zero, g[0]), v.add(e, f), v.sub(e, f), g[2]}
}

func kernelGrad2(v vectors, u []reg.VecVirtual) []reg.VecVirtual {
	s := v.mul("half", v.add(u[1], u[2]))
	return []reg.VecVirtual{v.sub(s, u[0]), v.mul("half", v.sub(u[1], u[2])), v.add(s, u[3])}
}

// write emits one function: for every group of lanes, lines down the columns of X into tmp, then
// lines along the rows of tmp into Y.
func (t transform) write(isa string, bytes int) {
	dst, src := "dst *float32, dstStep int", "src *float32, srcStep int"
	if t.toTable {
		dst = "dst **float32, dstFrom int"
	}
	if t.fromTable {
		src = "src **float32, srcFrom int"
	}
	TEXT(t.name+isa, NOSPLIT, fmt.Sprintf("func(%s, %s, tmp, coef *float32, n int)", dst, src))
	Pragma("noescape")
	Doc(fmt.Sprintf("%s%s is the transform of %d×%d to %d×%d vectors of n channels, a multiple of 16.", t.name, isa,
		t.n, t.n, t.m, t.m))
	to, from := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	toArg, fromArg := "dstStep", "srcStep"
	if t.toTable {
		toArg = "dstFrom"
	}
	if t.fromTable {
		fromArg = "srcFrom"
	}
	toStep, fromStep := Load(Param(toArg), GP64()), Load(Param(fromArg), GP64())
	// tmp has n rows of m vectors: L·X by columns, so that the second pass reads what it needs m vectors apart
	tmp, left := Load(Param("tmp"), GP64()), Load(Param("n"), GP64())
	SHLQ(Imm(2), toStep) // floats to bytes; of a table: the first channel
	SHLQ(Imm(2), fromStep)
	v := t.loadCoefficients(bytes)

	row := GP64() // distance of rows of X
	if !t.fromTable {
		IMUL3Q(Imm(uint64(t.n)), fromStep, row)
	}
	// once for each group of lanes: 8 channels with AVX2, 16 with AVX-512
	Label("channels")
	x, w, i := GP64(), GP64(), GP64()
	MOVQ(from, x)
	MOVQ(tmp, w)
	MOVQ(I32(int32(t.n)), i)
	Label("columns")
	for r, y := range t.line(v, t.loadColumn(v, x, fromStep, row)) {
		VMOVUPS(y, Mem{Base: w, Disp: r * bytes})
	}
	if t.fromTable {
		ADDQ(Imm(8), x)
	} else {
		ADDQ(fromStep, x)
	}
	ADDQ(I32(int32(t.m*bytes)), w)
	DECQ(i)
	JNZ(LabelRef("columns"))

	y := GP64()
	MOVQ(to, y)
	MOVQ(tmp, w)
	MOVQ(I32(int32(t.m)), i)
	Label("rows")
	var in []reg.VecVirtual
	for s := range t.n {
		r := v.new()
		VMOVUPS(Mem{Base: w, Disp: s * t.m * bytes}, r)
		in = append(in, r)
	}
	for s, r := range t.line(v, in) {
		if t.toTable {
			p := GP64()
			MOVQ(Mem{Base: y, Disp: 8 * s}, p)
			VMOVUPS(r, Mem{Base: p, Index: toStep, Scale: 1})
		} else {
			VMOVUPS(r, Mem{Base: y})
			ADDQ(toStep, y)
		}
	}
	if t.toTable {
		ADDQ(Imm(uint64(8*t.m)), y)
	}
	ADDQ(Imm(uint64(bytes)), w)
	DECQ(i)
	JNZ(LabelRef("rows"))

	if t.toTable {
		ADDQ(Imm(uint64(bytes)), toStep)
	} else {
		ADDQ(Imm(uint64(bytes)), to)
	}
	if t.fromTable {
		ADDQ(Imm(uint64(bytes)), fromStep)
	} else {
		ADDQ(Imm(uint64(bytes)), from)
	}
	SUBQ(Imm(uint64(bytes/4)), left)
	JG(LabelRef("channels"))
	VZEROUPPER()
	RET()
}

// loadColumn loads the n vectors of one column of X.
func (t transform) loadColumn(v vectors, x, channel, row reg.Register) []reg.VecVirtual {
	var out []reg.VecVirtual
	at := x
	for r := range t.n {
		y := v.new()
		switch {
		case t.fromTable:
			p := GP64()
			MOVQ(Mem{Base: x, Disp: 8 * r * t.n}, p)
			VMOVUPS(Mem{Base: p, Index: channel, Scale: 1}, y)
		case r == 0:
			VMOVUPS(Mem{Base: x}, y)
		default:
			next := GP64()
			LEAQ(Mem{Base: at, Index: row, Scale: 1}, next)
			at = next
			VMOVUPS(Mem{Base: at}, y)
		}
		out = append(out, y)
	}
	return out
}

// loadCoefficients keeps the coefficients in registers (AVX-512) or reads them from the table.
func (t transform) loadCoefficients(bytes int) vectors {
	v := vectors{bytes, map[string]Op{}}
	coef := Load(Param("coef"), GP64())
	for i, c := range coefficients {
		if !slices.Contains(strings.Fields(t.uses), c) {
			continue
		}
		m := Mem{Base: coef, Disp: 64 * i}
		v.coef[c] = m
		if bytes == 64 {
			r := v.new()
			VMOVUPS(m, r)
			v.coef[c] = r
		}
	}
	return v
}
