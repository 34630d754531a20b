package diffusion

import (
	"math"
	"slices"
	"testing"
)

// TestLabelPart: DMGD's program has λ of its timesteps of 1,000.
func TestLabelPart(t *testing.T) {
	for timestep, want := range map[int]float64{0: 1, 499: 1, 500: 1, 600: 0.75, 700: 0.5, 899: 0.0025, 900: 0, 901: 0,
		999: 0} {
		if got := labelPart(timestep, 1000); math.Abs(got-want) > 1e-12 {
			t.Errorf("at %d: %v, want %v", timestep, got, want)
		}
	}
	if got := labelPart(70, 100); math.Abs(got-0.5) > 1e-12 {
		t.Errorf("at 70 of 100: %v, want 0.5", got)
	}
}

// TestMix: numbers worked out by hand, for e = (1, 3) and (−1, 1) of none, e* = (10, 20), u = (0, 1, 1, 0).
func TestMix(t *testing.T) {
	rows := LabelRows{Table: []float32{10, 20, 1, 3, -1, 1}, D: 2}
	u := []float32{0, 1, 1, 0}
	sameBits(t, "little noise", rows.mix(1, 0, 499, 1000, u), []float32{1, 3, -1, 1})

	// at 800 λ is ¼: ½·e + √¾·(0.06·u + 0.01·e*)
	w := math.Sqrt(0.75)
	mixed := []float64{0.5 + w*0.1, 1.5 + w*0.26, -0.5 + w*0.16, 0.5 + w*0.2}
	near := func(name string, got []float32, mixed []float64) {
		t.Helper()
		// mean 1; the squares of 0, 2, −2 and 0 add up to 8: the deviation is √(8/3)
		mean, square := 0.0, 0.0
		for _, v := range mixed {
			mean += v / 4
		}
		for _, v := range mixed {
			square += (v - mean) * (v - mean)
		}
		for i, v := range mixed {
			want := (v-mean)*math.Sqrt(8/square) + 1
			if math.Abs(float64(got[i])-want) > 1e-6 {
				t.Errorf("%s: number %d is %v, want %v", name, i, got[i], want)
			}
		}
	}
	near("at 800", rows.mix(1, 0, 800, 1000, u), mixed)
	for i, e := range []float64{1, 3, -1, 1} {
		mixed[i] = 0.5*e + w*0.06*float64(u[i])
	}
	near("no other class", rows.mix(1, -1, 800, 1000, u), mixed)
	// beyond 900 there is noise alone, of the same mean and deviation
	near("much noise", rows.mix(1, 0, 950, 1000, u), []float64{0, 1, 1, 0})
	sameBits(t, "much noise, without another class", rows.mix(1, -1, 950, 1000, u), rows.mix(1, 0, 950, 1000, u))
	if !slices.Equal(rows.Table, []float32{10, 20, 1, 3, -1, 1}) {
		t.Error("the table has changed")
	}
}
