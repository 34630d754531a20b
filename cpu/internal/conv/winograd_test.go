package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"mgd3/cpu/internal/team"
)

// bound returns the largest error of each output of Winograd's form, by docs/notes/winograd.md:
//
//	(C + 39)·2⁻²⁴ · |Aᵀ| [ Σ_c (|G| |g| |Gᵀ|) ⊙ (|Bᵀ| |d| |B|) ] |A|
func bound(g Geometry, l KernelLayout, tile int, x, k []float32) []float64 {
	w := newWinograd(g, l, tile)
	at, gm, bt := w.t.Matrices()
	at, gm, bt = absolute(at), absolute(gm), absolute(bt)
	n, m := w.t.N, w.t.M
	out := make([]float64, g.outLen())
	zeros := make([]float32, g.InC)
	u := make([][]float64, g.OutC*g.InC)
	for o := range g.OutC {
		for c := range g.InC {
			var ker []float64
			for t := range 9 {
				ker = append(ker, math.Abs(float64(k[l.Base+o*l.Out+c*l.In+t/3*l.H+t%3*l.W])))
			}
			u[o*g.InC+c] = sandwich(gm, ker)
		}
	}
	for i := range g.Batch * w.th * w.tw {
		image, row, col := w.tile(i)
		var table [36]*float32
		inputTile(&table, g, n, x, zeros, image, row-g.PadTop, col-g.PadLeft)
		v := sandwichAll(bt, table[:n*n], g.InC)
		for o := range g.OutC {
			p := make([]float64, n*n)
			for c := range g.InC {
				for xi := range p {
					p[xi] += u[o*g.InC+c][xi] * v[c][xi]
				}
			}
			for j, b := range sandwich(at, p) {
				if r, s := row+j/m, col+j%m; r < g.OutH && s < g.OutW {
					out[((image*g.OutH+r)*g.OutW+s)*g.OutC+o] = float64(g.InC+39) * 0x1p-24 * b
				}
			}
		}
	}
	return out
}

// gradBound returns the largest error of each element of the gradient by the kernel, for T tiles:
//
//	(T + 39)·2⁻²⁴ · |Gᵀ| [ Σ_tiles (|A| |∂y| |Aᵀ|) ⊙ (|Bᵀ| |d| |B|) ] |G|
func gradBound(g Geometry, l KernelLayout, tile int, x, dy []float32) []float64 {
	w := newWinograd(g, l, tile)
	at, gm, bt := w.t.Matrices()
	a, gt, bt := flip(absolute(at)), flip(absolute(gm)), absolute(bt)
	n, m := w.t.N, w.t.M
	zeros := make([]float32, max(g.InC, g.OutC))
	tiles := g.Batch * w.th * w.tw
	sums := make([][]float64, g.OutC*g.InC)
	for i := range sums {
		sums[i] = make([]float64, n*n)
	}
	for i := range tiles {
		image, row, col := w.tile(i)
		var table [36]*float32
		inputTile(&table, g, n, x, zeros, image, row-g.PadTop, col-g.PadLeft)
		v := sandwichAll(bt, table[:n*n], g.InC)
		outputTile(&table, g, m, dy, zeros, image, row, col)
		for o, dw := range sandwichAll(a, table[:m*m], g.OutC) {
			for c := range g.InC {
				for xi := range dw {
					sums[o*g.InC+c][xi] += dw[xi] * v[c][xi]
				}
			}
		}
	}
	out := make([]float64, g.kernelLen())
	for i, s := range sums {
		for t, b := range sandwich(gt, s) {
			out[l.Base+i/g.InC*l.Out+i%g.InC*l.In+t/3*l.H+t%3*l.W] = float64(tiles+39) * 0x1p-24 * b
		}
	}
	return out
}

// sandwichAll returns L·|X|·Lᵀ of all channels.
func sandwichAll(l [][]float32, table []*float32, channels int) [][]float64 {
	var y [][]float64
	for c := range channels {
		var x []float64
		for _, p := range table {
			x = append(x, math.Abs(float64(unsafe.Slice(p, c+1)[c])))
		}
		y = append(y, sandwich(l, x))
	}
	return y
}

func flip(l [][]float32) [][]float32 {
	out := make([][]float32, len(l[0]))
	for i := range out {
		for _, row := range l {
			out[i] = append(out[i], row[i])
		}
	}
	return out
}

// sandwich returns L·X·Lᵀ.
func sandwich(l [][]float32, x []float64) []float64 {
	n := len(l[0])
	var y []float64
	for r := range l {
		for s := range l {
			sum := 0.0
			for i := range n {
				for j := range n {
					sum += float64(l[r][i]) * float64(l[s][j]) * x[i*n+j]
				}
			}
			y = append(y, sum)
		}
	}
	return y
}

func absolute(l [][]float32) [][]float32 {
	var out [][]float32
	for _, row := range l {
		var r []float32
		for _, v := range row {
			r = append(r, float32(math.Abs(float64(v))))
		}
		out = append(out, r)
	}
	return out
}

// tolerance returns the largest errors of the outputs: for the direct form one rounding per term, which fused
// multiply-adds make, and another in plain Go.
func tolerance(g Geometry, l KernelLayout, tile int, x, k []float32, size []float64) []float64 {
	if tile > 1 {
		return bound(g, l, tile, x, k)
	}
	return scaled(size, float64(g.KH*g.KW*g.groupIn()+2))
}

// gradTolerance is the same for the gradient by the kernel.
func gradTolerance(g Geometry, l KernelLayout, tile int, x, dy []float32, size []float64) []float64 {
	if tile > 1 {
		return gradBound(g, l, tile, x, dy)
	}
	return scaled(size, float64(g.Batch*g.OutH*g.OutW+2))
}

func scaled(size []float64, n float64) []float64 {
	tol := make([]float64, len(size))
	for i, s := range size {
		tol[i] = n * 0x1p-24 * s
	}
	return tol
}

// checkNear compares element by element, and stops at the first error.
func checkNear(t *testing.T, name string, got []float32, want, tol []float64) {
	t.Helper()
	for i := range want {
		if e := math.Abs(float64(got[i]) - want[i]); !(e <= tol[i]) {
			t.Errorf("%s: [%d] = %v, want %v ± %.1e", name, i, got[i], want[i], tol[i])
			return
		}
	}
}

// Small whole numbers make F(2×2, 3×3) exact: its matrices are whole but for halves.
func TestWinograd2Exact(t *testing.T) {
	g := conv3x3(2, 7, 6, 32, 48)
	l := HWIO(32, 48, 3)
	rng := rand.New(rand.NewPCG(1, 2))
	x, k, dy := ints(rng, g.inLen()), ints(rng, g.kernelLen()), ints(rng, g.outLen())
	y, _ := naive(g, l, x, k)
	dk, _ := naiveKernelGrad(g, l, x, dy)
	exact := make([]float64, max(len(y), len(dk)))
	eachLevel(func(level string) {
		checkNear(t, "y, "+level, forward(t, g, l, Options{Tile: 2}, 2, x, k), y, exact)
		checkNear(t, "dk, "+level, kernelGrad(t, g, l, Options{Tile: 2}, 2, x, dy), dk, exact)
	})
}

// The layout of the kernel does not change the result.
func TestWinogradLayouts(t *testing.T) {
	g := conv3x3(2, 9, 6, 48, 80)
	rng := rand.New(rand.NewPCG(1, 2))
	x, k := normals(rng, g.inLen()), normals(rng, g.kernelLen())
	ls := layouts(g)
	ls["HIOW"] = KernelLayout{Out: 3, In: 3 * g.OutC, H: 3 * g.OutC * g.InC, W: 1}
	eachLevel(func(level string) {
		want := forward(t, g, OIHW(g.InC, 3, 3), Options{}, 2, x, k)
		for layout, l := range ls {
			moved := make([]float32, len(k))
			for i, v := range k {
				moved[l.Base+i/9/g.InC*l.Out+i/9%g.InC*l.In+i%9/3*l.H+i%3*l.W] = v
			}
			if got := forward(t, g, l, Options{PackedKernel: true}, 2, x, moved); !slices.Equal(got, want) {
				t.Errorf("%s, %s: differs from OIHW", layout, level)
			}
		}
	})
}

// TestWinogradError prints the figures of docs/notes/winograd.md, and holds them to twice their values.
func TestWinogradError(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector is slow")
	}
	limits := map[int]float64{1: 0, 2: 2.5, 4: 5} // times the error of the direct form
	for _, c := range []int{32, 128, 512} {
		for _, data := range []string{"normal", "relu"} {
			g := conv3x3(1, 12, 12, c, 32)
			l := OIHW(c, 3, 3)
			rng := rand.New(rand.NewPCG(1, 2))
			x, k, dy := normals(rng, g.inLen()), normals(rng, g.kernelLen()), normals(rng, g.outLen())
			if data == "relu" {
				for i, v := range x {
					x[i] = max(v, 0)
				}
			}
			want, _ := naive(g, l, x, k)
			wantGrad, _ := naiveKernelGrad(g, l, x, dy)
			direct := 0.0
			for _, tile := range []int{1, 2, 4} {
				rms, worst := errorOf(forward(t, g, l, Options{Tile: tile}, 2, x, k), want)
				gradRMS, gradWorst := errorOf(kernelGrad(t, g, l, Options{Tile: tile}, 2, x, dy), wantGrad)
				t.Logf("C = %3d, %-6s, tile %d: error / rms of y: rms %.1e, worst %.1e; of the gradient by the "+
					"kernel: %.1e, %.1e", c, data, tile, rms, worst, gradRMS, gradWorst)
				if tile == 1 {
					direct = rms
				} else if rms > limits[tile]*direct {
					t.Errorf("C = %d, %s, tile %d: error %.1e, direct form %.1e", c, data, tile, rms, direct)
				}
			}
		}
	}
}

// errorOf returns the root mean square and the worst error, relative to the root mean square of what is wanted.
func errorOf(got []float32, want []float64) (rms, worst float64) {
	var e2, w2 float64
	for i, w := range want {
		e := math.Abs(float64(got[i]) - w)
		e2, w2, worst = e2+e*e, w2+w*w, max(worst, e)
	}
	return math.Sqrt(e2 / w2), worst / math.Sqrt(w2/float64(len(want)))
}

// Whatever the geometry, the direct form is exact on whole numbers, and the chosen one close to it.
func FuzzForward(f *testing.F) {
	for i := range uint64(60) {
		f.Add(i)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 1))
		g := anyGeometry(rng)
		var ls []KernelLayout
		for _, name := range []string{"OIHW", "HWIO", "reversed OIHW", "reversed HWIO"} {
			if l, ok := layouts(g)[name]; ok {
				ls = append(ls, l)
			}
		}
		l := ls[rng.IntN(len(ls))]
		x, k, dy := ints(rng, g.inLen()), ints(rng, g.kernelLen()), ints(rng, g.outLen())
		workers := 1 + rng.IntN(4)
		name := fmt.Sprintf("%+v %+v", g, l)
		tile := winogradTile(g)
		want, size := naive(g, l, x, k)
		exact := make([]float64, len(want))
		checkNear(t, name, forward(t, g, l, Options{Tile: 1}, workers, x, k), want, exact)
		checkNear(t, name, forward(t, g, l, Options{PackedKernel: rng.IntN(2) == 0}, workers, x, k), want,
			tolerance(g, l, tile, x, k, size))
		checkNear(t, name, forward(t, g, l, Options{Stream: true}, workers, x, k), want,
			tolerance(g, l, tile, x, k, size))
		if g.Upsample {
			return
		}
		want, size = naiveKernelGrad(g, l, x, dy)
		exact = make([]float64, len(want))
		checkNear(t, name, kernelGrad(t, g, l, Options{Tile: 1}, workers, x, dy), want, exact)
		checkNear(t, name, kernelGrad(t, g, l, Options{}, workers, x, dy), want, gradTolerance(g, l, tile, x, dy, size))
	})
}

// anyGeometry returns a small convolution, often one for Winograd.
func anyGeometry(rng *rand.Rand) Geometry {
	upTo := func(n int) int { return 1 + rng.IntN(n) }
	g := Geometry{Batch: upTo(3), InH: upTo(11), InW: upTo(11), InC: upTo(20), OutH: upTo(11), OutW: upTo(20),
		OutC: upTo(70), KH: upTo(4), KW: upTo(4),
		StrideH: upTo(3), StrideW: upTo(3), PadTop: rng.IntN(8) - 3, PadLeft: rng.IntN(8) - 3, InDilH: upTo(3),
		InDilW: upTo(3), KerDilH: upTo(3), KerDilW: upTo(3), Groups: 1}
	switch rng.IntN(4) {
	case 0:
		g.KH, g.KW, g.StrideH, g.StrideW, g.InDilH, g.InDilW, g.KerDilH, g.KerDilW = 3, 3, 1, 1, 1, 1, 1, 1
		g.InC, g.OutC = 16*upTo(3), 32+16*upTo(3)
	case 1:
		g.Groups = upTo(4)
		g.InC, g.OutC = g.Groups*upTo(5), g.Groups*upTo(40)
	}
	if g.InDilH*g.InDilW == 1 && rng.IntN(3) == 0 {
		g.InH, g.InW, g.Upsample = 2*g.InH, 2*g.InW, true
	}
	return g
}

// Two teams use one plan at once.
func TestForwardConcurrently(t *testing.T) {
	for _, name := range []string{"3x3 wide", "3x3 odd", "7x7 stem"} {
		g := geometries[name]
		l := OIHW(g.InC, g.KH, g.KW)
		rng := rand.New(rand.NewPCG(1, 2))
		x, k := normals(rng, g.inLen()), normals(rng, g.kernelLen())
		want := forward(t, g, l, Options{}, 1, x, k)
		f := NewForward(g, l, Options{})
		tm := team.New(3)
		done := make(chan []float32)
		for range 4 {
			go func() {
				y, s := make([]float32, g.outLen()), make([]float32, f.Scratch(3))
				for range 5 {
					f.Run(tm, y, x, k, s)
				}
				done <- y
			}()
		}
		for range 4 {
			y := <-done
			for i := range want {
				if y[i] != want[i] {
					t.Fatalf("%s: y[%d] = %v, alone %v", name, i, y[i], want[i])
				}
			}
		}
		tm.Close()
	}
}
