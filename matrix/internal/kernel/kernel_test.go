package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func normals(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// guarded returns n numbers that lie before others, off any alignment.
func guarded(n int) (s, all []float64) {
	all = slices.Repeat([]float64{7}, n+9)
	return all[1 : 1+n : 1+n], all
}

// Every level gives the sums of the definition, to the bit.
func FuzzLevels(f *testing.F) {
	for n := range 20 { // all tails of the eight lanes
		f.Add(uint64(n), uint16(n))
	}
	f.Add(uint64(99), uint16(1003))
	f.Fuzz(func(t *testing.T, seed uint64, n uint16) {
		was := use
		defer func() { use = was }()
		r, cols := rand.New(rand.NewPCG(seed, uint64(n))), int(n)
		var x [2][]float32
		var c [4][]float32
		for i := range x {
			x[i] = normals(r, cols)
		}
		for j := range c {
			c[j] = normals(r, cols)
		}
		for _, use = range levels { // use is the package's
			d := Dots(&x, &c)
			for i := range x {
				for j := range c {
					want := byDefinition(cols, func(l int) float64 { return float64(x[i][l]) * float64(c[j][l]) })
					if d[i][j] != want {
						t.Errorf("%s: product of %d columns is %v, want exactly %v", use, cols, d[i][j], want)
					}
				}
			}
			want := byDefinition(cols, func(l int) float64 {
				d := float64(x[0][l]) - float64(c[0][l])
				return float64(d * d)
			})
			if got := SqDist(x[0], c[0]); got != want {
				t.Errorf("%s: distance over %d columns is %v, want exactly %v", use, cols, got, want)
			}
			sums, all := guarded(cols)
			Add(sums, x[0])
			for i, s := range sums {
				if s != 7+float64(x[0][i]) {
					t.Errorf("%s: number %d of %d is %v, want %v", use, i, cols, s, 7+float64(x[0][i]))
				}
			}
			if all[0] != 7 || slices.ContainsFunc(all[1+cols:], func(v float64) bool { return v != 7 }) {
				t.Errorf("%s: adding %d numbers wrote beyond them", use, cols)
			}
		}
	})
}

// byDefinition sums n terms as the package comment has it.
func byDefinition(n int, term func(i int) float64) float64 {
	var l [8]float64
	for i := range n {
		l[i%8] += float64(term(i))
	}
	return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

func BenchmarkDots(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	x := [2][]float32{normals(r, 4096), normals(r, 4096)}
	var c [4][]float32
	for j := range c {
		c[j] = normals(r, 4096)
	}
	was := use
	defer func() { use = was }()
	for _, level := range levels {
		b.Run(level.String(), func(b *testing.B) {
			use = level
			for b.Loop() {
				Dots(&x, &c)
			}
			b.ReportAllocs()
			b.ReportMetric(float64(b.N)*8*4096/b.Elapsed().Seconds()/1e9, "products/ns")
		})
	}
}
