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
		p.span = 32 * (1 + int(seed%3)) // several blocks of keys
		x = p.want()
		onLevels(func(l kernel.Level) { p.check(t, "in blocks, "+l.String(), p.run(tm), x) })
	})
}

// TestSpans: blocks of keys are all of them where their scores fit into the second cache, and equal otherwise.
func TestSpans(t *testing.T) {
	for _, c := range []struct{ kv, dim, want int }{
		{0, 64, 32}, {1, 64, 32}, {77, 64, 96}, {256, 72, 256}, {1024, 512, 1024}, {1536, 64, 1536}, {1568, 64, 416},
		{4096, 40, 512}, {4096, 512, 512}, {9216, 64, 512}, {9217, 64, 512},
	} {
		if got := spanOf(Shape{1, 1, 1, 9, c.kv, c.dim}); got != c.want {
			t.Errorf("%d keys of %d dimensions: blocks of %d, want %d", c.kv, c.dim, got, c.want)
		}
	}
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
			p.span = min(s.KV/2/32*32, 96)
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
