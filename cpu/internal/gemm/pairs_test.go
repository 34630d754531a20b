package gemm

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// FuzzPairs demands of products of pairs of bfloat16, of any shape and layout and at every level, the bytes of one tile
// in plain Go for each element, so none that depend on the batch, the cuts or the workers; nothing written beside C;
// and the weight back from its packed form.
func FuzzPairs(f *testing.F) {
	seeds := uint64(60)
	if testing.Short() { // in an emulator, too
		seeds = 15
	}
	for i := range seeds {
		f.Add(i)
	}
	teams := []*team.Team{team.New(1), team.New(3)}
	for _, tm := range teams {
		f.Cleanup(tm.Close)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		defer kernel.SetLevel(kernel.Current())
		rng := rand.New(rand.NewPCG(seed, 7))
		s := Shape{1 + rng.IntN(3), rng.IntN(60), rng.IntN(70), rng.IntN(40)}
		if rng.IntN(6) == 0 {
			s = Shape{1, 1 + rng.IntN(16), 1 + rng.IntN(5), 2000 + rng.IntN(200)} // two blocks of pairs
		}
		p := newProblem(rng, s, func() float32 { return bf16(float32(rng.NormFloat64())) })
		p.lb.Batch, p.lc = 0, Layout{Batch: s.M * s.N, Row: s.N, Col: 1}
		p.c = make([]float32, s.Batch*s.M*s.N+2*guard)
		for i := range p.c {
			p.c[i] = float32(rng.NormFloat64())
		}
		half := make([]uint16, len(p.b))
		for i, x := range p.b {
			half[i] = uint16(math.Float32bits(x) >> 16)
		}
		packed := make([]uint16, PairsSize(s.N, s.K)+1)
		packed[len(packed)-1] = 0x7fa5
		PackPairs(teams[1], packed[:len(packed)-1], half, s.N, s.K, p.lb.Row, p.lb.Col)
		if packed[len(packed)-1] != 0x7fa5 {
			t.Fatal("PackPairs wrote beside dst")
		}
		back := slices.Repeat([]uint16{0x1234}, len(half))
		UnpackPairs(back, packed, s.N, s.K, p.lb.Row, p.lb.Col)
		for i := range s.K {
			for j := range s.N {
				if at := i*p.lb.Row + j*p.lb.Col; back[at] != half[at] {
					t.Fatalf("%+v, %+v: unpacked [%d, %d] is %#x, want %#x", s, p.lb, i, j, back[at], half[at])
				}
			}
		}
		want := p.pairByPair()
		for _, l := range kernel.Levels() {
			kernel.SetLevel(l)
			for _, tm := range teams {
				q := New(s, p.la, p.lb, p.lc, Options{Accumulate: p.o.Accumulate, Pairs: true})
				got, scratch := slices.Clone(p.c), make([]float32, q.Scratch(tm.Size())+1)
				for i := range scratch {
					scratch[i] = float32(math.NaN())
				}
				q.RunHalf(tm, got[guard:len(got)-guard], p.a, packed, scratch[:len(scratch)-1])
				if at := differs(got, want); at >= 0 {
					t.Fatalf("%v, %d workers, %+v: element %d is %v, want %v", l, tm.Size(), s, at-guard, got[at],
						want[at])
				}
				if x := scratch[len(scratch)-1]; x == x {
					t.Fatalf("%+v: written behind the scratch", s)
				}
			}
		}
	})
}

// pairByPair is C, with its guards, element by element in plain Go, whose level is that of no instructions.
func (p *problem) pairByPair() []float32 {
	kernel.SetLevel(kernel.Generic)
	c := slices.Clone(p.c)
	k := (p.s.K + 1) / 2
	a, b := make([]float32, k+1), make([]float32, k+1)
	row := func(dst, x []float32, from, step int) {
		var terms []float32
		for q := range p.s.K {
			terms = append(terms, x[from+q*step])
		}
		kernel.ToPairs(dst, terms)
	}
	for n := range p.s.Batch {
		for i := range p.s.M {
			row(a, p.a, n*p.la.Batch+i*p.la.Row, p.la.Col)
			for j := range p.s.N {
				row(b, p.b, j*p.lb.Col, p.lb.Row)
				kernel.PairsKernel().Run(1, 1, 1, &zero[0], k, &a[0], 0, &b[0], 1,
					&c[guard+n*p.lc.Batch+i*p.lc.Row+j], 0, p.o.Accumulate)
			}
		}
	}
	return c
}
