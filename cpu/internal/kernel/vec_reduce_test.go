package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestReduce compares with float64. A sum of n terms in 64 lanes has at most n/64 + 7 additions behind each term,
// a term at most two roundings of its own: the error is at most (n/64 + 9)·2^-24 of the sum of absolute values.
func TestReduce(t *testing.T) {
	defer SetLevel(Current())
	for _, l := range Levels() {
		SetLevel(l)
		rng := rand.New(rand.NewPCG(5, 6))
		for n := range 300 {
			x, y := source{rng, 1}.slice(n), source{rng, 1}.slice(n)
			for _, c := range []struct {
				name string
				got  float32
				term func(i int) float64
			}{
				{"Sum", Sum(x), func(i int) float64 { return float64(x[i]) }},
				{"SumSquares", SumSquares(x), func(i int) float64 { return float64(x[i]) * float64(x[i]) }},
				{"Dot", Dot(x, y), func(i int) float64 { return float64(x[i]) * float64(y[i]) }},
			} {
				want, size := 0.0, 0.0
				for i := range n {
					want += c.term(i)
					size += math.Abs(c.term(i))
				}
				if tol := (float64(n)/64 + 9) * 0x1p-24 * size; math.Abs(float64(c.got)-want) > tol {
					t.Errorf("%v: %s of %d: %v, want %v ± %.1e", l, c.name, n, c.got, want, tol)
				}
			}
		}
	}
}

func TestReduceEdges(t *testing.T) {
	defer SetLevel(Current())
	inf, nan, minus := float32(math.Inf(1)), float32(math.NaN()), float32(math.Copysign(0, -1))
	for _, l := range Levels() {
		SetLevel(l)
		for _, c := range []struct {
			name string
			f    func(x []float32) float32
			x    []float32
			want float32
		}{
			{"Sum", Sum, nil, 0}, {"Sum", Sum, []float32{minus}, 0}, {"Sum", Sum, []float32{3}, 3},
			{"Sum", Sum, []float32{inf, -inf}, nan},
			{"Prod", Prod, nil, 1}, {"Prod", Prod, []float32{2, 3, 7}, 42},
			{"ReduceMax", ReduceMax, nil, -inf}, {"ReduceMax", ReduceMax, []float32{-2, -1, -3}, -1},
			{"ReduceMax", ReduceMax, []float32{minus, -1}, 0}, {"ReduceMax", ReduceMax, []float32{nan, inf}, nan},
			{"ReduceMin", ReduceMin, nil, inf}, {"ReduceMin", ReduceMin, []float32{2, 1, 3}, 1},
			{"ReduceMin", ReduceMin, []float32{minus, 1}, 0}, {"ReduceMin", ReduceMin, []float32{-inf, nan}, nan},
		} {
			if got := c.f(c.x); !sameBits(got, c.want) {
				t.Errorf("%v: %s(%v) = %v, want %v", l, c.name, c.x, got, c.want)
			}
		}
		x := make([]float32, 1000)
		for i := range x {
			x[i] = nan // alone at every place
			if m := ReduceMax(x); m == m {
				t.Fatalf("%v: the maximum loses a NaN at %d", l, i)
			}
			x[i] = 0
		}
	}
}

func TestShortInputPanics(t *testing.T) {
	x, y := make([]float32, 4), make([]float32, 5)
	for name, f := range map[string]func(){
		"Add":     func() { Add(y, y, x) },
		"Exp":     func() { Exp(y, x) },
		"Pow":     func() { Pow(y, y, x) },
		"Dot":     func() { Dot(y, x) },
		"SumRows": func() { SumRows(x, y, 2, 4) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s with a short input did not panic", name)
				}
			}()
			f()
		}()
	}
}
