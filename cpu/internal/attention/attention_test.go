package attention

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// problem is attention with its data. Results lie between guards.
type problem struct {
	s  Shape
	l  Layouts
	o  Options
	in Inputs

	dOut []float32
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

func (p *problem) run(tm *team.Team) results {
	f, g := New(p.s, p.l, p.o), NewGradient(p.s, p.l, p.o)
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
				e := 4*float64(s.Dim+4)*most*u + 2*float64(s.KV+8)*u
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
			t := scale * float64(p.in.Q[b*p.l.Q.Batch+h*p.l.Q.Head+i*p.l.Q.Token+d]) * float64(p.in.K[b*p.l.K.Batch+kh*p.l.K.Head+j*p.l.K.Token+d])
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

// onLevels runs f at every level, and puts the level back.
func onLevels(f func(l kernel.Level)) {
	defer kernel.SetLevel(kernel.Current())
	for _, l := range kernel.Levels() {
		kernel.SetLevel(l)
		f(l)
	}
}

func FuzzAttention(f *testing.F) {
	for seed := range 8 {
		f.Add(uint64(seed), uint8(seed), uint8(11*seed), uint8(7*seed), uint8(5*seed))
	}
	f.Add(uint64(50), uint8(0), uint8(129), uint8(99), uint8(7)) // several blocks of queries
	f.Add(uint64(51), uint8(0), uint8(60), uint8(40), uint8(71))
	tm := team.New(3)
	f.Cleanup(tm.Close)
	f.Fuzz(func(t *testing.T, seed uint64, heads, q, kv, dim uint8) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := Shape{Batch: 1 + r.IntN(2), KVHeads: 1 + int(heads)%2, Q: int(q) % 131, KV: int(kv) % 101,
			Dim: 1 + int(dim)%50}
		s.Heads = s.KVHeads * (1 + int(heads)/2%3)
		p := newProblem(r, s)
		x := p.want()
		onLevels(func(l kernel.Level) { p.check(t, l.String(), p.run(tm), x) })
	})
}

// TestMeans: without scores attention is the mean of the values a query sees, exactly for whole numbers
// and a power of two.
func TestMeans(t *testing.T) {
	tm := team.New(2)
	defer tm.Close()
	s := Shape{1, 2, 1, 64, 64, 40}
	l := Layouts{BHSD(2, 64, 40), BHSD(1, 64, 40), BHSD(1, 64, 40), BSHD(2, 64, 40)}
	in := Inputs{Q: make([]float32, 2*64*40), K: make([]float32, 64*40), V: make([]float32, 64*40)}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range in.V {
		in.V[i] = float32(r.IntN(15) - 7)
	}
	onLevels(func(level kernel.Level) {
		f := New(s, l, Options{Causal: true})
		out := make([]float32, 2*64*40)
		f.Run(tm, out, nil, in, make([]float32, f.Scratch(2)))
		for n := 1; n <= 64; n *= 2 {
			for d := range 40 {
				var sum float32
				for j := range n {
					sum += in.V[40*j+d]
				}
				if got := out[80*(n-1)+d]; got != sum/float32(n) {
					t.Errorf("%v: mean of %d values is %v, want exactly %v", level, n, got, sum/float32(n))
				}
			}
		}
	})
}

// TestSameBytes: neither the team, nor the layout, nor the other batches have any influence; and AVX-512 gives the
// bytes of AVX2.
func TestSameBytes(t *testing.T) {
	for _, s := range []Shape{{3, 2, 2, 130, 70, 24}, {1, 1, 1, 230, 130, 130}, {5, 4, 2, 33, 300, 8}} {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			p := newProblem(r, s)
			p.o, p.in.QLen, p.in.KVLen = Options{Causal: s.Dim == 24}, nil, nil
			var byLevel []results
			onLevels(func(level kernel.Level) {
				var first results
				for _, n := range []int{1, 2, 3, 5} {
					tm := team.New(n)
					got := p.run(tm)
					tm.Close()
					if n == 1 {
						first = got
					}
					wantSame(t, fmt.Sprintf("%v, team of %d", level, n), got, first)
				}
				p.checkBatches(t, first)
				byLevel = append(byLevel, first)
			})
			for _, got := range byLevel[min(2, len(byLevel)):] {
				wantSame(t, "avx512", got, byLevel[1])
			}
		})
	}
}

// checkBatches runs each batch alone.
func (p *problem) checkBatches(t *testing.T, all results) {
	t.Helper()
	tm := team.New(2)
	defer tm.Close()
	for b := range p.s.Batch {
		one := *p
		one.s.Batch = 1
		from := func(x []float32, l Layout) []float32 { return x[b*l.Batch:] }
		one.in.Q, one.in.K, one.in.V = from(p.in.Q, p.l.Q), from(p.in.K, p.l.K), from(p.in.V, p.l.V)
		one.dOut = from(p.dOut, p.l.Out)
		got := one.run(tm)
		for i, x := range [][]float32{got.out, got.dQ, got.dK, got.dV} {
			whole := [][]float32{all.out, all.dQ, all.dK, all.dV}[i]
			l := []Layout{p.l.Out, p.l.Q, p.l.K, p.l.V}[i]
			for j := range l.Batch {
				if x[guard+j] != 7 && x[guard+j] != whole[guard+b*l.Batch+j] {
					t.Fatalf("batch %d of %d alone: result %d differs at %d", b, p.s.Batch, i, j)
				}
			}
		}
	}
}

func wantSame(t *testing.T, what string, got, want results) {
	t.Helper()
	for i, x := range got.all() {
		for j := range x {
			if math.Float32bits(x[j]) != math.Float32bits(want.all()[i][j]) {
				t.Fatalf("%s: result %d differs at %d: %v and %v", what, i, j-guard, x[j], want.all()[i][j])
			}
		}
	}
}

func TestAllocations(t *testing.T) {
	tm := team.New(1) // larger ones allocate until they are warm, and under the race detector for ever
	s := Shape{2, 2, 2, 60, 60, 16}
	p := newProblem(rand.New(rand.NewPCG(5, 6)), s)
	f, g := New(s, p.l, p.o), NewGradient(s, p.l, p.o)
	out, stats := slices.Clone(p.dOut), make([]float32, s.StatsLen())
	grads := Gradients{slices.Clone(p.in.Q), slices.Clone(p.in.K), slices.Clone(p.in.V)}
	scratch := make([]float32, max(f.Scratch(1), g.Scratch(1)))
	if n := testing.AllocsPerRun(50, func() {
		f.Run(tm, out, stats, p.in, scratch)
		g.Run(tm, grads, p.in, out, p.dOut, stats, scratch)
	}); n > 0 {
		t.Errorf("%v allocations per run, want none", n)
	}
}

func TestWrongUse(t *testing.T) {
	tm := team.New(1)
	p := newProblem(rand.New(rand.NewPCG(7, 8)), Shape{1, 2, 2, 5, 5, 4})
	out := slices.Clone(p.dOut)
	for name, f := range map[string]func(){
		"heads":   func() { New(Shape{1, 3, 2, 5, 5, 4}, p.l, Options{}) },
		"q":       func() { New(p.s, p.l, Options{}).Run(tm, out, nil, Inputs{K: p.in.K, V: p.in.V}, out) },
		"scratch": func() { New(p.s, p.l, Options{}).Run(tm, out, nil, p.in, nil) },
		"lengths": func() {
			in := p.in
			in.QLen = []int32{1, 2}
			New(p.s, p.l, Options{}).Run(tm, out, nil, in, make([]float32, 1<<20))
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
