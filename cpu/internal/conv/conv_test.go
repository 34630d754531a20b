package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// naive returns the convolution in float64, and the sums of absolute values.
func naive(g Geometry, l KernelLayout, x, k []float32) (y, size []float64) {
	y, size = make([]float64, g.outLen()), make([]float64, g.outLen())
	eachProduct(g, l, func(iy, ix, ik int) {
		p := float64(x[ix]) * float64(k[ik])
		y[iy] += p
		size[iy] += math.Abs(p)
	})
	return y, size
}

// naiveKernelGrad returns the gradient by the kernel in float64, in the layout of the kernel.
func naiveKernelGrad(g Geometry, l KernelLayout, x, dy []float32) (dk, size []float64) {
	dk, size = make([]float64, g.kernelLen()), make([]float64, g.kernelLen())
	eachProduct(g, l, func(iy, ix, ik int) {
		p := float64(x[ix]) * float64(dy[iy])
		dk[ik] += p
		size[ik] += math.Abs(p)
	})
	return dk, size
}

// eachProduct calls f for every product x[ix]·k[ik] of y[iy].
func eachProduct(g Geometry, l KernelLayout, f func(iy, ix, ik int)) {
	c, k := g.groupIn(), g.groupOut()
	for b := range g.Batch {
		for oh := range g.OutH {
			for ow := range g.OutW {
				for th := range g.KH {
					ih := oh*g.StrideH + th*g.KerDilH - g.PadTop
					if ih < 0 || ih%g.InDilH != 0 || ih/g.InDilH >= g.InH {
						continue
					}
					for tw := range g.KW {
						iw := ow*g.StrideW + tw*g.KerDilW - g.PadLeft
						if iw < 0 || iw%g.InDilW != 0 || iw/g.InDilW >= g.InW {
							continue
						}
						up := g.up()
						ix := ((b*(g.InH>>up)+ih/g.InDilH>>up)*(g.InW>>up) + iw/g.InDilW>>up) * g.InC
						iy := ((b*g.OutH+oh)*g.OutW + ow) * g.OutC
						for o := range g.OutC {
							for i := range c {
								f(iy+o, ix+o/k*c+i, l.Base+o*l.Out+i*l.In+th*l.H+tw*l.W)
							}
						}
					}
				}
			}
		}
	}
}

func ints(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.IntN(15) - 7)
	}
	return x
}

func normals(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// conv3x3 is a 3×3 convolution that keeps the size.
func conv3x3(b, h, w, c, k int) Geometry {
	return square(b, h, w, c, k, 3, 1, 1)
}

// square is a convolution with a square kernel, a stride, and symmetric padding.
func square(b, h, w, c, k, size, stride, pad int) Geometry {
	return Geometry{Batch: b, InH: h, InW: w, InC: c, OutH: (h+2*pad-size)/stride + 1, OutW: (w+2*pad-size)/stride + 1,
		OutC: k, KH: size, KW: size,
		StrideH: stride, StrideW: stride, PadTop: pad, PadLeft: pad, InDilH: 1, InDilW: 1, KerDilH: 1, KerDilW: 1,
		Groups: 1}
}

// byInput is the geometry of the gradient by the input of g, whose strides become dilations.
func byInput(g Geometry) Geometry {
	return Geometry{Batch: g.Batch, InH: g.OutH, InW: g.OutW, InC: g.OutC, OutH: g.InH, OutW: g.InW, OutC: g.InC,
		KH: g.KH, KW: g.KW,
		StrideH: 1, StrideW: 1, PadTop: (g.KH-1)*g.KerDilH - g.PadTop, PadLeft: (g.KW-1)*g.KerDilW - g.PadLeft,
		InDilH: g.StrideH, InDilW: g.StrideW, KerDilH: g.KerDilH, KerDilW: g.KerDilW, Groups: 1}
}

var geometries = map[string]Geometry{
	"1x1":             square(3, 5, 7, 33, 40, 1, 1, 0),
	"1x1 stride 2":    square(2, 7, 9, 20, 70, 1, 2, 0),
	"3x3":             conv3x3(2, 9, 11, 5, 7),
	"3x3 wide":        conv3x3(1, 4, 40, 48, 64),
	"3x3 32 channels": conv3x3(3, 8, 8, 32, 32),
	"3x3 1 pixel":     conv3x3(3, 1, 1, 32, 64),
	"3x3 2 pixels":    conv3x3(3, 2, 2, 16, 48),
	"3x3 odd":         conv3x3(2, 7, 13, 16, 96),
	"3x3 many tiles":  conv3x3(3, 40, 38, 16, 48), // more than winogradFew and gradBlock; fewer in one image
	"3x3 channels":    conv3x3(2, 5, 6, 176, 48),  // more than are streamed at a time
	"3x3 no padding":  square(2, 9, 9, 32, 48, 3, 1, 0),
	"3x3 much padded": square(2, 5, 6, 16, 32, 3, 1, 2),
	"3x3 stride 2":    square(2, 9, 8, 16, 32, 3, 2, 1),
	"3x3 to 3":        conv3x3(1, 9, 10, 32, 3),
	"7x7 stem":        square(2, 15, 16, 3, 64, 7, 2, 3),
	"7x7 stride 1":    square(1, 9, 9, 3, 64, 7, 1, 3),
	"4x4 stride 3":    square(1, 13, 13, 6, 5, 4, 3, 2),
	"2x2 patches":     square(2, 8, 8, 4, 50, 2, 2, 0),
	"5x3 dilated": {Batch: 2, InH: 12, InW: 10, InC: 8, OutH: 9, OutW: 7, OutC: 9, KH: 5, KW: 3, StrideH: 1, StrideW: 1,
		PadTop: 3, PadLeft: 1,
		InDilH: 1, InDilW: 1, KerDilH: 2, KerDilW: 3, Groups: 1},
	"cropped": {Batch: 2, InH: 12, InW: 10, InC: 16, OutH: 6, OutW: 5, OutC: 32, KH: 3, KW: 3, StrideH: 1, StrideW: 1,
		PadTop: -2, PadLeft: -1,
		InDilH: 1, InDilW: 1, KerDilH: 1, KerDilW: 1, Groups: 1},
	"beyond the image": {Batch: 1, InH: 4, InW: 3, InC: 16, OutH: 12, OutW: 14, OutC: 32, KH: 3, KW: 3, StrideH: 1,
		StrideW: 1, PadTop: 4, PadLeft: -1,
		InDilH: 1, InDilW: 1, KerDilH: 1, KerDilW: 1, Groups: 1},
	"both dilated": {Batch: 2, InH: 5, InW: 6, InC: 7, OutH: 11, OutW: 9, OutC: 6, KH: 3, KW: 4, StrideH: 2, StrideW: 1,
		PadTop: 2, PadLeft: 3,
		InDilH: 3, InDilW: 2, KerDilH: 2, KerDilW: 1, Groups: 1},
	"groups": {Batch: 2, InH: 6, InW: 6, InC: 12, OutH: 6, OutW: 6, OutC: 105, KH: 3, KW: 3, StrideH: 1, StrideW: 1,
		PadTop: 1, PadLeft: 1,
		InDilH: 1, InDilW: 1, KerDilH: 1, KerDilW: 1, Groups: 3},
	"depthwise": {Batch: 2, InH: 6, InW: 7, InC: 19, OutH: 3, OutW: 4, OutC: 19, KH: 3, KW: 3, StrideH: 2, StrideW: 2,
		PadTop: 1, PadLeft: 1,
		InDilH: 1, InDilW: 1, KerDilH: 1, KerDilW: 1, Groups: 19},
	"depthwise grad": {Batch: 2, InH: 3, InW: 4, InC: 19, OutH: 6, OutW: 7, OutC: 19, KH: 3, KW: 3, StrideH: 1,
		StrideW: 1, PadTop: 1, PadLeft: 1,
		InDilH: 2, InDilW: 2, KerDilH: 1, KerDilW: 1, Groups: 19},
	"3x3 stride 2 by input": byInput(square(2, 9, 8, 16, 32, 3, 2, 1)),
	"1x1 stride 2 by input": byInput(square(2, 9, 8, 16, 32, 1, 2, 0)),
	"7x7 stride 2 by input": byInput(square(2, 15, 15, 4, 40, 7, 2, 3)),
	"3x3 by input":          byInput(conv3x3(1, 9, 9, 32, 48)),
}

func init() {
	for _, name := range []string{"3x3 32 channels", "4x4 stride 3", "groups", "5x3 dilated", "2x2 patches"} {
		g := geometries[name]
		if g.InH%2+g.InW%2 == 0 {
			g.Upsample = true
			geometries[name+" upsampled"] = g
		}
	}
}

// layouts are kernels in several orders in memory.
func layouts(g Geometry) map[string]KernelLayout {
	l := map[string]KernelLayout{"OIHW": OIHW(g.groupIn(), g.KH, g.KW), "HWIO": HWIO(g.groupIn(), g.OutC, g.KW)}
	if g.Groups == 1 { // what would be reversed has in and out exchanged
		l["reversed OIHW"] = OIHW(g.OutC, g.KH, g.KW).Reversed(g.KH, g.KW)
		l["reversed HWIO"] = HWIO(g.OutC, g.InC, g.KW).Reversed(g.KH, g.KW)
	}
	return l
}

// forward runs a convolution on a team of n workers between guard values.
func forward(t *testing.T, g Geometry, l KernelLayout, o Options, workers int, x, k []float32) []float32 {
	t.Helper()
	tm := team.New(workers)
	defer tm.Close()
	f := NewForward(g, l, o)
	y := guarded(g.outLen())
	scratch := guarded(f.Scratch(workers))
	if o.PackedKernel {
		packed := guarded(f.PackedSize())
		f.Pack(tm, inner(packed), k)
		k = inner(packed)
		defer checkGuards(t, "packed", packed)
	}
	f.Run(tm, inner(y), x, k, inner(scratch))
	checkGuards(t, "y", y)
	checkGuards(t, "scratch", scratch)
	return inner(y)
}

const guard = 16

func guarded(n int) []float32 {
	x := make([]float32, n+2*guard)
	for i := range x {
		x[i] = 12345
	}
	return x
}

func inner(x []float32) []float32 { return x[guard : len(x)-guard : len(x)-guard] }

func checkGuards(t *testing.T, name string, x []float32) {
	t.Helper()
	for i := range guard {
		if x[i] != 12345 || x[len(x)-1-i] != 12345 {
			t.Errorf("%s: written outside", name)
		}
	}
}

// eachLevel calls f at every level.
func eachLevel(f func(level string)) {
	defer kernel.SetLevel(kernel.Current())
	for _, l := range kernel.Levels() {
		kernel.SetLevel(l)
		f(l.String())
	}
}

// Whole numbers make the sums of the direct form exact.
func TestForwardExact(t *testing.T) {
	for name, g := range geometries {
		for layout, l := range layouts(g) {
			rng := rand.New(rand.NewPCG(1, 2))
			x, k := ints(rng, g.inLen()), ints(rng, g.kernelLen())
			want, _ := naive(g, l, x, k)
			exact := make([]float64, len(want))
			eachLevel(func(level string) {
				got := forward(t, g, l, Options{Tile: 1}, 2, x, k)
				checkNear(t, name+", "+layout+", "+level, got, want, exact)
			})
		}
	}
}

// All forms, within their bounds.
func TestForwardNormal(t *testing.T) {
	for name, g := range geometries {
		l := OIHW(g.groupIn(), g.KH, g.KW)
		rng := rand.New(rand.NewPCG(1, 2))
		x, k := normals(rng, g.inLen()), normals(rng, g.kernelLen())
		want, size := naive(g, l, x, k)
		for _, tile := range tiles(g) {
			tol := tolerance(g, l, tile, x, k, size)
			eachLevel(func(level string) {
				got := forward(t, g, l, Options{Tile: tile, PackedKernel: tile == 2}, 2, x, k)
				checkNear(t, fmt.Sprintf("%s, tile %d, %s", name, tile, level), got, want, tol)
			})
		}
	}
}

// tiles are those that suit g.
func tiles(g Geometry) []int {
	if winogradTile(g) > 1 {
		return []int{1, 2, 4}
	}
	return []int{1}
}

// An image has the same bytes in every batch, on every team, at every level with assembly, packed or not; and Done
// tells of every output once.
func TestForwardSameBytes(t *testing.T) {
	for name, g := range geometries {
		l := OIHW(g.groupIn(), g.KH, g.KW)
		rng := rand.New(rand.NewPCG(1, 2))
		g.Batch = 5
		x, k := normals(rng, g.inLen()), normals(rng, g.kernelLen())
		want := forward(t, g, l, Options{}, 1, x, k)
		for _, workers := range []int{2, 3, 5} {
			done := make([]int, g.Batch*g.OutH*g.OutW)
			o := Options{PackedKernel: workers == 2, Done: func(lo, hi, _ int) {
				for i := lo; i < hi; i++ {
					done[i]++
				}
			}}
			if got := forward(t, g, l, o, workers, x, k); !slices.Equal(got, want) {
				t.Errorf("%s: %d workers change the result", name, workers)
			}
			if slices.Min(done) != 1 || slices.Max(done) != 1 {
				t.Errorf("%s: outputs done %d to %d times", name, slices.Min(done), slices.Max(done))
			}
		}
		for _, workers := range []int{1, 3} {
			if got := forward(t, g, l, Options{Stream: true}, workers, x, k); !slices.Equal(got, want) {
				t.Errorf("%s: other bytes where the kernel is streamed, %d workers", name, workers)
			}
		}
		one := g
		one.Batch = 1
		in, out := one.inLen(), one.outLen()
		for i := range g.Batch {
			if got := forward(t, one, l, Options{}, 2, x[i*in:][:in], k); !slices.Equal(got, want[i*out:][:out]) {
				t.Errorf("%s: image %d has other bytes alone", name, i)
			}
		}
		defer kernel.SetLevel(kernel.Current())
		for _, level := range kernel.Levels()[1:] {
			kernel.SetLevel(level)
			if got := forward(t, g, l, Options{}, 2, x, k); !slices.Equal(got, want) {
				t.Errorf("%s: %v differs from %v", name, level, kernel.Levels()[len(kernel.Levels())-1])
			}
		}
	}
}

// Without images, pixels, channels or taps, outputs and gradients are zero, and Done tells of all.
func TestEmpty(t *testing.T) {
	for name, change := range map[string]func(*Geometry){
		"no images":   func(g *Geometry) { g.Batch = 0 },
		"no inputs":   func(g *Geometry) { g.InH = 0 },
		"no outputs":  func(g *Geometry) { g.OutW = 0 },
		"no channels": func(g *Geometry) { g.InC = 0 },
		"no kernels":  func(g *Geometry) { g.OutC = 0 },
		"no taps":     func(g *Geometry) { g.KH = 0 },
	} {
		for _, g := range []Geometry{conv3x3(2, 8, 8, 32, 32), conv3x3(2, 8, 8, 3, 5), square(2, 8, 8, 3, 5, 1, 1, 0),
			geometries["depthwise"]} {
			if change(&g); g.Groups > 1 && g.InC*g.OutC == 0 {
				continue
			}
			l := OIHW(g.groupIn(), g.KH, g.KW)
			done := 0
			o := Options{Done: func(lo, hi, _ int) { done += hi - lo }}
			y := forward(t, g, l, o, 2, make([]float32, g.inLen()), make([]float32, g.kernelLen()))
			dk := kernelGrad(t, g, l, Options{}, 2, make([]float32, g.inLen()), make([]float32, g.outLen()))
			for _, v := range slices.Concat(y, dk) {
				if v != 0 {
					t.Fatalf("%s: got %v", name, v)
				}
			}
			if want := g.Batch * g.OutH * g.OutW; done != want && g.OutC > 0 {
				t.Errorf("%s: %d pixels done, want %d", name, done, want)
			}
		}
	}
}

func TestForwardAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	tm := team.New(2)
	defer tm.Close()
	for name, g := range geometries {
		f := NewForward(g, OIHW(g.groupIn(), g.KH, g.KW), Options{})
		y, x, k, s := make([]float32, g.outLen()), make([]float32, g.inLen()), make([]float32, g.kernelLen()),
			make([]float32, f.Scratch(2))
		if n := testing.AllocsPerRun(10, func() { f.Run(tm, y, x, k, s) }); n >= 1 {
			t.Errorf("%s (%s): %v allocations per run", name, f.Algorithm(), n)
		}
	}
}
