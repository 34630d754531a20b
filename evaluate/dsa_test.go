package evaluate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mgd3/weights"
)

// TestDSAGolden: each strategy at given numbers is that of PyTorch.
func TestDSAGolden(t *testing.T) {
	tree, err := weights.OpenTree("testdata/dsa.pt")
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	golden := map[string][]float32{}
	for _, item := range tree.Value.([]weights.Item) {
		if golden[item.Key.(string)], err = item.Value.(weights.Tensor).Float32s(); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	check := func(key string, n int, change func(x []float32)) {
		t.Helper()
		x := slices.Clone(golden[fmt.Sprintf("x%d", n)])
		change(x)
		want := golden[key]
		if len(want) != len(x) {
			t.Fatalf("no golden %q", key)
		}
		seen++
		for i := range x {
			// numbers up to 3 in float32, some tens of roundings
			if d := math.Abs(float64(x[i] - want[i])); d > 5e-6 {
				t.Errorf("%s: value %d is %v, want %v", key, i, x[i], want[i])
				return
			}
		}
	}
	for _, n := range []int{8, 7} {
		check(fmt.Sprintf("color%d", n), n, func(x []float32) { recolour(x, n, 0.4, 0.6, 0.7) })
		for _, d := range [][2]int{{1, -1}, {-1, 0}} {
			check(fmt.Sprintf("crop%d%d%d", n, d[0], d[1]), n, func(x []float32) { move(x, n, d[0], d[1]) })
		}
		for _, o := range [][2]int{{0, n - 1}, {3, 4}} {
			check(fmt.Sprintf("cutout%d%d%d", n, o[0], o[1]), n, func(x []float32) { maskOut(x, n, 4, o[0], o[1]) })
		}
		check(fmt.Sprintf("flip%d", n), n, func(x []float32) { planes{n, n, x}.flip() })
		sin, cos := math.Sincos(0.2)
		for align, text := range map[bool]string{false: "False", true: "True"} {
			check(fmt.Sprintf("scale%d%s", n, text), n, func(x []float32) {
				warp(x, n, [4]float64{1.1, 0, 0, 0.85},
					align)
			})
			check(fmt.Sprintf("rotate%d%s", n, text), n, func(x []float32) {
				warp(x, n, [4]float64{cos, -sin, sin, cos},
					align)
			})
		}
	}
	if want := len(golden) - 2; seen != want {
		t.Errorf("compared %d goldens of %d", seen, want)
	}
}

// TestDSADraws: whatever is drawn, an image stays one of numbers, and every strategy changes some of 20.
func TestDSADraws(t *testing.T) {
	for i, strategy := range strategies {
		changed := false
		for seed := range uint64(20) {
			x := make([]float32, 3*9*9)
			for j := range x {
				x[j] = float32(j%7) - 3
			}
			was := slices.Clone(x)
			strategy(dsa(true), x, 9, rand.New(rand.NewPCG(seed, 0)))
			changed = changed || !slices.Equal(x, was)
			for _, v := range x {
				if math.IsNaN(float64(v)) || math.Abs(float64(v)) > 20 {
					t.Fatalf("strategy %d, seed %d: value %v", i, seed, v)
				}
			}
		}
		if !changed {
			t.Errorf("strategy %d changed nothing", i)
		}
	}
}
