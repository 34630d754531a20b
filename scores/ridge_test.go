package scores

import (
	"math"
	"slices"
	"testing"

	"mgd3/matrix"
)

func kernelRidge(t *testing.T, real, syn []matrix.Matrix) float64 {
	t.Helper()
	v, err := KernelRidge(t.Context(), real, syn)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestKernelRidge(t *testing.T) {
	left, right := line(-3, -2, -1), line(1, 2, 3)
	two := []matrix.Matrix{left, right}
	for _, c := range []struct {
		name string
		syn  []matrix.Matrix
		want float64
	}{
		{"where they are", []matrix.Matrix{line(-2), line(2)}, 1},
		{"exchanged", []matrix.Matrix{line(2), line(-2)}, 0},
		// the nearer one is the first class's, and all are nearer to it
		{"to the right of both", []matrix.Matrix{line(5), line(6)}, 0.5},
		{"the same", []matrix.Matrix{line(0), line(0)}, 0.5}, // both are equal: the first class is told
		// One wrong sample among right ones does not turn its neighbours, as it would turn the nearest neighbour's.
		{"a wrong one among right ones", []matrix.Matrix{line(-2.2, -2.1, -1.9, -1.8), line(-2, 1.8, 2, 2.2)}, 1},
	} {
		if got := kernelRidge(t, two, c.syn); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
	if got := kernelRidge(t, []matrix.Matrix{left}, []matrix.Matrix{line(7)}); got != 1 {
		t.Errorf("one class: got %v, want 1", got)
	}
}

// TestTeachByHand: of two samples, one of each class, with kernel k between them, the weights solve
// (1.1 k; k 1.1) a = (½, −½), so they are ±½/(1.1 − k).
func TestTeachByHand(t *testing.T) {
	a, err := teach(t.Context(), line(0, 1), []int{0, 1}, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := 0.5 / (1.1 - math.Exp(-0.5))
	for i, sign := range []float64{1, -1} {
		for c, other := range []float64{1, -1} {
			if got := a.At(i, c); math.Abs(got-sign*other*want) > 1e-14 { // a handful of roundings of numbers near 1
				t.Errorf("weight %d, %d is %v, want %v", i, c, got, sign*other*want)
			}
		}
	}
}

// TestKernelRidgeOfRealSamples: real samples teach about themselves, more of them more, and the inputs stay as they
// are.
func TestKernelRidgeOfRealSamples(t *testing.T) {
	const d = 20
	real := []matrix.Matrix{normals(1, 200, d, 0), normals(2, 200, d, 0.5)}
	before := slices.Clone(real[1].Data)
	few := kernelRidge(t, real, []matrix.Matrix{normals(3, 2, d, 0), normals(4, 2, d, 0.5)})
	many := kernelRidge(t, real, []matrix.Matrix{normals(3, 100, d, 0), normals(4, 100, d, 0.5)})
	// The best of all classifiers errs beyond √20/4 = 1.1 deviations: 13 %.
	if !(few > 0.5 && many > few && many < 0.9) {
		t.Errorf("2 samples teach %v, 100 %v; want more than chance, more, and less than 0.9", few, many)
	}
	if !slices.Equal(real[1].Data, before) {
		t.Error("the real samples were changed")
	}
	scaled := make([]matrix.Matrix, 2)
	for c := range scaled {
		scaled[c] = matrix.Matrix{Rows: 200, Cols: d, Data: slices.Clone(real[c].Data)}
		for i := range scaled[c].Data {
			scaled[c].Data[i] = 4*scaled[c].Data[i] + 8
		}
	}
	if one, other := kernelRidge(t, real, []matrix.Matrix{real[0].Slice(0, 10), real[1].Slice(0, 10)}),
		kernelRidge(t, scaled, []matrix.Matrix{scaled[0].Slice(0, 10),
			scaled[1].Slice(0, 10)}); math.Abs(one-other) > 0.005 {
		t.Errorf("in other units: got %v, want %v", other, one) // but for a sample or two on the border
	}
}

func TestKernelRidgeRefuses(t *testing.T) {
	x := line(1, 2)
	for name, c := range map[string][2][]matrix.Matrix{
		"no class":      {nil, nil},
		"other classes": {{x, x}, {x}},
		"an empty one":  {{x}, {{Cols: 1}}},
		"wider":         {{x}, {{Rows: 1, Cols: 2, Data: []float32{1, 2}}}},
		"not finite":    {{x}, {line(float32(math.NaN()))}},
	} {
		if _, err := KernelRidge(t.Context(), c[0], c[1]); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
