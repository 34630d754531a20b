package gemm

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// TestStripes: where B is too large for the caches, and C is made in stripes, each row has the bytes that it has alone,
// with B packed before or not, in float32, in half precision or in pairs, whatever is left over of rows, panels and
// terms. Smaller matrices than others are called large, for the emulator's sake.
func TestStripes(t *testing.T) {
	for _, workers := range []int{1, 3, 16} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) { stripes(t, workers) })
	}
	s := Shape{1, 150, 2100, 1010}
	lc := Layout{Row: s.N, Col: 1}
	if !New(s, Layout{Row: s.K, Col: 1}, lc, lc, Options{PackedB: true}).stripes() {
		t.Errorf("%+v is not made in stripes", s)
	}
}

func stripes(t *testing.T, workers int) {
	tm := team.New(workers)
	defer tm.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		s Shape
		a Layout
		o Options
	}{
		{s: Shape{1, 150, 330, 410}, o: Options{PackedB: true}},
		{s: Shape{1, 150, 330, 410}, o: Options{PackedB: true, Accumulate: true}},
		{s: Shape{1, 150, 330, 410}, o: Options{Widen: kernel.BF16ToF32}},
		{s: Shape{1, 130, 100, 811}, o: Options{Pairs: true}},
		{s: Shape{1, 600, 330, 410}},
		{s: Shape{1, 530, 610, 130}, a: Layout{Row: 1, Col: 530}},
		{s: Shape{2, 513, 330, 410}},
	} {
		s := c.s
		if c.a == (Layout{}) {
			c.a = Layout{Batch: s.M * s.K, Row: s.K, Col: 1}
		}
		lb, lc := Layout{Batch: s.K * s.N, Row: s.N, Col: 1}, Layout{Batch: s.M * s.N, Row: s.N, Col: 1}
		fill := func(n int) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(rng.IntN(256)-128) / 64 // bf16 has these
			}
			return x
		}
		a, b, out := fill(s.Batch*s.M*s.K), fill(s.Batch*s.K*s.N), fill(s.Batch*s.M*s.N)
		for i := range a {
			if a[i] += float32(rng.NormFloat64()); c.o.Pairs {
				a[i] = bf16(a[i])
			}
		}
		was := slices.Clone(out)
		told := make([]atomic.Int32, s.Batch*s.M)
		c.o.large = 1 << 15
		c.o.Done = func(lo, hi, _ int) {
			for i := lo; i < hi; i++ {
				told[i].Add(1)
			}
		}
		p := New(s, c.a, lb, lc, c.o)
		if !p.stripes() {
			t.Fatalf("%+v is not made in stripes", s)
		}
		multiply(tm, p, out, a, b)
		for i := range told {
			if n := told[i].Load(); n != 1 {
				t.Fatalf("%+v: row %d was told %d times", s, i, n)
			}
		}
		for _, i := range []int{0, 83, 84, s.M - 1} {
			n := s.Batch - 1
			one := New(Shape{1, 1, s.N, s.K}, Layout{Row: s.K * c.a.Col, Col: c.a.Col}, Layout{Row: s.N, Col: 1},
				Layout{Row: s.N, Col: 1}, Options{Accumulate: c.o.Accumulate, Pairs: c.o.Pairs})
			row := slices.Clone(was[(n*s.M+i)*s.N:][:s.N])
			multiply(tm, one, row, a[n*c.a.Batch+i*c.a.Row:], b[n*lb.Batch:])
			if got := out[(n*s.M+i)*s.N:][:s.N]; !slices.Equal(got, row) {
				t.Errorf("%+v, %+v: row %d has other numbers than alone", s, c.o.PackedB, i)
			}
		}
	}
}

// multiply runs p, with the row-major b packed as p wants it.
func multiply(tm *team.Team, p *Product, c, a, b []float32) {
	scratch := make([]float32, p.Scratch(tm.Size()))
	n, k := p.s.N, p.terms
	switch packed := make([]uint16, PairsSize(n, k)); {
	case p.o.Pairs:
		PackPairsOf(tm, packed, b, n, k, n, 1)
		p.RunHalf(tm, c, a, packed, scratch)
	case p.o.Widen != nil:
		half := make([]uint16, len(b))
		kernel.F32ToBF16(half, b)
		PackHalf(tm, packed, half, n, k, n, 1)
		p.RunHalf(tm, c, a, packed, scratch)
	case p.o.PackedB:
		packed := make([]float32, PackedSize(n, k))
		PackB(packed, b, n, k, n, 1)
		p.Run(tm, c, a, packed, scratch)
	default:
		p.Run(tm, c, a, b, scratch)
	}
}
