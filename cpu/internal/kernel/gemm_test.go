package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// tileCase is one call of a micro-kernel, made from fuzzed numbers.
type tileCase struct {
	rows, cols, taps, k, lda, ldb, ldc int
	add                                bool
	off                                []int
	a, b, c                            []float32
}

const guard = 40 // floats around C

func newTile(rng *rand.Rand, rows, cols, taps, k int, add bool, value func() float32) tileCase {
	t := tileCase{rows: rows, cols: cols, taps: taps, k: k, add: add,
		lda: rng.IntN(2*k + 2), ldb: NR + rng.IntN(3), ldc: cols + rng.IntN(5)}
	for range taps {
		t.off = append(t.off, rng.IntN(3*k+1))
	}
	fill := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = value()
		}
		return x
	}
	t.a = fill(3*k + rows*t.lda + k + 1)
	t.b = fill(taps*k*t.ldb + NR)
	t.c = fill(2*guard + rows*t.ldc)
	return t
}

// run returns C with its guards after the kernel of level l has done t.
func (t tileCase) run(g *Gemm) []float32 {
	c := append([]float32(nil), t.c...)
	g.Run(t.rows, t.cols, t.taps, &t.off[0], t.k, &t.a[0], t.lda, &t.b[0], t.ldb, &c[guard], t.ldc, t.add)
	return c
}

// exact returns C by float64 sums, and the bound of the error of a chain of n = taps·k float32 multiply-adds
// with or without fusing: (n+1)·2⁻²³ times the sum of magnitudes.
func (t tileCase) exact() (c, tol []float64) {
	c, tol = make([]float64, len(t.c)), make([]float64, len(t.c))
	for i, x := range t.c {
		c[i] = float64(x)
	}
	for i := range t.rows {
		for j := range t.cols {
			sum, mag := 0.0, 0.0
			if t.add {
				sum = float64(t.c[guard+i*t.ldc+j])
				mag = math.Abs(sum)
			}
			for s, off := range t.off {
				for p := range t.k {
					x := float64(t.a[off+i*t.lda+p]) * float64(t.b[(s*t.k+p)*t.ldb+j])
					sum += x
					mag += math.Abs(x)
				}
			}
			c[guard+i*t.ldc+j] = sum
			tol[guard+i*t.ldc+j] = float64(t.taps*t.k+1) * 0x1p-23 * mag
		}
	}
	return c, tol
}

func checkTile(t *testing.T, rows, cols, taps, k int, add bool, seed uint64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	whole := newTile(rng, rows, cols, taps, k, add, func() float32 { return float32(rng.IntN(15) - 7) })
	normal := newTile(rng, rows, cols, taps, k, add, func() float32 { return float32(rng.NormFloat64()) })
	wantWhole, _ := whole.exact()
	want, tol := normal.exact()
	var fused []float32
	for _, l := range Levels() {
		g := gemmKernel(l)
		whole.rows, normal.rows = min(rows, g.MR), min(rows, g.MR)
		name := fmt.Sprintf("%v: %d×%d, %d taps of %d, add %v", l, whole.rows, cols, taps, k, add)
		used := guard + (whole.rows-1)*whole.ldc + cols
		for i, x := range whole.run(g) {
			if w := pick(i < used, wantWhole, whole.c, i); float64(x) != w {
				t.Fatalf("%s: whole numbers: C[%d] is %v, want exactly %v", name, i-guard, x, w)
			}
		}
		got := normal.run(g)
		used = guard + (normal.rows-1)*normal.ldc + cols
		for i, x := range got {
			if w := pick(i < used, want, normal.c, i); math.Abs(float64(x)-w) > tol[i] {
				t.Fatalf("%s: normals: C[%d] is %v, want %v ± %.1e", name, i-guard, x, w, tol[i])
			}
		}
		if l == Generic {
			continue
		}
		for i := range fused {
			if i < guard+(min(rows, 6)-1)*normal.ldc+cols && math.Float32bits(got[i]) != math.Float32bits(fused[i]) {
				t.Fatalf("%s: C[%d] is %v, at AVX2 %v", name, i-guard, got[i], fused[i])
			}
		}
		fused = got
	}
}

func pick(done bool, want []float64, before []float32, i int) float64 {
	if done {
		return want[i]
	}
	return float64(before[i])
}

func TestGemmTiles(t *testing.T) {
	for rows := 1; rows <= 14; rows++ {
		for cols := 1; cols <= NR; cols++ {
			checkTile(t, rows, cols, 1+cols%3, (rows+cols)%11, cols%2 == 0, uint64(rows*100+cols))
		}
	}
}

func FuzzGemmTile(f *testing.F) {
	f.Add(uint8(14), uint8(32), uint8(9), uint8(64), false, uint64(1))
	f.Add(uint8(1), uint8(1), uint8(1), uint8(0), true, uint64(2))
	f.Add(uint8(7), uint8(17), uint8(4), uint8(3), true, uint64(3))
	f.Fuzz(func(t *testing.T, rows, cols, taps, k uint8, add bool, seed uint64) {
		checkTile(t, 1+int(rows)%14, 1+int(cols)%NR, 1+int(taps)%12, int(k)%80, add, seed)
	})
}

// A sum cut in parts, and a tile cut in rows, have the same bytes as the whole.
func TestGemmSameBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, l := range Levels() {
		g := gemmKernel(l)
		whole := newTile(rng, g.MR, 29, 1, 100, false, func() float32 { return float32(rng.NormFloat64()) })
		whole.lda, whole.off[0] = 100, 0
		whole.a = slices.Grow(whole.a, 100*g.MR)[:100*g.MR]
		want := whole.run(g)
		got := append([]float32(nil), whole.c...)
		for i := range g.MR {
			for p := 0; p < 100; p += 25 {
				g.Run(1, 29, 1, &whole.off[0], 25, &whole.a[i*100+p], 100, &whole.b[p*whole.ldb], whole.ldb,
					&got[guard+i*whole.ldc], whole.ldc, p > 0)
			}
		}
		for i := range want {
			if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
				t.Fatalf("%v: C[%d] is %v in parts, %v in one", l, i-guard, got[i], want[i])
			}
		}
	}
}

func FuzzPackPanel(f *testing.F) {
	for cols := range NR {
		f.Add(uint8(cols+1), uint8(3*cols), uint8(cols%4))
	}
	f.Fuzz(func(t *testing.T, cols, k, kind uint8) {
		n := 1 + int(cols)%NR
		row, col := n+int(kind)/4, 1
		switch kind % 4 {
		case 1:
			row, col = 1, int(k)+int(kind)/4
		case 2:
			row, col = 3, 2*int(k)+1
		case 3:
			row, col = 0, 1
		}
		b := make([]float32, max(0, int(k)-1)*row+(n-1)*col+1)
		for i := range b {
			b[i] = float32(i + 1)
		}
		dst := make([]float32, int(k)*NR+NR)
		for i := range dst {
			dst[i] = -1
		}
		PackPanel(dst, b, int(k), n, row, col)
		for i, x := range dst {
			p, j := i/NR, i%NR
			want := float32(0)
			switch {
			case p >= int(k):
				want = -1
			case j < n:
				want = b[p*row+j*col]
			}
			if x != want {
				t.Fatalf("k=%d, %d columns, strides %d, %d: dst[%d, %d] = %v, want %v", k, n, row, col, p, j, x, want)
			}
		}
	})
}

func BenchmarkGemmTile(b *testing.B) {
	defer SetLevel(Current())
	for _, l := range Levels() {
		SetLevel(l)
		g := GemmKernel()
		for _, c := range []struct{ rows, cols, taps, k, lda int }{
			{g.MR, 32, 1, 256, 272}, {g.MR, 32, 1, 4, 64}, {g.MR, 32, 1, 64, 64}, {2, 32, 1, 4, 64},
			{g.MR, 32, 9, 32, 32}, {g.MR, 16, 1, 256, 272},
			{g.MR - 1, 32, 1, 256, 272}, {g.MR / 2, 32, 1, 256, 272}, {1, 32, 1, 256, 272}, {g.MR, 32, 1, 256, 1024},
			{g.MR, 32, 1, 1024, 1040},
		} {
			rng := rand.New(rand.NewPCG(5, 6))
			t := newTile(rng, c.rows, c.cols, c.taps, c.k, false, func() float32 { return 1 })
			t.ldb, t.ldc, t.lda = NR, 512, c.lda
			t.a, t.b, t.c = make([]float32, 4*c.k+c.rows*c.lda), make([]float32, c.taps*c.k*NR),
				make([]float32, 512*c.rows)
			b.Run(fmt.Sprintf("%v/%dx%d,%dx%d,lda%d", l, c.rows, c.cols, c.taps, c.k, c.lda), func(b *testing.B) {
				for b.Loop() {
					g.Run(t.rows, t.cols, t.taps, &t.off[0], t.k, &t.a[0], t.lda, &t.b[0], t.ldb, &t.c[0], t.ldc, false)
				}
				b.ReportMetric(2*float64(b.N)*float64(c.rows*c.cols*c.taps*c.k)/float64(b.Elapsed().Nanoseconds()),
					"GFLOP/s")
			})
		}
	}
}

func BenchmarkPackPanel(b *testing.B) {
	for _, c := range []struct{ k, row, col int }{{256, 1024, 1}, {256, 1, 1024}, {1024, 1, 4096}, {64, 1, 64}} {
		b.Run(fmt.Sprintf("%d,strides%d,%d", c.k, c.row, c.col), func(b *testing.B) {
			x := make([]float32, c.k*c.row+NR*c.col)
			dst := make([]float32, c.k*NR)
			b.SetBytes(int64(4 * c.k * NR))
			for b.Loop() {
				PackPanel(dst, x, c.k, NR, c.row, c.col)
			}
		})
	}
}
