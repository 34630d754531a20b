package distill

import (
	"math"
	"slices"
	"testing"

	"mgd3/diffusion"
	"mgd3/matrix"
)

// TestByClass: two modes at ±1 with as many images are as complex as can be: C = 1, H = ln 2. So with LO:HI = 0.1:0.3
// λ = 0.1 + 0.2/(1 + e^−5), and of 50 steps G = 50·(1 − e^(−0.316·√2/2)) + 0.3·50 = 25.01 are guided: stop is 24.
func TestByClass(t *testing.T) {
	two := &classModes{Sizes: []int64{4, 4}, Centres: matrix.Matrix{Rows: 2, Cols: 1, Data: []float32{1, -1}}}
	one := &classModes{Sizes: []int64{8}, Centres: matrix.Matrix{Rows: 1, Cols: 1, Data: []float32{1}}}
	if c, h := two.complexity(); math.Abs(c-1) > 1e-12 || math.Abs(h-math.Ln2) > 1e-12 {
		t.Errorf("two modes: got C = %v, H = %v, want 1 and ln 2", c, h)
	}
	if c, h := one.complexity(); c != 0 || h != 0 {
		t.Errorf("one mode: got C = %v, H = %v, want 0 and 0", c, h)
	}
	timesteps := make([]int, 50)
	for i := range timesteps {
		timesteps[i] = 20 * i
	}
	s := SampleSettings{Adaptive: Range{Lo: 0.1, Hi: 0.3}, StopByClass: true}
	s.Rule, s.Lambda, s.Stop = diffusion.DDPM, 7, 7
	own := s.ofClass(two, timesteps)
	if want := 0.1 + 0.2/(1+math.Exp(-5)); math.Abs(own.Lambda-want) > 1e-12 || own.Stop != 24 {
		t.Errorf("got λ %v and stop %d, want %v and 24", own.Lambda, own.Stop, want)
	}
	s.Rule = diffusion.DPM2M // whose stop counts timesteps
	if own := s.ofClass(two, timesteps); own.Stop != 480 {
		t.Errorf("got stop %d, want 480", own.Stop)
	}
	s = SampleSettings{Adaptive: Range{Lo: 0.2, Hi: 0.2}}
	s.Stop = 7
	if own := s.ofClass(one, timesteps); own.Lambda != 0.2 || own.Stop != 7 {
		t.Errorf("equal ends: got λ %v and stop %d, want 0.2 and 7", own.Lambda, own.Stop)
	}
}

func TestShares(t *testing.T) {
	for _, c := range []struct {
		sizes []int
		ipc   int
		want  []int
	}{
		{[]int{53, 24, 23}, 7, []int{3, 2, 2}},
		{[]int{9, 3}, 4, []int{3, 1}},
		{[]int{10, 0}, 5, []int{4, 1}},
		{[]int{5, 5, 5}, 3, []int{1, 1, 1}},
		{[]int{5, 5, 5}, 4, []int{2, 1, 1}}, // the first of equals
	} {
		if got := shares(c.sizes, c.ipc); !slices.Equal(got, c.want) {
			t.Errorf("%v, %d images: got %v, want %v", c.sizes, c.ipc, got, c.want)
		}
	}
}
