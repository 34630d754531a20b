package page

import (
	"math"
	"math/rand/v2"
	"testing"

	"mgd3/matrix"
)

// TestAxes: of points that spread by 5, 3 and 0.1 along known directions, these directions and their shares are found.
func TestAxes(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	x := matrix.New(400, 40)
	var variance [3]float64
	for i := range x.Rows {
		for k, spread := range []float64{5, 3, 0.1} {
			v := spread * rng.NormFloat64()
			variance[k] += v * v
			x.Row(i)[k*10] = float32(v) + 7
		}
	}
	a, err := newAxes(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	for k := range 2 {
		// The sample's own axes are turned against those of the distribution by about 1/√400 of a radian.
		if got := math.Abs(a.axis[k][k*10]); got < math.Cos(0.2) {
			t.Errorf("axis %d has %v of direction %d, want nearly 1", k, got, k*10)
		}
		want := variance[k] / (variance[0] + variance[1] + variance[2])
		if math.Abs(a.explained[k]-want) > 0.02 {
			t.Errorf("axis %d has %v of the variance, want %v", k, a.explained[k], want)
		}
	}
	at, mean := a.project(x), [2]float64{}
	for _, p := range at {
		mean[0], mean[1] = mean[0]+p[0]/400, mean[1]+p[1]/400
	}
	if math.Abs(mean[0])+math.Abs(mean[1]) > 1e-4 { // 400 float32 numbers near 7, of 2⁻²² each
		t.Errorf("the points lie about %v, want about 0", mean)
	}
	if equal, err := newAxes(t.Context(), matrix.New(5, 3)); err != nil || equal.explained != [2]float64{} {
		t.Errorf("equal points have axes %+v and %v, want none of the variance", equal, err)
	}
}
