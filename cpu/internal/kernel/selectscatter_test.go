package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func FuzzSelectScatter(f *testing.F) {
	for i := range 70 {
		f.Add(uint64(i), uint8(i%7), uint8(i), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, seed uint64, taps, channels uint8, minimum bool) {
		defer SetLevel(Current())
		n, c := int(taps)%16+1, int(channels)+1
		rng := rand.New(rand.NewPCG(seed, 3))
		x, dy, dx := make([]float32, n*c), make([]float32, c), make([]float32, n*c+16)
		off := rng.Perm(n)
		for i := range off {
			off[i] *= c
		}
		for i := range x {
			x[i] = float32(rng.IntN(5)) // many ties
			if rng.IntN(20) == 0 {
				x[i] = float32(math.NaN())
			}
		}
		for i := range dy {
			dy[i] = float32(rng.IntN(15) - 7)
		}
		for i := range dx {
			dx[i] = float32(rng.IntN(15))
		}
		want := slices.Clone(dx)
		sign, better := uint32(0), func(a, b float32) bool { return a > b }
		if minimum {
			sign, better = 1<<31, func(a, b float32) bool { return a < b }
		}
		for j := range c {
			best := off[0]
			for _, o := range off[1:] {
				if v := x[o+j]; better(v, x[best+j]) || v != v {
					best = o
				}
			}
			want[best+j] += dy[j]
		}
		for _, l := range Levels() {
			SetLevel(l)
			got := slices.Clone(dx)
			SelectScatter(&got[0], &x[0], &off[0], n, &dy[0], c, sign)
			if !slices.Equal(got, want) {
				t.Errorf("%v, %d taps, %d channels, minimum %v: got %v, want %v", l, n, c, minimum, got, want)
			}
		}
	})
}
