package tensorset

import (
	"math"
	"strings"
	"testing"

	"mgd3/weights"
)

// waves are n smooth images [n, 3, side, side], each of f × f parts with a wave of its own.
func waves(n, side, f int) weights.Tensor {
	var v []float32
	for i := range n {
		for c := range 3 {
			for y := range side {
				for x := range side {
					part := y*f/side*f + x*f/side
					phase := float64(5*i + 2*part + c)
					v = append(v, float32(0.5+0.4*math.Sin(phase+float64(x+2*y)/8)))
				}
			}
		}
	}
	return weights.F32("", []int{n, 3, side, side}, v)
}

// TestSeams: collages that are not cut are told of, from ten images on, and nothing else is.
func TestSeams(t *testing.T) {
	for _, c := range []struct {
		name            string
		images, f, cuts int
		want            bool
	}{
		{"smooth images", 10, 1, 1, false},
		{"collages", 10, 2, 1, true},
		{"collages of 4 × 4", 10, 4, 1, true},
		{"collages that are cut", 10, 2, 2, false},
		{"too few to tell", 9, 2, 1, false},
	} {
		labels := make([]int64, c.images)
		for i := range labels {
			labels[i] = int64(i % 3)
		}
		s, err := Open(t.Context(), torchFile(t, "set.pt", []any{waves(c.images, 32, c.f), labelled(labels...)}),
			Options{Names: names, Collage: c.cuts})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		defer s.Images.Close()
		if said := strings.Join(s.Notes, "\n"); strings.Contains(said, "as in collages: --collage 2") != c.want {
			t.Errorf("%s: said %q", c.name, said)
		}
	}
}
