package conv

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"mgd3/cpu/internal/team"
)

func BenchmarkForward(b *testing.B) {
	tm := team.New(0)
	defer tm.Close()
	for _, g := range benchmarks {
		for _, tile := range []int{1, 2, 4} {
			if tile > 1 && winogradTile(g) == 1 {
				continue
			}
			b.Run(fmt.Sprintf("%s/tile%d", describe(g), tile), func(b *testing.B) {
				f := NewForward(g, OIHW(g.InC, g.KH, g.KW), Options{Tile: tile, PackedKernel: true})
				rng := rand.New(rand.NewPCG(1, 2))
				y, x, k := make([]float32, g.outLen()), normals(rng, g.inLen()), normals(rng, g.kernelLen())
				p, s := make([]float32, f.PackedSize()), make([]float32, f.Scratch(tm.Size()))
				f.Pack(tm, p, k)
				f.Run(tm, y, x, p, s)
				start := cpuTime()
				for b.Loop() {
					f.Run(tm, y, x, p, s)
				}
				reportFlops(b, g, cpuTime()-start)
			})
		}
	}
}

// reportFlops reports the speed in operations of the direct form, by the clock and by the time of processors.
func reportFlops(b *testing.B, g Geometry, cpu time.Duration) {
	flops := 2 * float64(g.Batch*g.OutH*g.OutW) / float64(g.InDilH*g.InDilW) * float64(g.kernelLen())
	b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	b.ReportMetric(flops*float64(b.N)/cpu.Seconds()/1e9, "GFLOP/s/core")
}

func describe(g Geometry) string {
	return fmt.Sprintf("%dx%d,%d->%d,%dx%d,s%d,d%d,b%d", g.InH, g.InW, g.InC, g.OutC, g.KH, g.KW, g.StrideH, g.InDilH,
		g.Batch)
}

// benchmarks are shapes of the autoencoder, of the networks of the evaluation, and of Stable Diffusion's deep levels.
var benchmarks = []Geometry{
	conv3x3(1, 256, 256, 128, 128), conv3x3(1, 256, 256, 256, 128), conv3x3(1, 128, 128, 256, 256),
	conv3x3(1, 128, 128, 512, 512),
	conv3x3(1, 64, 64, 512, 512), conv3x3(1, 32, 32, 512, 512), conv3x3(1, 256, 256, 128, 3),
	conv3x3(1, 256, 256, 3, 128),
	conv3x3(32, 64, 64, 128, 128), conv3x3(32, 16, 16, 128, 128), conv3x3(32, 8, 8, 128, 128),
	conv3x3(32, 4, 4, 128, 128),
	conv3x3(32, 32, 32, 64, 64), conv3x3(32, 16, 16, 128, 128), conv3x3(32, 8, 8, 256, 256),
	conv3x3(32, 4, 4, 512, 512),
	square(32, 128, 128, 3, 64, 7, 2, 3), square(32, 128, 128, 3, 64, 7, 1, 3), conv3x3(32, 128, 128, 3, 128),
	square(32, 32, 32, 64, 128, 3, 2, 1), square(32, 8, 8, 256, 512, 3, 2, 1), square(32, 32, 32, 64, 128, 1, 2, 0),
	square(1, 256, 256, 256, 128, 1, 1, 0),
	conv3x3(2, 4, 4, 1280, 1280), conv3x3(2, 8, 8, 1280, 1280), conv3x3(2, 16, 16, 1280, 1280),
	byInput(square(32, 32, 32, 64, 128, 3, 2, 1)), byInput(square(32, 128, 128, 3, 64, 7, 2, 3)),
}

func BenchmarkPack(b *testing.B) {
	tm := team.New(0)
	defer tm.Close()
	for _, g := range []Geometry{conv3x3(1, 32, 32, 512, 512), conv3x3(1, 32, 32, 128, 128)} {
		for name, l := range layouts(g) {
			b.Run(fmt.Sprintf("%d/%s", g.InC, name), func(b *testing.B) {
				f := NewForward(g, l, Options{})
				k, p := make([]float32, g.kernelLen()), make([]float32, f.PackedSize())
				f.Pack(tm, p, k)
				start := cpuTime()
				for b.Loop() {
					f.Pack(tm, p, k)
				}
				b.ReportMetric(float64((cpuTime()-start).Microseconds())/float64(b.N), "cpu-µs/op")
			})
		}
	}
}

// BenchmarkStream compares the ways to read a large kernel: packed before, packed for each run, and streamed.
func BenchmarkStream(b *testing.B) {
	tm := team.New(0)
	defer tm.Close()
	for _, g := range []Geometry{
		conv3x3(2, 4, 4, 1280, 1280), conv3x3(2, 8, 8, 1280, 1280), conv3x3(2, 16, 16, 640, 640),
		conv3x3(2, 32, 32, 320, 320), conv3x3(2, 32, 32, 1280, 1280), conv3x3(2, 64, 64, 640, 640),
		conv3x3(1, 32, 32, 512, 512), conv3x3(1, 64, 64, 512, 512),
	} {
		for name, o := range map[string]Options{"before": {PackedKernel: true}, "each": {}, "stream": {Stream: true}} {
			b.Run(describe(g)+"/"+name, func(b *testing.B) {
				f := NewForward(g, OIHW(g.InC, g.KH, g.KW), o)
				rng := rand.New(rand.NewPCG(1, 2))
				y, x, k := make([]float32, g.outLen()), normals(rng, g.inLen()), normals(rng, g.kernelLen())
				s := make([]float32, f.Scratch(tm.Size()))
				if o.PackedKernel {
					p := make([]float32, f.PackedSize())
					f.Pack(tm, p, k)
					k = p
				}
				f.Run(tm, y, x, k, s)
				start := cpuTime()
				for b.Loop() {
					f.Run(tm, y, x, k, s)
				}
				reportFlops(b, g, cpuTime()-start)
			})
		}
	}
}
