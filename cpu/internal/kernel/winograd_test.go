package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// The transforms, as functions from X to Y at equal steps; tables are made here.
var winogradTransforms = []struct {
	name   string
	matrix func(w *Winograd) [][]float32
	run    func(w *Winograd, dst []float32, dstStep int, src []float32, srcStep, n int)
}{
	{"Input", func(w *Winograd) [][]float32 { return w.bt },
		func(w *Winograd, dst []float32, dstStep int, src []float32, srcStep, n int) {
			t := table(src, srcStep, w.N*w.N)
			w.Input(&dst[0], dstStep, &t[0], 5, new(WinogradTemp), n)
		}},
	{"Output", func(w *Winograd) [][]float32 { return w.at },
		func(w *Winograd, dst []float32, dstStep int, src []float32, srcStep, n int) {
			t := table(dst, dstStep, w.M*w.M)
			w.Output(&t[0], 5, &src[0], srcStep, new(WinogradTemp), n)
		}},
	{"Grad", func(w *Winograd) [][]float32 { return w.a },
		func(w *Winograd, dst []float32, dstStep int, src []float32, srcStep, n int) {
			t := table(src, srcStep, w.M*w.M)
			w.Grad(&dst[0], dstStep, &t[0], 5, new(WinogradTemp), n)
		}},
	{"Kernel", func(w *Winograd) [][]float32 { return w.g },
		func(w *Winograd, dst []float32, dstStep int, src []float32, srcStep, n int) {
			w.Kernel(&dst[0], dstStep, &src[0], srcStep, new(WinogradTemp), n)
		}},
	{"KernelGrad", func(w *Winograd) [][]float32 { return w.gt },
		func(w *Winograd, dst []float32, dstStep int, src []float32, srcStep, n int) {
			w.KernelGrad(&dst[0], dstStep, &src[0], srcStep, new(WinogradTemp), n)
		}},
}

// table points 5 floats before each vector, as the tests start at channel 5.
func table(x []float32, step, n int) (t [36]*float32) {
	for i := range n {
		t[i] = at(&x[0], i*step-5)
	}
	return t
}

func TestWinogradTransforms(t *testing.T) {
	defer SetLevel(Current())
	rng := rand.New(rand.NewPCG(1, 2))
	for _, m := range []int{2, 4} {
		for _, n := range []int{16, 48} {
			for _, tr := range winogradTransforms {
				w := WinogradOf(m)
				l := tr.matrix(w)
				rows, cols := len(l), len(l[0])
				src := make([]float32, cols*cols*(n+3)+8)
				for i := range src {
					src[i] = float32(rng.NormFloat64())
				}
				var avx2 []float32
				for _, level := range Levels() {
					SetLevel(level)
					name := fmt.Sprint(tr.name, m, " n=", n, " ", level)
					dst := make([]float32, 8+rows*rows*(n+2)+8)
					for i := range dst {
						dst[i] = 99
					}
					tr.run(w, dst[8:], n+2, src, n+3, n)
					for r := range rows {
						for s := range rows {
							for c := range n {
								want, size := transform64(l, src, n+3, r, s, c)
								// Two sums of at most 6 products, each rounded, of coefficients rounded once.
								got := float64(dst[8+(r*rows+s)*(n+2)+c])
								if math.Abs(got-want) > 16*0x1p-24*size {
									t.Fatalf("%s: [%d, %d] of channel %d: got %v, want %v", name, r, s, c, got, want)
								}
								dst[8+(r*rows+s)*(n+2)+c] = 99
							}
						}
					}
					for i, x := range dst {
						if x != 99 {
							t.Fatalf("%s: wrote %v outside of dst, at %d", name, x, i-8)
						}
					}
					tr.run(w, dst[8:], n+2, src, n+3, n)
					if level == AVX2 {
						avx2 = dst
					}
					for i := range avx2 {
						if dst[i] != avx2[i] {
							t.Fatalf("%s: got %v at %d, AVX2 has %v", name, dst[i], i, avx2[i])
						}
					}
				}
			}
		}
	}
}

// transform64 returns (L·X·Lᵀ)[r, s] of one channel and the same with absolute values.
func transform64(l [][]float32, x []float32, step, r, s, c int) (sum, size float64) {
	cols := len(l[0])
	for i := range cols {
		for j := range cols {
			p := float64(l[r][i]) * float64(l[s][j]) * float64(x[(i*cols+j)*step+c])
			sum += p
			size += math.Abs(p)
		}
	}
	return sum, size
}
