package attention

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mgd3/cpu/internal/team"
)

// problem is attention with its data. Results lie between guards.
type problem struct {
	s  Shape
	l  Layouts
	o  Options
	in Inputs

	dOut []float32
	span int // keys per block; 0 is spanOf
}

const guard = 40

func normals(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// newProblem draws layouts and options.
func newProblem(r *rand.Rand, s Shape) *problem {
	p := &problem{s: s}
	layout := func(heads, tokens int) Layout {
		switch r.IntN(3) {
		case 0:
			return BHSD(heads, tokens, s.Dim)
		case 1:
			return BSHD(heads, tokens, s.Dim)
		}
		return BSHD(3*heads+1, tokens, s.Dim) // a slice of something larger
	}
	p.l = Layouts{layout(s.Heads, s.Q), layout(s.KVHeads, s.KV), layout(s.KVHeads, s.KV), layout(s.Heads, s.Q)}
	p.in.Q, p.in.K, p.in.V = normals(r, size(s, s.Q, p.l.Q)), normals(r, size(s, s.KV, p.l.K)),
		normals(r, size(s, s.KV, p.l.V))
	p.dOut = normals(r, size(s, s.Q, p.l.Out))
	p.o.Causal = r.IntN(2) == 0
	if r.IntN(2) == 0 {
		p.o.Scale = 0.5
	}
	strides := func() (*Strides, int) {
		st := &Strides{}
		n := 1
		for _, axis := range []struct {
			stride *int
			size   int
		}{{&st.KV, s.KV}, {&st.Q, s.Q}, {&st.Head, s.Heads}, {&st.Batch, s.Batch}} {
			if r.IntN(3) > 0 {
				*axis.stride = n
				n *= axis.size
			}
		}
		return st, n
	}
	if r.IntN(3) == 0 {
		st, n := strides()
		p.o.Bias, p.in.Bias = st, normals(r, n)
	}
	if r.IntN(3) == 0 {
		st, n := strides()
		p.o.Mask, p.in.Mask = st, normals(r, n)
	}
	if r.IntN(3) == 0 {
		st, n := strides()
		p.o.Allow, p.in.Allow = st, make([]bool, n)
		for i := range p.in.Allow {
			p.in.Allow[i] = r.IntN(3) > 0
		}
	}
	if r.IntN(3) == 0 {
		for range s.Batch {
			p.in.QLen, p.in.KVLen = append(p.in.QLen, int32(r.IntN(s.Q+2))), append(p.in.KVLen, int32(r.IntN(s.KV+2)))
		}
	}
	return p
}

// size holds any of the layouts.
func size(s Shape, tokens int, l Layout) int { return s.Batch*max(l.Batch, s.Heads*l.Head) + 1 }

// results are those of both directions.
type results struct{ out, stats, dQ, dK, dV []float32 }

func (r results) all() [][]float32 { return [][]float32{r.out, r.stats, r.dQ, r.dK, r.dV} }

func (p *problem) forward() *Forward {
	if p.span > 0 {
		return newForward(p.s, p.l, p.o, p.span)
	}
	return New(p.s, p.l, p.o)
}

func (p *problem) run(tm *team.Team) results {
	f, g := p.forward(), NewGradient(p.s, p.l, p.o)
	like := func(x []float32) []float32 { return slices.Repeat([]float32{7}, len(x)+2*guard) }
	r := results{like(p.dOut), like(make([]float32, p.s.StatsLen())), like(p.in.Q), like(p.in.K), like(p.in.V)}
	inner := func(x []float32) []float32 { return x[guard : len(x)-guard : len(x)-guard] }
	scratch := func(n int) []float32 { return slices.Repeat([]float32{float32(math.NaN())}, n) }
	f.Run(tm, inner(r.out), inner(r.stats), p.in, scratch(f.Scratch(tm.Size())))
	g.Run(tm, Gradients{inner(r.dQ), inner(r.dK), inner(r.dV)}, p.in, inner(r.out), p.dOut, inner(r.stats),
		scratch(g.Scratch(tm.Size())))
	return r
}

// expected is the formula in float64, and bounds of the rounding errors.
type expected struct{ out, dQ, dK, dV, outTol, dQTol, dKTol, dVTol map[int]float64 }

// want computes what is expected at every index of the results that belongs to it.
//
// With u = 2⁻²⁴ and first order terms doubled to make up for higher ones: a score has D+4 roundings of terms that add
// up to a; P = exp(S − m)/l then has the relative error e = 2·(D+4)·a·u + (n+8)·u, for the scores in numerator and
// denominator, exp, the sum and the quotient. The rest are sums of products of quantities with known errors.
func (p *problem) want() expected {
	const u = 0x1p-24
	s, l := p.s, p.l
	blocks := 0.0 // after the first
	if p.span > 0 {
		blocks = float64(max(0, s.KV-1) / p.span)
	}
	x := expected{}
	for _, m := range []*map[int]float64{&x.out, &x.dQ, &x.dK, &x.dV, &x.outTol, &x.dQTol, &x.dKTol, &x.dVTol} {
		*m = map[int]float64{}
	}
	scale := p.o.Scale
	if scale == 0 {
		scale = 1 / math.Sqrt(float64(s.Dim))
	}
	at := func(l Layout, b, h, t, d int) int { return b*l.Batch + h*l.Head + t*l.Token + d }
	add := func(m, tol map[int]float64, i int, v, e float64) { m[i] += v; tol[i] += e }
	for b := range s.Batch {
		for h := range s.Heads {
			kh := h * s.KVHeads / s.Heads
			for j := range s.KV {
				for d := range s.Dim {
					add(x.dK, x.dKTol, at(l.K, b, kh, j, d), 0, 0)
					add(x.dV, x.dVTol, at(l.V, b, kh, j, d), 0, 0)
				}
			}
			for i := range s.Q {
				P, most := p.softmax(b, h, kh, i, scale)
				e := 4*float64(s.Dim+4)*most*u + 2*float64(s.KV+8)*u + 2*blocks*(2*most+8)*u
				o, oErr := make([]float64, s.Dim), make([]float64, s.Dim)
				for d := range s.Dim {
					for j, w := range P {
						v := float64(p.in.V[at(l.V, b, kh, j, d)])
						o[d] += w * v
						oErr[d] += w * math.Abs(v) * (e + float64(s.KV+2)*u)
					}
					add(x.out, x.outTol, at(l.Out, b, h, i, d), o[d], oErr[d])
				}
				delta, deltaErr := 0.0, 0.0
				for d := range s.Dim {
					g := float64(p.dOut[at(l.Out, b, h, i, d)])
					delta += g * o[d]
					deltaErr += math.Abs(g) * (oErr[d] + float64(s.Dim+4)*u*math.Abs(o[d]))
					add(x.dQ, x.dQTol, at(l.Q, b, h, i, d), 0, 0)
				}
				for j, w := range P {
					dP, dPErr := 0.0, 0.0
					for d := range s.Dim {
						t := float64(p.dOut[at(l.Out, b, h, i, d)]) * float64(p.in.V[at(l.V, b, kh, j, d)])
						dP += t
						dPErr += math.Abs(t) * float64(s.Dim+4) * u
					}
					dS := w * (dP - delta)
					dSErr := 2 * w * ((math.Abs(dP)+math.Abs(delta))*(e+4*u) + dPErr + deltaErr)
					for d := range s.Dim {
						q, k := float64(p.in.Q[at(l.Q, b, h, i, d)]), float64(p.in.K[at(l.K, b, kh, j, d)])
						g := float64(p.dOut[at(l.Out, b, h, i, d)])
						add(x.dQ, x.dQTol, at(l.Q, b, h, i, d), scale*dS*k,
							scale*math.Abs(k)*(dSErr+math.Abs(dS)*float64(s.KV+4)*u))
						sums := float64(s.Q*s.Heads+4) * u
						add(x.dK, x.dKTol, at(l.K, b, kh, j, d), scale*dS*q,
							scale*math.Abs(q)*(dSErr+math.Abs(dS)*sums))
						add(x.dV, x.dVTol, at(l.V, b, kh, j, d), w*g, w*math.Abs(g)*(2*e+sums))
					}
				}
			}
		}
	}
	return x
}

// softmax returns P of the keys, and the largest sum of magnitudes in a score.
func (p *problem) softmax(b, h, kh, i int, scale float64) (P []float64, most float64) {
	s := p.s
	P = make([]float64, s.KV)
	if p.in.QLen != nil && i >= int(p.in.QLen[b]) {
		return P, 0
	}
	sum, top := 0.0, math.Inf(-1)
	scores := make([]float64, s.KV)
	for j := range scores {
		at := func(st *Strides) int { return st.at(b, h, i, j) }
		var v, a float64
		for d := range s.Dim {
			t := scale * float64(p.in.Q[b*p.l.Q.Batch+h*p.l.Q.Head+i*p.l.Q.Token+d]) *
				float64(p.in.K[b*p.l.K.Batch+kh*p.l.K.Head+j*p.l.K.Token+d])
			v, a = v+t, a+math.Abs(t)
		}
		if p.o.Bias != nil {
			t := float64(p.in.Bias[at(p.o.Bias)])
			v, a = v+t, a+math.Abs(t)
		}
		if p.o.Mask != nil {
			t := float64(p.in.Mask[at(p.o.Mask)])
			v, a = v+t, a+math.Abs(t)
		}
		if p.o.Allow != nil && !p.in.Allow[at(p.o.Allow)] || p.in.KVLen != nil && j >= int(p.in.KVLen[b]) ||
			p.o.Causal && j > i {
			v = math.Inf(-1)
		}
		scores[j], most, top = v, max(most, a), max(top, v)
	}
	if math.IsInf(top, -1) {
		return P, 0
	}
	for j, v := range scores {
		P[j] = math.Exp(v - top)
		sum += P[j]
	}
	for j := range P {
		P[j] /= sum
	}
	return P, most
}

func (p *problem) check(t *testing.T, what string, r results, x expected) {
	t.Helper()
	for _, c := range []struct {
		name      string
		got       []float32
		want, tol map[int]float64
	}{{"out", r.out, x.out, x.outTol}, {"dq", r.dQ, x.dQ, x.dQTol}, {"dk", r.dK, x.dK, x.dKTol},
		{"dv", r.dV, x.dV, x.dVTol}} {
		for i, got := range c.got {
			want, mine := c.want[i-guard]
			if !mine {
				if got != 7 {
					t.Fatalf("%s, %+v: %s[%d] was written", what, p.s, c.name, i-guard)
				}
				continue
			}
			if tol := c.tol[i-guard]; !(math.Abs(float64(got)-want) <= tol) {
				t.Fatalf("%s, %+v %+v: %s[%d] is %v, want %v ± %.1e", what, p.s, p.o, c.name, i-guard, got, want, tol)
			}
		}
	}
}
