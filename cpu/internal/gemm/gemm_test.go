package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// problem is a product with its data; C has guards and gaps that must stay as they are.
type problem struct {
	s          Shape
	la, lb, lc Layout
	o          Options
	a, b, c    []float32
}

const guard = 40

// layout returns strides for a batch of matrices: rows or columns contiguous, with gaps, or neither.
func layout(rng *rand.Rand, batch, rows, cols int, kinds int) (l Layout, size int) {
	gap := rng.IntN(2) * rng.IntN(5)
	switch rng.IntN(kinds) {
	case 0:
		l = Layout{Row: cols + gap, Col: 1}
	case 1:
		l = Layout{Row: 1, Col: rows + gap}
	default:
		l = Layout{Row: 2, Col: 2*rows + gap}
	}
	one := (rows-1)*l.Row + (cols-1)*l.Col + 1
	l.Batch = max(one+gap, 1)
	switch {
	case batch > 1 && l.Row > l.Col && rng.IntN(2) == 0:
		l.Batch = max(rows*l.Row, 1)
	case batch > 1 && cols > 0 && l.Row > l.Col && rng.IntN(2) == 0: // rows of the batch interleaved, as heads are
		l.Batch = cols
		l.Row = batch*cols + gap
	}
	return l, max(0, (batch-1)*l.Batch+(rows-1)*l.Row+(cols-1)*l.Col+1)
}

func newProblem(rng *rand.Rand, s Shape, value func() float32) *problem {
	fill := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = value()
		}
		return x
	}
	p := &problem{s: s}
	p.o.Accumulate = rng.IntN(2) == 0
	var na, nb, nc int
	p.la, na = layout(rng, s.Batch, s.M, s.K, 3)
	p.lb, nb = layout(rng, s.Batch, s.K, s.N, 3)
	p.lc, nc = layout(rng, s.Batch, s.M, s.N, 2)
	if rng.IntN(3) == 0 {
		p.lb.Batch = 0
	}
	p.a, p.b, p.c = fill(na), fill(nb), fill(nc+2*guard)
	return p
}

// run returns C with its guards, and checks that Done is told every row once.
func (p *problem) run(t testing.TB, tm *team.Team, packed bool) []float32 {
	o, lb, b, lc := p.o, p.lb, p.b, p.lc
	var mu sync.Mutex
	told := make([]int, p.s.Batch*p.s.M)
	o.Done = func(lo, hi, worker int) {
		mu.Lock()
		defer mu.Unlock()
		for i := lo; i < hi; i++ {
			told[i]++
		}
		if worker < 0 || worker >= tm.Size() {
			t.Errorf("%+v: told by worker %d of %d", p.s, worker, tm.Size())
		}
	}
	if packed {
		o.PackedB = true
		b = make([]float32, PackedSize(p.s.N, p.s.K))
		PackB(b, p.b, p.s.N, p.s.K, p.lb.Row, p.lb.Col)
	}
	c := append([]float32(nil), p.c...)
	q := New(p.s, p.la, lb, lc, o)
	scratch := make([]float32, q.Scratch(tm.Size())+8)
	for i := range scratch {
		scratch[i] = float32(math.NaN())
	}
	q.Run(tm, c[guard:len(c)-guard], p.a, b, scratch[:len(scratch)-8])
	for _, x := range scratch[len(scratch)-8:] {
		if x == x {
			t.Errorf("%+v: written behind the scratch", p.s)
		}
	}
	for i, n := range told {
		if n != 1 && p.s.N > 0 {
			t.Fatalf("%+v, %+v: row %d of C was told %d times", p.s, p.lc, i, n)
		}
	}
	return c
}

// exact returns C by float64 sums, and the bound of the error of a chain of K float32 multiply-adds, fused or not.
func (p *problem) exact() (c, tol []float64) {
	c, tol = make([]float64, len(p.c)), make([]float64, len(p.c))
	for i, x := range p.c {
		c[i] = float64(x)
	}
	for n := range p.s.Batch {
		for i := range p.s.M {
			for j := range p.s.N {
				at := guard + n*p.lc.Batch + i*p.lc.Row + j*p.lc.Col
				sum, mag := 0.0, 0.0
				if p.o.Accumulate {
					sum, mag = c[at], math.Abs(c[at])
				}
				for k := range p.s.K {
					x := float64(p.a[n*p.la.Batch+i*p.la.Row+k*p.la.Col]) *
						float64(p.b[n*p.lb.Batch+k*p.lb.Row+j*p.lb.Col])
					sum, mag = sum+x, mag+math.Abs(x)
				}
				c[at], tol[at] = sum, float64(p.s.K+1)*0x1p-23*mag
			}
		}
	}
	return c, tol
}

var teams = []*team.Team{team.New(1), team.New(2), team.New(3), team.New(5)}

func check(t *testing.T, s Shape, seed uint64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 9))
	whole := newProblem(rng, s, func() float32 { return float32(rng.IntN(15) - 7) })
	normal := newProblem(rng, s, func() float32 { return float32(rng.NormFloat64()) })
	wantWhole, _ := whole.exact()
	want, tol := normal.exact()
	defer kernel.SetLevel(kernel.Current())
	var first []float32
	for _, l := range kernel.Levels() {
		kernel.SetLevel(l)
		for i, x := range whole.run(t, teams[seed%4], packable(whole) && seed%2 == 0) {
			if float64(x) != wantWhole[i] {
				t.Fatalf("%v: %+v, A %+v, B %+v, C %+v: whole numbers: C[%d] is %v, want exactly %v", l, s, whole.la,
					whole.lb, whole.lc, i-guard, x, wantWhole[i])
			}
		}
		for _, tm := range teams {
			got := normal.run(t, tm, packable(normal) && tm.Size()%2 == 0)
			for i, x := range got {
				if math.Abs(float64(x)-want[i]) > tol[i] {
					t.Fatalf("%v: %+v, A %+v, B %+v, C %+v: C[%d] is %v, want %v ± %.1e", l, s, normal.la, normal.lb,
						normal.lc, i-guard, x, want[i], tol[i])
				}
				if first != nil && l != kernel.Generic && math.Float32bits(x) != math.Float32bits(first[i]) {
					t.Fatalf("%v, %d workers: %+v: C[%d] is %v, before %v", l, tm.Size(), s, i-guard, x, first[i])
				}
			}
			if l != kernel.Generic {
				first = got
			}
		}
	}
}

// packable reports whether PackedB suits a problem: B is shared, and C has rows.
func packable(p *problem) bool {
	return p.s.Batch > 0 && p.lb.Batch == 0 && (p.lc.Col == 1 || p.s.N <= 1)
}

var shapes = []Shape{
	{1, 1, 1, 1}, {1, 1, 1, 0}, {0, 3, 4, 5}, {2, 0, 3, 4}, {2, 3, 0, 4}, {3, 5, 7, 0},
	{1, 1, 100, 300}, {3, 1, 40, 9}, {1, 100, 1, 70}, {2, 129, 33, 60}, {1, 515, 40, 70}, {2, 530, 33, 5},
	{1, 20, 40, 1100},
	{12, 24, 64, 24}, {4, 14, 96, 257}, {1, 7, 65, 1030}, {5, 15, 10, 3}, {1, 64, 31, 512}, {1, 40, 48, 1024},
}

func TestProduct(t *testing.T) {
	for i, s := range shapes {
		for seed := range uint64(3) {
			check(t, s, uint64(i)*100+seed)
		}
	}
}

func FuzzProduct(f *testing.F) {
	for i := range 16 {
		f.Add(uint8(i%3), uint16(i*7), uint16(i*5), uint16(i*11), uint64(i))
	}
	f.Fuzz(func(t *testing.T, batch uint8, m, n, k uint16, seed uint64) {
		check(t, Shape{int(batch) % 5, int(m) % 150, int(n) % 140, int(k) % 600}, seed)
	})
}

// The bytes of a row depend neither on M nor on Batch.
func TestProductSameBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n, k = 70, 700
	a, b := make([]float32, 3*600*k), make([]float32, n*k)
	for _, x := range [][]float32{a, b} {
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
	}
	var want []float32
	for _, s := range []Shape{{3, 600, n, k}, {1, 600, n, k}, {1, 100, n, k}, {40, 5, n, k}, {1, 1, n, k}} {
		for _, tm := range teams {
			p := New(s, Layout{s.M * k, k, 1}, Layout{0, 1, k}, Layout{s.M * n, n, 1}, Options{})
			c := make([]float32, s.Batch*s.M*n)
			p.Run(tm, c, a, b, make([]float32, p.Scratch(tm.Size())))
			if want == nil {
				want = c
			}
			for i, x := range c {
				if math.Float32bits(x) != math.Float32bits(want[i]) {
					t.Fatalf("%+v, %d workers: C[%d] is %v, not %v", s, tm.Size(), i, x, want[i])
				}
			}
		}
	}
}

func TestRunDoesNotAllocate(t *testing.T) {
	s := Shape{1, 600, 64, 64}
	p := New(s, Layout{0, 64, 1}, Layout{0, 64, 1}, Layout{0, 64, 1}, Options{})
	a, b, c := make([]float32, 600*64), make([]float32, 64*64), make([]float32, 600*64)
	tm := teams[1]
	scratch := make([]float32, p.Scratch(tm.Size()))
	if n := testing.AllocsPerRun(20, func() { p.Run(tm, c, a, b, scratch) }); n > 0 {
		t.Errorf("Run allocates %v times", n)
	}
}

func BenchmarkProduct(b *testing.B) {
	type load struct {
		name   string
		s      Shape
		a, b   byte // 'n' or 't'; b 'p' for packed
		stride int  // of rows of A, if not K
	}
	loads := []load{
		{"square", Shape{1, 2048, 2048, 2048}, 'n', 'n', 0},
		{"square", Shape{1, 1024, 1024, 1024}, 'n', 'n', 0},
		{"square", Shape{1, 1024, 1024, 1024}, 't', 'n', 0},
		{"square", Shape{1, 1024, 1024, 1024}, 'n', 't', 0},
		{"square", Shape{1, 512, 512, 512}, 'n', 'n', 0},
		{"square", Shape{1, 256, 256, 256}, 'n', 'n', 0},
		{"square", Shape{1, 128, 128, 128}, 'n', 'n', 0},
		{"qkv8", Shape{1, 4096, 1152, 384}, 'n', 'p', 0},
		{"qkv1", Shape{1, 512, 1152, 384}, 'n', 'p', 0},
		{"up8", Shape{1, 4096, 1536, 384}, 'n', 'p', 0},
		{"up1", Shape{1, 512, 1536, 384}, 'n', 'p', 0},
		{"down8", Shape{1, 4096, 384, 1536}, 'n', 'p', 0},
		{"down1", Shape{1, 512, 384, 1536}, 'n', 'p', 0},
		{"xlup", Shape{1, 512, 4608, 1152}, 'n', 'p', 0},
		{"xldown", Shape{1, 512, 1152, 4608}, 'n', 'p', 0},
		{"xlproj", Shape{1, 512, 1152, 1152}, 'n', 'p', 0},
		{"proj1", Shape{1, 512, 384, 384}, 'n', 'p', 0},
		{"scores", Shape{96, 256, 256, 64}, 'n', 't', 0},
		{"mix", Shape{96, 256, 64, 256}, 'n', 'n', 0},
		{"grad", Shape{1, 384, 1536, 4096}, 't', 'n', 0},
		{"row", Shape{1, 1, 2304, 384}, 'n', 'p', 0},
		{"row", Shape{1, 1, 4096, 4096}, 'n', 'n', 0},
		{"row", Shape{1, 1, 4096, 4096}, 'n', 't', 0},
		{"rows8", Shape{1, 8, 4096, 4096}, 'n', 'n', 0},
		{"rows8", Shape{1, 8, 4096, 4096}, 'n', 't', 0},
		{"column", Shape{1, 4096, 1, 4096}, 'n', 'n', 0},
		{"classes", Shape{1, 256, 10, 2048}, 'n', 't', 0},
		{"dist", Shape{1, 1300, 10, 4096}, 'n', 't', 0},
		{"thin", Shape{1, 16384, 64, 27}, 'n', 'p', 0},
	}
	peaks := map[int]float64{}
	for _, l := range loads {
		for _, tm := range teams[:2] {
			name := fmt.Sprintf("%s/%dx%dx%dx%d%c%c/workers%d", l.name, l.s.Batch, l.s.M, l.s.N, l.s.K, l.a, l.b,
				tm.Size())
			b.Run(name, func(b *testing.B) {
				s := l.s
				la, lb := Layout{s.M * s.K, s.K, 1}, Layout{s.K * s.N, s.N, 1}
				if l.a == 't' {
					la = Layout{s.M * s.K, 1, s.M}
				}
				if l.b == 't' {
					lb = Layout{s.K * s.N, 1, s.K}
				}
				p := New(s, la, lb, Layout{s.M * s.N, s.N, 1}, Options{PackedB: l.b == 'p'})
				x, y, c := make([]float32, s.Batch*s.M*s.K), make([]float32, s.Batch*s.K*(s.N+31)),
					make([]float32, s.Batch*s.M*s.N)
				for i := range x {
					x[i] = float32(i%7) - 3
				}
				for i := range y {
					y[i] = float32(i%5) - 2
				}
				scratch := make([]float32, p.Scratch(tm.Size()))
				p.Run(tm, c, x, y, scratch)
				best := time.Hour
				for b.Loop() {
					start := time.Now()
					p.Run(tm, c, x, y, scratch)
					best = min(best, time.Since(start))
				}
				// of the fastest run: the machine may be shared
				speed := 2 * float64(s.Batch*s.M*s.N*s.K) / float64(best)
				b.ReportMetric(speed, "GFLOP/s")
				if peaks[tm.Size()] == 0 {
					peaks[tm.Size()] = peak(tm)
				}
				b.ReportMetric(100*speed/peaks[tm.Size()], "%peak")
			})
		}
	}
}

// peak is the measured peak of a team: the sum over its workers, all busy.
func peak(tm *team.Team) float64 {
	var mu sync.Mutex
	sum := 0.0
	tm.For(tm.Size(), func(int, int) {
		p := kernel.FMAPeak(2e7)
		mu.Lock()
		sum += p
		mu.Unlock()
	})
	return sum
}
