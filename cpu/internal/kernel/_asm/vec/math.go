package main

// The functions of ../../vec_math_generic.go, step by step.

// expPart returns eˣ for an x within the range; wide says that the result may lie below the normal numbers or above
// all.
func (a *isa) expPart(x v, wide bool) v {
	n := a.round(a.mul(x, a.c("log2e")), nearest)
	r := a.nacc(a.nacc(a.copy(x), n, a.c("ln2Hi")), n, a.c("ln2Lo"))
	p := a.horner(r, "exp6", "exp5", "exp4", "exp3", "exp2", "one", "one")
	return a.scale(p, n, wide)
}

// scale returns p·2ⁿ, rounded once.
func (a *isa) scale(p, n v, wide bool) v {
	if a.wide() {
		return a.two(a.VSCALEFPS, p, n)
	}
	i := a.toInt(n)
	if wide { // 2ⁿ in two factors
		h := a.sar(i, 1)
		p = a.mul(p, a.power(h))
		i = a.subInt(i, h)
	}
	return a.mul(p, a.power(i))
}

// power returns 2ⁱ.
func (a *isa) power(i v) v { return a.addInt(a.shl(i, 23), a.bits("oneBits")) }

func (a *isa) exp(x v) v    { return a.expNeg(a.atMost(a.c("expMax"), x)) }
func (a *isa) expNeg(x v) v { return a.expPart(a.atLeast(a.c("expMin"), x), true) }

func (a *isa) expm1(x v) v {
	y := a.atLeast(a.c("expm1Min"), a.atMost(a.c("expMax"), x))
	n := a.round(a.mul(y, a.c("log2e")), nearest)
	hi, lo := a.nacc(y, n, a.c("ln2Hi")), a.mul(n, a.c("ln2Lo"))
	r := a.sub(hi, lo)
	c := a.sub(a.sub(hi, r), lo)
	q := a.horner(r, "exp6", "exp5", "exp4", "exp3", "exp2")
	p := a.add(r, a.acc(c, a.mul(r, r), q))
	m := a.atMost(a.c("expm1Top"), n)
	s := a.power(a.toInt(m))
	y = a.fma(p, s, a.sub(s, a.c("one")))
	return a.withSign(a.acc(a.copy(y), y, a.sub(n, m)), x)
}

func (a *isa) withSign(y, x v) v { return a.or(y, a.and(x, a.bits("signBit"))) }

func (a *isa) log(x v) v {
	low := a.cmp(x, a.c("minNormal"), less)
	y := a.blend(low, a.mul(x, a.c("logScale")), x)
	m, k := a.split(y)
	k = a.sub(a.toFloat(k), a.keep(low, a.c("logShift")))
	return a.logEdges(a.logSum(a.sub(m, a.c("one")), k), x)
}

func (a *isa) split(y v) (m, k v) {
	k = a.sar(a.subInt(y, a.bits("sqrtHalf")), 23)
	return a.subInt(y, a.shl(k, 23)), k
}

func (a *isa) logSum(f, k v) v {
	h := a.mul(f, f)
	q := a.horner(f, "log10", "log9", "log8", "log7", "log6", "log5", "log4", "log3", "minusHalf")
	lo := a.acc(a.mul(k, a.c("ln2Lo")), h, q)
	return a.add(a.acc(f, k, a.c("ln2Hi")), lo)
}

func (a *isa) logEdges(y, x v) v {
	y = a.blend(a.cmp(x, a.bits("infBits"), equal), x, y)
	y = a.blend(a.cmp(x, a.zero(), equal), a.bits("negInfBits"), y)
	return a.blend(a.cmp(x, a.zero(), notGreaterEq), a.bits("nanBits"), y)
}

func (a *isa) log1p(x v) v {
	u := a.add(x, a.c("one"))
	c := a.sub(x, a.sub(u, a.c("one")))
	m, k := a.split(u)
	scale := a.sub0(a.bits("oneBits"), a.shl(a.two(a.VPMINSD, k, a.bits("topShift")), 23))
	f := a.fma(c, scale, a.sub(m, a.c("one")))
	return a.withSign(a.logEdges(a.logSum(f, a.toFloat(k)), u), x)
}

func (a *isa) sub0(x, y op) v { return a.subInt(a.load(x), y) }

func (a *isa) abs(x v) v { return a.and(x, a.bits("absBits")) }

func (a *isa) tanh(x v) v {
	t := a.atMost(a.c("tanhMax"), a.abs(x))
	e := a.add(a.expPart(a.add(t, t), false), a.c("one"))
	y := a.sub(a.c("one"), a.div(a.c("two"), e))
	z := a.mul(t, t)
	small := a.acc(a.copy(t), a.mul(t, z), a.horner(z, "tanh11", "tanh9", "tanh7", "tanh5", "tanh3"))
	return a.withSign(a.blend(a.cmp(t, a.c("tanhSmall"), less), small, y), x)
}

func (a *isa) logistic(x v) v {
	z := a.expNeg(a.or(x, a.bits("signBit")))
	y := a.blend(a.negative(x), z, a.c("one"))
	d := a.add(z, a.c("one"))
	e := a.sub(z, a.sub(d, a.c("one")))
	y = a.div(y, d)
	return a.nacc(a.copy(y), a.mul(y, e), a.nacc(a.copy(a.c("invMid")), d, a.c("half")))
}

func (a *isa) erf(x v) v {
	t := a.atMost(a.c("erfMax"), a.abs(x))
	p := a.horner(t, "erfc6", "erfc5", "erfc4", "erfc3", "erfc2", "erfc1", "erfc0")
	y := a.sub(a.c("one"), a.expPart(p, false))
	q := a.horner(a.mul(t, t), "erf11", "erf9", "erf7", "erf5", "erf3", "erf1")
	small := a.fma(q, t, t)
	return a.withSign(a.blend(a.cmp(t, a.c("erfSmall"), less), small, y), x)
}

func (a *isa) silu(x v) v { return a.mul(x, a.logistic(x)) }

func (a *isa) geluErf(x v) v {
	y := a.erf(a.mul(x, a.c("sqrtHalf1")))
	h := a.mul(x, a.c("half"))
	return a.fma(y, h, h)
}

func (a *isa) geluTanh(x v) v {
	q := a.fma(a.mul(x, a.c("gelu3")), x, a.c("one"))
	return a.mul(x, a.logistic(a.mul(a.mul(x, a.c("gelu1")), q)))
}

func (a *isa) quadrant(x v) (n, r v) {
	f := a.round(a.mul(x, a.c("twoOverPi")), nearest)
	r = a.copy(x)
	for _, part := range []string{"halfPi1", "halfPi2", "halfPi3"} {
		a.nacc(r, f, a.c(part))
	}
	return a.toInt(f), r
}

func (a *isa) wave(n, r v) v {
	z := a.mul(r, r)
	sin := a.acc(a.copy(r), a.mul(r, z), a.horner(z, "sin7", "sin5", "sin3"))
	cos := a.horner(z, "cos8", "cos6", "cos4", "minusHalf", "one")
	y := a.blend(a.negative(a.shl(n, 31)), cos, sin)
	return a.xor(y, a.and(a.shl(n, 30), a.bits("signBit")))
}

func (a *isa) sin(x v) v { return a.xor(a.wave(a.quadrant(a.abs(x))), a.and(x, a.bits("signBit"))) }

func (a *isa) cos(x v) v {
	n, r := a.quadrant(a.abs(x))
	return a.wave(a.addInt(n, a.bits("one")), r)
}
