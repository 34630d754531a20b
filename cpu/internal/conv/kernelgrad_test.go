package conv

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// kernelGrad runs the gradient on a team of n workers between guard values.
func kernelGrad(t *testing.T, g Geometry, l KernelLayout, o Options, workers int, x, dy []float32) []float32 {
	t.Helper()
	tm := team.New(workers)
	defer tm.Close()
	f := NewKernelGrad(g, l, o)
	dk, scratch := guarded(g.kernelLen()), guarded(f.Scratch(workers))
	f.Run(tm, inner(dk), x, dy, inner(scratch))
	checkGuards(t, "dk", dk)
	checkGuards(t, "scratch", scratch)
	return inner(dk)
}

func gradGeometries() map[string]Geometry {
	m := maps.Clone(geometries)
	maps.DeleteFunc(m, func(_ string, g Geometry) bool { return g.Upsample })
	return m
}

func TestKernelGradExact(t *testing.T) {
	for name, g := range gradGeometries() {
		for layout, l := range layouts(g) {
			rng := rand.New(rand.NewPCG(1, 2))
			x, dy := ints(rng, g.inLen()), ints(rng, g.outLen())
			want, _ := naiveKernelGrad(g, l, x, dy)
			exact := make([]float64, len(want))
			eachLevel(func(level string) {
				got := kernelGrad(t, g, l, Options{Tile: 1}, 2, x, dy)
				checkNear(t, name+", "+layout+", "+level, got, want, exact)
			})
		}
	}
}

func TestKernelGradNormal(t *testing.T) {
	for name, g := range gradGeometries() {
		l := OIHW(g.groupIn(), g.KH, g.KW)
		rng := rand.New(rand.NewPCG(1, 2))
		x, dy := normals(rng, g.inLen()), normals(rng, g.outLen())
		want, size := naiveKernelGrad(g, l, x, dy)
		for _, tile := range tiles(g) {
			tol := gradTolerance(g, l, tile, x, dy, size)
			eachLevel(func(level string) {
				got := kernelGrad(t, g, l, Options{Tile: tile}, 2, x, dy)
				checkNear(t, fmt.Sprintf("%s, tile %d, %s", name, tile, level), got, want, tol)
			})
		}
	}
}

func TestKernelGradSameBytes(t *testing.T) {
	for name, g := range gradGeometries() {
		g.Batch = 5
		l := OIHW(g.groupIn(), g.KH, g.KW)
		rng := rand.New(rand.NewPCG(1, 2))
		x, dy := normals(rng, g.inLen()), normals(rng, g.outLen())
		want := kernelGrad(t, g, l, Options{}, 1, x, dy)
		for _, workers := range []int{2, 3, 5} {
			if got := kernelGrad(t, g, l, Options{}, workers, x, dy); !slices.Equal(got, want) {
				t.Errorf("%s: %d workers change the result", name, workers)
			}
		}
		defer kernel.SetLevel(kernel.Current())
		for _, level := range kernel.Levels()[1:] {
			kernel.SetLevel(level)
			if got := kernelGrad(t, g, l, Options{}, 2, x, dy); !slices.Equal(got, want) {
				t.Errorf("%s: %v differs from %v", name, level, kernel.Levels()[len(kernel.Levels())-1])
			}
		}
	}
}

func TestKernelGradAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	tm := team.New(2)
	defer tm.Close()
	for name, g := range gradGeometries() {
		f := NewKernelGrad(g, OIHW(g.groupIn(), g.KH, g.KW), Options{})
		dy, x, dk, s := make([]float32, g.outLen()), make([]float32, g.inLen()), make([]float32, g.kernelLen()),
			make([]float32, f.Scratch(2))
		if n := testing.AllocsPerRun(10, func() { f.Run(tm, dk, x, dy, s) }); n >= 1 {
			t.Errorf("%s (%s): %v allocations per run", name, f.Algorithm(), n)
		}
	}
}

func BenchmarkKernelGrad(b *testing.B) {
	tm := team.New(0)
	defer tm.Close()
	for _, g := range benchmarks {
		if g.Batch == 1 || g.InDilH > 1 {
			continue
		}
		for _, tile := range []int{1, 2, 4} {
			if tile > 1 && winogradTile(g) == 1 {
				continue
			}
			b.Run(fmt.Sprintf("%s/tile%d", describe(g), tile), func(b *testing.B) {
				f := NewKernelGrad(g, OIHW(g.InC, g.KH, g.KW), Options{Tile: tile})
				rng := rand.New(rand.NewPCG(1, 2))
				dy, x, dk, s := normals(rng, g.outLen()), normals(rng, g.inLen()), make([]float32, g.kernelLen()),
					make([]float32, f.Scratch(tm.Size()))
				f.Run(tm, dk, x, dy, s)
				start := cpuTime()
				for b.Loop() {
					f.Run(tm, dk, x, dy, s)
				}
				reportFlops(b, g, cpuTime()-start)
			})
		}
	}
}
