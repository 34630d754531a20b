package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// FuzzHalf demands of a product whose right operand is kept in half precision the very bytes of the one in float32,
// nothing written beside C, and the weight back from its packed form. Where both operands are bfloat16's, whose
// products float32 has exactly, plain Go gives the bytes of the assembly.
func FuzzHalf(f *testing.F) {
	for i := range uint64(60) {
		f.Add(i)
	}
	tm := team.New(3)
	f.Cleanup(tm.Close)
	f.Fuzz(func(t *testing.T, seed uint64) {
		defer kernel.SetLevel(kernel.Current())
		rng := rand.New(rand.NewPCG(seed, 5))
		s := Shape{1 + rng.IntN(3), rng.IntN(200), rng.IntN(150), rng.IntN(90)}
		if rng.IntN(4) == 0 {
			s.K = 1000 + rng.IntN(200) // two blocks of terms
		}
		p := newProblem(rng, s, func() float32 { return bf16(float32(rng.NormFloat64())) })
		p.lb.Batch = 0
		widen := kernel.BF16ToF32
		half := make([]uint16, len(p.b))
		for i, x := range p.b {
			half[i] = uint16(math.Float32bits(x) >> 16)
		}
		if seed%2 == 1 {
			widen = kernel.F16ToF32
			for i := range half {
				half[i] = uint16(rng.IntN(0x7c00))
			}
			widen(p.b, half)
		}
		if p.lc.Col != 1 && s.N > 1 { // packed products have contiguous rows
			p.lc = Layout{Batch: s.M * s.N, Row: s.N, Col: 1}
			p.c = make([]float32, s.Batch*s.M*s.N+2*guard)
			for i := range p.c {
				p.c[i] = float32(i)
			}
		}
		var first []float32
		for _, l := range kernel.Levels() {
			kernel.SetLevel(l)
			want := p.run(t, tm, true)
			packed := make([]uint16, PackedSize(s.N, s.K)+1)
			packed[len(packed)-1] = 0x7fa5
			PackHalf(tm, packed[:len(packed)-1], half, s.N, s.K, p.lb.Row, p.lb.Col)
			if packed[len(packed)-1] != 0x7fa5 {
				t.Fatal("PackHalf wrote beside dst")
			}
			q := New(s, p.la, p.lb, p.lc, Options{Accumulate: p.o.Accumulate, Widen: widen})
			got, scratch := slices.Clone(p.c), make([]float32, q.Scratch(tm.Size()))
			q.RunHalf(tm, got[guard:len(got)-guard], p.a, packed, scratch)
			if at := differs(got, want); at >= 0 {
				t.Fatalf("%v, %+v: element %d is %v, in float32 %v", l, s, at-guard, got[at], want[at])
			}
			if first == nil {
				first = got
			}
			if at := differs(got, first); at >= 0 && seed%2 == 0 {
				t.Fatalf("%v, %+v: element %d is %v, in plain Go %v", l, s, at-guard, got[at], first[at])
			}
			back := slices.Repeat([]uint16{0x1234}, len(half))
			Unpack(back, packed[:len(packed)-1], s.N, s.K, p.lb.Row, p.lb.Col)
			wide := make([]float32, PackedSize(s.N, s.K))
			PackB(wide, p.b, s.N, s.K, p.lb.Row, p.lb.Col)
			backWide := make([]float32, len(p.b))
			Unpack(backWide, wide, s.N, s.K, p.lb.Row, p.lb.Col)
			for i := range s.K {
				for j := range s.N {
					at := i*p.lb.Row + j*p.lb.Col
					if back[at] != half[at] || math.Float32bits(backWide[at]) != math.Float32bits(p.b[at]) {
						t.Fatalf("%+v, %+v: unpacked [%d, %d] is %#x, want %#x", s, p.lb, i, j, back[at], half[at])
					}
				}
			}
		}
	})
}

func bf16(x float32) float32 {
	y := []float32{x}
	kernel.RoundBF16(y, y)
	return y[0]
}

// differs returns the first place where the bits differ, or -1.
func differs(x, y []float32) int {
	for i := range x {
		if math.Float32bits(x[i]) != math.Float32bits(y[i]) {
			return i
		}
	}
	return -1
}

// BenchmarkHalf is a product of DiT-S/2 with weights in bfloat16 and in float32.
func BenchmarkHalf(b *testing.B) {
	s := Shape{1, 512, 1536, 384}
	tm := team.New(0)
	defer tm.Close()
	for _, half := range []bool{false, true} {
		b.Run(fmt.Sprint("half=", half), func(b *testing.B) {
			o := Options{PackedB: true}
			if half {
				o.Widen = kernel.BF16ToF32
			}
			p := New(s, Layout{Row: s.K, Col: 1}, Layout{}, Layout{Row: s.N, Col: 1}, o)
			a, c := make([]float32, s.M*s.K), make([]float32, s.M*s.N)
			w, h := make([]float32, PackedSize(s.N, s.K)), make([]uint16, PackedSize(s.N, s.K))
			scratch := make([]float32, p.Scratch(tm.Size()))
			for b.Loop() {
				if half {
					p.RunHalf(tm, c, a, h, scratch)
				} else {
					p.Run(tm, c, a, w, scratch)
				}
			}
			b.ReportMetric(2*float64(s.M*s.N*s.K)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
