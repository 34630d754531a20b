package kernel

import (
	"flag"
	"math"
	"testing"
)

var exhaustive = flag.Bool("exhaustive", false, "measure errors over all 2^32 arguments instead of a sample")

// ulps returns |got - want| in units of the last place of a float32 near want.
func ulps(got float32, want float64) float64 {
	w := float32(want)
	switch {
	case math.IsNaN(want):
		if got == got {
			return math.Inf(1)
		}
		return 0
	case math.IsInf(float64(w), 0) && got == w:
		return 0
	}
	d := math.Abs(float64(got)-want) / ulp(want)
	if math.IsNaN(d) {
		return math.Inf(1)
	}
	return d
}

func ulp(x float64) float64 {
	_, e := math.Frexp(x)
	return math.Ldexp(1, max(e, -125)-24)
}

func TestMathUlps(t *testing.T) {
	for _, c := range []struct {
		name  string
		f     func(dst, x []float32)
		want  func(float64) float64
		bound float64
	}{
		{"Exp", Exp, math.Exp, 2},
		{"Expm1", Expm1, math.Expm1, 2},
		{"Log", Log, math.Log, 2},
		{"Log1p", Log1p, math.Log1p, 2},
		{"Tanh", Tanh, math.Tanh, 2},
		{"Logistic", Logistic, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 2},
		{"Erf", Erf, math.Erf, 2},
		{"Sin", Sin, math.Sin, 2},
		{"Cos", Cos, math.Cos, 2},
		{"Rsqrt", Rsqrt, func(x float64) float64 { return 1 / math.Sqrt(x) }, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			worst, at := 0.0, float32(0)
			const block = 4096
			x, y := make([]float32, block), make([]float32, block)
			step := uint64(1999)
			if *exhaustive {
				step = 1
			}
			for b := uint64(0); b < 1<<32; b += block * step {
				for i := range x {
					x[i] = math.Float32frombits(uint32(b + uint64(i)*step))
				}
				c.f(y, x)
				for i := range x {
					if e := ulps(y[i], c.want(float64(x[i]))); e > worst {
						worst, at = e, x[i]
					}
				}
			}
			t.Logf("%.3f ULP at %v", worst, at)
			if worst > c.bound {
				t.Errorf("%v ULP at %v, bound %v", worst, at, c.bound)
			}
		})
	}
}
