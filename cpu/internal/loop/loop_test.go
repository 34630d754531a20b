package loop

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"

	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

// random makes a program over whole numbers small enough that every order of summation is exact.
func random(r *rand.Rand) Program {
	var p Program
	for range 1 + r.IntN(5) {
		p.Dims = append(p.Dims, []int{1, 2, 3, 5, 8, 17, 64}[r.IntN(7)])
	}
	for product(p.Dims) > 8000 {
		p.Dims = p.Dims[1:]
	}
	if r.IntN(3) == 0 {
		p.Row = 1 + r.IntN(len(p.Dims))
	}
	for range 1 + r.IntN(3) {
		strides := RowMajor(p.Dims)
		if r.IntN(2) == 0 { // broadcast some dimensions
			keep := make([]bool, len(p.Dims))
			for i := range keep {
				keep[i] = r.IntN(2) == 0
			}
			strides = keptStrides(p.Dims, keep)
		}
		t := dtypes.Float32
		if r.IntN(5) == 0 {
			t = dtypes.Bool
		}
		p.In = append(p.In, Input{Type: t, Offset: r.IntN(3), Strides: strides})
	}
	pick := func() int { return r.IntN(len(p.In) + len(p.Code)) }
	for range 1 + r.IntN(6) {
		ops := []Op{Const, Add, Add, Sub, Max, Gt, Select, Neg, Mul}
		if p.Row > 0 {
			ops = append(ops, RowMax, RowMax)
		}
		ins := Instr{Op: ops[r.IntN(len(ops))], A: pick(), B: pick(), C: pick(), S: float32(r.IntN(5) - 2)}
		if ins.Op == Mul && slices.ContainsFunc(p.Code, func(i Instr) bool { return i.Op == Mul }) {
			ins.Op = Add // products of products would leave the exact range
		}
		p.Code = append(p.Code, ins)
	}
	mask := make([]bool, len(p.Dims))
	for i := range mask {
		mask[i] = r.IntN(2) == 0
	}
	for range 1 + r.IntN(3) {
		o := Output{Type: dtypes.Float32, Reg: pick()}
		if p.Row == 0 && r.IntN(2) == 0 {
			o.Reduce, o.Reduced = []Op{RowSum, RowMax}[r.IntN(2)], mask
		}
		p.Out = append(p.Out, o)
	}
	return p
}

// run runs a program on data derived from r, and returns its outputs, with the wanted ones.
func run(t *testing.T, p Program, r *rand.Rand, workers int) (got [][]float32, want [][]float64) {
	t.Helper()
	tm := team.New(workers)
	defer tm.Close()
	var data []Data
	var in64 [][]float64
	for _, input := range p.In {
		size := input.Offset + 1
		for i, d := range p.Dims {
			size += (d - 1) * input.Strides[i]
		}
		x, b, x64 := make([]float32, size), make([]bool, size), make([]float64, size)
		for i := range x {
			v := r.IntN(7) - 3
			x[i], x64[i] = float32(v), float64(v)
			if input.Type == dtypes.Bool {
				b[i], x64[i] = v > 0, 0
				if v > 0 {
					x64[i] = 1
				}
			}
		}
		in64 = append(in64, x64)
		if input.Type == dtypes.Bool {
			data = append(data, Data(boolBytes(b)))
		} else {
			data = append(data, Floats(x))
		}
	}
	want = naive(p, in64)
	var out []Data
	const guard = 12345
	for _, w := range want {
		o := make([]float32, len(w)+1)
		o[len(w)] = guard
		got = append(got, o)
		out = append(out, Floats(o)[:4*len(w)])
	}
	l := New(p)
	scratch := make([]float32, l.Scratch(workers))
	l.Run(tm, out, data, scratch)
	for k := range got {
		n := len(want[k])
		if got[k][n] != guard {
			t.Errorf("output %d: wrote past its end", k)
		}
		got[k] = got[k][:n]
	}
	return got, want
}

func boolBytes(b []bool) []byte {
	out := make([]byte, len(b))
	for i, v := range b {
		if v {
			out[i] = 1
		}
	}
	return out
}

// FuzzRun compares random programs with their definition.
func FuzzRun(f *testing.F) {
	for seed := range uint64(400) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := random(r)
		got, want := run(t, p, r, 1+int(seed%3))
		for k := range want {
			for i := range want[k] {
				if float64(got[k][i]) != want[k][i] {
					t.Fatalf("seed %d: output %d, element %d: got %v, want %v\n%s", seed, k, i, got[k][i], want[k][i],
						dump(p))
				}
			}
		}
	})
}

func dump(p Program) string {
	s := fmt.Sprintln("dims", p.Dims, "row", p.Row)
	for _, in := range p.In {
		s += fmt.Sprintln("in", in.Type, in.Offset, in.Strides)
	}
	for i, ins := range p.Code {
		s += fmt.Sprintln(len(p.In)+i, ins.Op, ins.A, ins.B, ins.C, ins.S)
	}
	for _, o := range p.Out {
		s += fmt.Sprintln("out", o.Reg, o.Reduce, o.Reduced)
	}
	return s
}

// TestSums: reductions over many elements, cut in parts, with every level and number of workers.
func TestSums(t *testing.T) {
	before := kernel.Current()
	defer kernel.SetLevel(before)
	for _, dims := range [][]int{{3, 64, 64, 16}, {2, 5000, 3}, {70000}, {100, 700}, {4, 3, 5000},
		{7, 3, 2, 3, 2, 32}} {
		for mask := range 1 << len(dims) {
			reduced := make([]bool, len(dims))
			for i := range reduced {
				reduced[i] = mask>>i&1 == 1
			}
			p := Program{
				Dims: dims, In: []Input{{Type: dtypes.Float32, Strides: RowMajor(dims)}},
				Code: []Instr{{Op: Add, A: 0, B: 0}},
				Out:  []Output{{Type: dtypes.Float32, Reg: 1, Reduce: RowSum, Reduced: reduced}},
			}
			for _, level := range kernel.Levels() {
				kernel.SetLevel(level)
				got, want := run(t, p, rand.New(rand.NewPCG(1, 2)), 1+mask%3)
				for i := range want[0] {
					if float64(got[0][i]) != want[0][i] {
						t.Fatalf("%v reduced %v, %v: element %d: got %v, want %v", dims, reduced, level, i, got[0][i],
							want[0][i])
					}
				}
			}
		}
	}
}

// TestSumsDoNotDependOnBatch: the sums of the first image are the same bytes in a batch of one and of seven.
func TestSumsDoNotDependOnBatch(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, 7*70*90*12)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	for _, reduced := range [][]bool{{false, true, true, false}, {false, true, true, true}, {false, false, true, true},
		{false, false, false, true}} {
		var first []float32
		for _, c := range []struct{ batch, workers int }{{1, 1}, {7, 1}, {1, 3}, {7, 2}, {3, 5}} {
			dims := []int{c.batch, 70, 90, 12}
			p := Program{
				Dims: dims, In: []Input{{Type: dtypes.Float32, Strides: RowMajor(dims)}},
				Code: []Instr{{Op: Mul, A: 0, B: 0}},
				Out:  []Output{{Type: dtypes.Float32, Reg: 1, Reduce: RowSum, Reduced: reduced}},
			}
			n := 1
			for i, d := range dims {
				if !reduced[i] {
					n *= d
				}
			}
			out := make([]float32, n)
			l, tm := New(p), team.New(c.workers)
			l.Run(tm, []Data{Floats(out)}, []Data{Floats(x)}, make([]float32, l.Scratch(c.workers)))
			tm.Close()
			if first == nil {
				first = out
			}
			if !slices.Equal(first, out[:len(first)]) {
				t.Errorf("reduced %v: batch %d, %d workers: other bytes than alone", reduced, c.batch, c.workers)
			}
		}
	}
}

// TestBlocks runs a program block by block, in any order, and in place.
func TestBlocks(t *testing.T) {
	for _, dims := range [][]int{{2, 6, 40}, {3, 4, 2000}, {5, 1, 1}, {2, 3, 16, 8}} {
		block := dims[len(dims)-1]
		for row := range 2 {
			bias := make([]int, len(dims))
			bias[len(dims)-1] = 1
			p := Program{
				Dims: dims, Block: block, Row: row,
				In:   []Input{{Type: dtypes.Float32, Strides: RowMajor(dims)}, {Type: dtypes.Float32, Strides: bias}},
				Code: []Instr{{Op: Add, A: 0, B: 1}, {Op: Neg, A: 2}},
				Out:  []Output{{Type: dtypes.Float32, Reg: 3}},
			}
			x, b := make([]float32, product(dims)), make([]float32, block)
			want := make([]float32, len(x))
			for i := range x {
				x[i], b[i%block] = float32(i%13), float32(i%block)
				want[i] = -(x[i] + b[i%block])
			}
			l, tm := New(p), team.New(1)
			l.Start(tm, []Data{Floats(x)}, []Data{Floats(x), Floats(b)}, make([]float32, l.Scratch(1)))
			blocks := len(x) / block
			for lo := blocks; lo > 0; {
				hi := lo
				lo = max(0, hi-4)
				l.RunBlocks(lo, hi, 0)
			}
			tm.Close()
			if !slices.Equal(x, want) {
				t.Errorf("%v row %d: got %v, want %v", dims, row, x[:8], want[:8])
			}
		}
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	dims := []int{4, 64, 64, 32}
	p := Program{
		Dims: dims, In: []Input{{Type: dtypes.Float32, Strides: RowMajor(dims)}},
		Code: []Instr{{Op: Mul, A: 0, B: 0}, {Op: Exp, A: 1}},
		Out: []Output{
			{Type: dtypes.Float32, Reg: 2},
			{Type: dtypes.Float32, Reg: 1, Reduce: RowSum, Reduced: []bool{false, true, true, false}},
		},
	}
	l, tm := New(p), team.New(1) // more would ask package sync, which forgets what it keeps under the race detector
	defer tm.Close()
	x, y, s := make([]float32, product(dims)), make([]float32, product(dims)), make([]float32, 4*32)
	scratch := make([]float32, l.Scratch(1))
	in, out := []Data{Floats(x)}, []Data{Floats(y), Floats(s)}
	if n := testing.AllocsPerRun(20, func() { l.Run(tm, out, in, scratch) }); n >= 1 {
		t.Errorf("a run allocates %v times, want 0", n)
	}
}

func BenchmarkNormalise(b *testing.B) {
	dims := []int{8, 64 * 64, 128}
	one := []int{128, 0, 1}
	p := Program{
		Dims: dims,
		In: []Input{{Type: dtypes.Float32, Strides: RowMajor(dims)}, {Type: dtypes.Float32, Strides: one},
			{Type: dtypes.Float32, Strides: one}},
		Code: []Instr{{Op: Sub, A: 0, B: 1}, {Op: Mul, A: 3, B: 2}, {Op: Const}, {Op: Max, A: 4, B: 5}},
		Out:  []Output{{Type: dtypes.Float32, Reg: 6}},
	}
	l, tm := New(p), team.New(2)
	defer tm.Close()
	n := product(dims)
	x, y, s := make([]float32, n), make([]float32, n), make([]float32, 8*128)
	scratch := make([]float32, l.Scratch(2))
	b.SetBytes(int64(8 * n))
	for b.Loop() {
		l.Run(tm, []Data{Floats(y)}, []Data{Floats(x), Floats(s), Floats(s)}, scratch)
	}
}
