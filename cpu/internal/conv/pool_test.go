package conv

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mgd3/cpu/internal/team"
)

// pool2 is a pool with a square window, stride and padding.
func pool2(b, h, w, c, size, stride, pad int) Geometry {
	return square(b, h, w, c, c, size, stride, pad)
}

var pools = map[string]Geometry{
	"2x2":            pool2(3, 8, 6, 19, 2, 2, 0),
	"2x2 odd":        pool2(3, 9, 7, 19, 2, 2, 0),
	"3x3 stride 2":   pool2(2, 9, 9, 130, 3, 2, 1),
	"4x4":            pool2(2, 8, 8, 7, 4, 4, 0),
	"5x5 stride 1":   pool2(1, 7, 7, 70, 5, 1, 2),
	"whole image":    pool2(2, 6, 6, 64, 6, 1, 0),
	"far outside":    pool2(1, 3, 3, 5, 2, 2, 4),
	"2x2 by input":   byInput(pool2(2, 8, 8, 9, 2, 2, 0)),
	"3x3s2 by input": byInput(pool2(2, 9, 9, 9, 3, 2, 1)),
	"dilated windows": {Batch: 2, InH: 9, InW: 9, InC: 5, OutH: 5, OutW: 5, OutC: 5, KH: 3, KW: 3, StrideH: 1,
		StrideW: 1, InDilH: 1, InDilW: 1, KerDilH: 2, KerDilW: 2, Groups: 1},
}

// eachWindow calls f(iy, indices of x in the window) for every output, in order.
func eachWindow(g Geometry, f func(iy int, xs []int)) {
	for iy := range g.outLen() {
		c, ow, oh, b := iy%g.InC, iy/g.InC%g.OutW, iy/g.InC/g.OutW%g.OutH, iy/g.InC/g.OutW/g.OutH
		var xs []int
		for t := range g.KH * g.KW {
			h, w := oh*g.StrideH+t/g.KW*g.KerDilH-g.PadTop, ow*g.StrideW+t%g.KW*g.KerDilW-g.PadLeft
			if h >= 0 && w >= 0 && h%g.InDilH == 0 && w%g.InDilW == 0 && h/g.InDilH < g.InH && w/g.InDilW < g.InW {
				xs = append(xs, ((b*g.InH+h/g.InDilH)*g.InW+w/g.InDilW)*g.InC+c)
			}
		}
		f(iy, xs)
	}
}

func TestPool(t *testing.T) {
	eachLevel(func(level string) {
		for name, g := range pools {
			for op := PoolSum; op <= PoolMin; op++ {
				x := ints(rand.New(rand.NewPCG(1, 2)), g.inLen())
				want := make([]float32, g.outLen())
				eachWindow(g, func(iy int, xs []int) {
					y := []float32{0, float32(math.Inf(-1)), float32(math.Inf(1))}
					for _, i := range xs {
						y[PoolSum] += x[i]
						y[PoolMax], y[PoolMin] = max(y[PoolMax], x[i]), min(y[PoolMin], x[i])
					}
					want[iy] = y[op] * 0.25
				})
				for _, workers := range []int{1, 2, 5} {
					tm := team.New(workers)
					y := guarded(g.outLen())
					NewPool(g, op, 0.25).Run(tm, inner(y), x)
					tm.Close()
					checkGuards(t, name, y)
					if !slices.Equal(inner(y), want) {
						t.Errorf("%s, op %d, %d workers, %s: wrong", name, op, workers, level)
					}
				}
			}
		}
	})
}

// Small whole numbers make many ties, of which the first wins.
func TestPoolGrad(t *testing.T) {
	for name, g := range pools {
		if g.InDilH*g.KerDilH != 1 {
			continue
		}
		for _, op := range []PoolOp{PoolMax, PoolMin} {
			rng := rand.New(rand.NewPCG(1, 2))
			x, dy := ints(rng, g.inLen()), ints(rng, g.outLen())
			x[len(x)/2] = float32(math.NaN())
			want := make([]float32, g.inLen())
			eachWindow(g, func(iy int, xs []int) {
				if len(xs) == 0 {
					return
				}
				best := xs[0]
				for _, i := range xs[1:] {
					if better := x[i] > x[best]; x[i] != x[i] || op == PoolMax && better || op == PoolMin &&
						x[i] < x[best] {
						best = i
					}
				}
				want[best] += dy[iy]
			})
			for _, workers := range []int{1, 2, 5} {
				tm := team.New(workers)
				dx := guarded(g.inLen())
				NewPoolGrad(g, op).Run(tm, inner(dx), x, dy)
				tm.Close()
				checkGuards(t, name, dx)
				if !slices.Equal(inner(dx), want) {
					t.Errorf("%s, op %d, %d workers: wrong", name, op, workers)
				}
			}
		}
	}
}

func TestPoolAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	tm := team.New(2)
	defer tm.Close()
	g := pools["3x3 stride 2"]
	x, y := make([]float32, g.inLen()), make([]float32, g.outLen())
	p, d := NewPool(g, PoolSum, 1), NewPoolGrad(g, PoolMax)
	if n := testing.AllocsPerRun(10, func() { p.Run(tm, y, x); d.Run(tm, x, x, y) }); n >= 1 {
		t.Errorf("%v allocations per run", n)
	}
}

func BenchmarkPool(b *testing.B) {
	tm := team.New(0)
	defer tm.Close()
	for _, g := range []Geometry{pool2(32, 128, 128, 128, 2, 2, 0), byInput(pool2(32, 128, 128, 128, 2, 2, 0)),
		pool2(32, 64, 64, 64, 3, 2, 1)} {
		x, y, dx := normals(rand.New(rand.NewPCG(1, 2)), g.inLen()), make([]float32, g.outLen()),
			make([]float32, g.inLen())
		p := NewPool(g, PoolSum, 0.25)
		b.Run("sum/"+describe(g), func(b *testing.B) {
			b.SetBytes(int64(4 * (len(x) + len(y))))
			p.Run(tm, y, x)
			start := cpuTime()
			for b.Loop() {
				p.Run(tm, y, x)
			}
			b.ReportMetric(float64((cpuTime()-start).Milliseconds())/float64(b.N), "cpu-ms/op")
		})
		if g.InDilH > 1 {
			continue
		}
		d := NewPoolGrad(g, PoolMax)
		b.Run("maxgrad/"+describe(g), func(b *testing.B) {
			b.SetBytes(int64(4 * (2*len(x) + len(y))))
			d.Run(tm, dx, x, y)
			start := cpuTime()
			for b.Loop() {
				d.Run(tm, dx, x, y)
			}
			b.ReportMetric(float64((cpuTime()-start).Milliseconds())/float64(b.N), "cpu-ms/op")
		})
	}
}
