package modes

import (
	"reflect"
	"slices"
	"testing"

	"mgd3/rng"
)

// Three latents, seven modes: three modes are the latents, four repeat some and own nothing.
func TestShortRepeat(t *testing.T) {
	x := wholes(rng.Stream(1, "short"), 3, 6)
	for _, method := range allMethods {
		c := discover(t, x, 7, Options{Method: method, Short: ShortRepeat})
		if c.Inertia != 0 || slices.Max(c.Sizes[3:]) != 0 {
			t.Errorf("%s: inertia %v, cluster sizes %v, want 0 and none from the fourth on", method, c.Inertia, c.Sizes)
		}
		for j := range 7 {
			if !slices.Equal(c.Centres.Row(j), x.Row(c.Nearest[j])) {
				t.Errorf("%s: centre %d is not a latent", method, j)
			}
		}
	}
	enough := discover(t, x, 2, Options{Short: ShortRepeat})
	if want := discover(t, x, 2, Options{}); !reflect.DeepEqual(enough, want) {
		t.Error("repeat changes a class that is not short")
	}
}

// The fill-ups are drawn evenly: of 3000, each of 3 latents gets 1000 ± 130, which is five
// standard deviations.
func TestShortRepeatIsFair(t *testing.T) {
	x := table([]float32{1}, []float32{2}, []float32{3})
	drawn := make([]int, 3)
	for _, i := range discover(t, x, 3003, Options{Short: ShortRepeat}).Nearest[3:] {
		drawn[i]++
	}
	if slices.Min(drawn) < 870 || slices.Max(drawn) > 1130 {
		t.Errorf("the latents were drawn %v times, want 1000 ± 130 each", drawn)
	}
}

// 20 latents, 4 of them distinct, 6 modes: the distinct ones are modes, two more repeat the
// mode that owns most.
func TestFewerDistinctLatentsThanModes(t *testing.T) {
	distinct := wholes(rng.Stream(1, "distinct"), 4, 8)
	var rows []int
	for i := range 20 {
		rows = append(rows, min(i/2, 3)) // 2, 2, 2 and 14 of them
	}
	x := distinct.Pick(rows)
	for _, method := range allMethods {
		c := discover(t, x, 6, Options{Method: method})
		if c.Inertia != 0 {
			t.Errorf("%s: inertia is %v, want 0", method, c.Inertia)
		}
		sorted := slices.Sorted(slices.Values(c.Sizes))
		if !slices.Equal(sorted, []int{0, 0, 2, 2, 2, 14}) {
			t.Errorf("%s: cluster sizes are %v, want twice 0, thrice 2 and 14", method, c.Sizes)
		}
		for j, m := range c.Sizes {
			if m == 0 && !slices.Equal(c.Centres.Row(j), distinct.Row(3)) {
				t.Errorf("%s: surplus centre %d is %v, want %v", method, j, c.Centres.Row(j), distinct.Row(3))
			}
		}
	}
}
