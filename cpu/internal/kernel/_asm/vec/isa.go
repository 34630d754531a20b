package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

type (
	op  = operand.Op
	v   = reg.VecVirtual
	mem = operand.Mem
)

// isa emits arithmetic on vectors of one width. Functions return new registers, but for those that say so.
type isa struct {
	*build.Context
	name  string
	bytes int
	held  map[string]v // constants in registers
	used  *[]string    // constants asked for, in order
}

func (a *isa) wide() bool { return a.bytes == 64 }
func (a *isa) n() int     { return a.bytes / 4 }

func (a *isa) reg() v {
	if a.wide() {
		return a.ZMM()
	}
	return a.YMM()
}

// Constants. AVX-512 keeps them in registers, AVX2 takes them from memory.

const heldMax = 24 // registers that constants may take

func (a *isa) c(name string) op    { return a.constant(name) }          // a float32
func (a *isa) bits(name string) op { return a.constant(name + "·int") } // a uint32

func (a *isa) constant(name string) op {
	if r, ok := a.held[name]; ok {
		return r
	}
	*a.used = append(*a.used, name)
	if !a.wide() {
		return row(name)
	}
	return splat{row(name)}
}

// A splat is a number in memory for all lanes of an AVX-512 vector.
type splat struct{ mem }

// hold runs f on the side to see which constants it uses, and puts the first of them into registers.
func (a *isa) hold(f func(a *isa)) {
	side := &isa{Context: build.NewContext(), name: a.name, bytes: a.bytes, used: new([]string)}
	side.Function("side")
	f(side)
	a.held = map[string]v{}
	for _, name := range *side.used {
		if _, ok := a.held[name]; ok || !a.wide() || len(a.held) == heldMax {
			continue
		}
		r := a.reg()
		a.VBROADCASTSS(row(name), r)
		*a.used = append(*a.used, name)
		a.held[name] = r
	}
}

// row is the 32 bytes of a constant.
func row(name string) mem {
	return operand.NewDataAddr(operand.NewStaticSymbol(symbol(name)), 0)
}

func symbol(name string) string {
	if n, ok := isInt(name); ok {
		return n + "Int"
	}
	return name
}

func isInt(name string) (string, bool) {
	const suffix = "·int"
	if n := len(name) - len(suffix); n > 0 && name[n:] == suffix {
		return name[:n], true
	}
	return name, false
}

// writeRows writes all constants used, and the lane numbers.
func writeRows(c *build.Context, names []string) {
	done := map[string]bool{}
	for _, name := range names {
		if done[name] {
			continue
		}
		done[name] = true
		c.StaticGlobal(symbol(name))
		c.DataAttributes(attr.RODATA | attr.NOPTR)
		for i := range 8 {
			if n, ok := isInt(name); ok {
				c.AddDatum(4*i, operand.U32(coefBits(n)))
			} else {
				c.AddDatum(4*i, operand.F32(coefFloat(name)))
			}
		}
	}
	c.StaticGlobal("iota")
	c.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range 16 {
		c.AddDatum(4*i, operand.U32(uint32(i)))
	}
}

// load puts a memory operand into a register, and leaves a register as it is.
func (a *isa) load(x op) v {
	if r, ok := x.(v); ok {
		return r
	}
	return a.copy(x)
}

func (a *isa) copy(x op) v {
	r := a.reg()
	if s, ok := x.(splat); ok {
		a.VBROADCASTSS(s.mem, r)
	} else {
		a.VMOVUPS(x, r)
	}
	return r
}

// source is x as the last operand of an instruction that has no form for splats.
func (a *isa) source(x op) op {
	if s, ok := x.(splat); ok {
		return a.copy(s)
	}
	return x
}

func (a *isa) zero() v {
	r := a.reg()
	a.VXORPS(r, r, r)
	return r
}

// Arithmetic. The last operand may be in memory.

func (a *isa) two(f func(...op), x, y op) v {
	r := a.reg()
	f(a.source(y), a.load(x), r)
	return r
}

func (a *isa) add(x, y op) v    { return a.two(a.VADDPS, x, y) }
func (a *isa) sub(x, y op) v    { return a.two(a.VSUBPS, x, y) }
func (a *isa) mul(x, y op) v    { return a.two(a.VMULPS, x, y) }
func (a *isa) div(x, y op) v    { return a.two(a.VDIVPS, x, y) }
func (a *isa) and(x, y op) v    { return a.two(a.VANDPS, x, y) }
func (a *isa) or(x, y op) v     { return a.two(a.VORPS, x, y) }
func (a *isa) xor(x, y op) v    { return a.two(a.VXORPS, x, y) }
func (a *isa) addInt(x, y op) v { return a.two(a.VPADDD, x, y) }
func (a *isa) subInt(x, y op) v { return a.two(a.VPSUBD, x, y) }

// atMost is the smaller of c and x, x if it is NaN.
func (a *isa) atMost(c op, x v) v { return a.two(a.VMINPS, c, x) }

// atLeast is the larger of c and x, x if it is NaN.
func (a *isa) atLeast(c op, x v) v { return a.two(a.VMAXPS, c, x) }

// fma makes p = p·x + y, rounded once.
func (a *isa) fma(p v, x v, y op) v {
	if s, ok := y.(splat); ok {
		a.VFMADD213PS_BCST(s.mem, x, p)
	} else {
		a.VFMADD213PS(y, x, p)
	}
	return p
}

// acc makes z = z + x·y, rounded once; nacc z - x·y.
func (a *isa) acc(z, x v, y op) v  { a.VFMADD231PS(a.source(y), x, z); return z }
func (a *isa) nacc(z, x v, y op) v { a.VFNMADD231PS(a.source(y), x, z); return z }

// horner is the polynomial with these coefficients, highest first.
func (a *isa) horner(x v, names ...string) v {
	p := a.copy(a.c(names[0]))
	for _, c := range names[1:] {
		a.fma(p, x, a.c(c))
	}
	return p
}

func (a *isa) sqrt(x v) v { r := a.reg(); a.VSQRTPS(x, r); return r }

const (
	nearest = iota
	down
	up
)

func (a *isa) round(x v, mode uint64) v {
	r := a.reg()
	if a.wide() {
		a.VRNDSCALEPS(operand.Imm(8|mode), x, r)
	} else {
		a.VROUNDPS(operand.Imm(8|mode), x, r)
	}
	return r
}

func (a *isa) toInt(x v) v   { r := a.reg(); a.VCVTPS2DQ(x, r); return r }
func (a *isa) toFloat(x v) v { r := a.reg(); a.VCVTDQ2PS(x, r); return r }

func (a *isa) shl(x v, n uint64) v { r := a.reg(); a.VPSLLD(operand.Imm(n), x, r); return r }
func (a *isa) sar(x v, n uint64) v { r := a.reg(); a.VPSRAD(operand.Imm(n), x, r); return r }

// Predicates; those with "not" or "un" are true for NaN.
const (
	equal        = 0x00
	unordered    = 0x03
	notEqual     = 0x04
	ordered      = 0x07
	less         = 0x11
	lessEqual    = 0x12
	differs      = 0x0c // and no NaN
	notGreaterEq = 0x19
	greaterEqual = 0x1d
	greater      = 0x1e
)

// A mask is an opmask register (AVX-512) or a vector of all or no bits (AVX2).
type mask = reg.Register

func (a *isa) cmp(x v, y op, predicate uint64) mask {
	if a.wide() {
		k := a.K()
		a.VCMPPS(operand.Imm(predicate), a.source(y), x, k)
		return k
	}
	m := a.reg()
	a.VCMPPS(operand.Imm(predicate), y, x, m)
	return m
}

// negative is the mask of the sign bits of x.
func (a *isa) negative(x v) mask {
	if a.wide() {
		k := a.K()
		a.VPMOVD2M(x, k)
		return k
	}
	return x
}

// blend is yes where m is set, else no.
func (a *isa) blend(m mask, yes, no op) v {
	r := a.reg()
	if a.wide() {
		a.VBLENDMPS(a.source(yes), a.load(no), m, r)
	} else {
		a.VBLENDVPS(m, yes, a.load(no), r)
	}
	return r
}

// keep is x where m is set, else 0.
func (a *isa) keep(m mask, x op) v {
	r := a.reg()
	if a.wide() {
		a.VMOVAPS_Z(a.load(x), m, r)
	} else {
		a.VANDPS(x, m, r)
	}
	return r
}

// truth is 1 where m is set, else 0.
func (a *isa) truth(m mask) v { return a.keep(m, a.c("one")) }

// firstLanes is the mask of the lanes below n.
func (a *isa) firstLanes(n reg.GPVirtual) mask {
	iota := operand.NewDataAddr(operand.NewStaticSymbol("iota"), 0)
	x := a.reg()
	if a.wide() {
		k := a.K()
		a.VPBROADCASTD(n.As32(), x)
		a.VPCMPGTD(iota, x, k)
		return k
	}
	a.VMOVD(n.As32(), x.AsX())
	a.VPBROADCASTD(x.AsX(), x)
	a.VPCMPGTD(iota, x, x)
	return x
}

func (a *isa) loadPart(m mask, from mem) v {
	r := a.reg()
	if a.wide() {
		a.VMOVUPS_Z(from, m, r)
	} else {
		a.VMASKMOVPS(from, m, r)
	}
	return r
}

func (a *isa) storePart(m mask, x v, to mem) {
	if a.wide() {
		a.VMOVUPS(x, m, to)
	} else {
		a.VMASKMOVPS(x, m, to)
	}
}

// text starts a function.
func (a *isa) text(name, signature, doc string) {
	a.Function(name + a.name)
	a.Attributes(attr.NOSPLIT)
	a.SignatureExpr("func" + signature)
	a.Pragma("noescape")
	a.Doc(fmt.Sprintf("%s%s %s", name, a.name, doc))
}

func (a *isa) base(param string) reg.GPVirtual {
	r := a.GP64()
	a.Load(a.Param(param).Base(), r)
	return r
}

func (a *isa) length(param string) reg.GPVirtual {
	r := a.GP64()
	a.Load(a.Param(param).Len(), r)
	return r
}

func (a *isa) integer(param string) reg.GPVirtual {
	r := a.GP64()
	a.Load(a.Param(param), r)
	return r
}

func (a *isa) scalar(param string) v {
	b, err := a.Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	r := a.reg()
	a.VBROADCASTSS(b.Addr, r)
	return r
}

func (a *isa) end() {
	a.VZEROUPPER()
	a.RET()
}
