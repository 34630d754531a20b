package kernel

import (
	"flag"
	"math"
	"testing"
)

var step = flag.Uint64("step", 1999, "measure errors at every step-th float32; 1 for all of them")

// A mathCase is a function, its exact value, and the bound on its error that the documentation states.
type mathCase struct {
	name  string
	f     func(dst, x []float32)
	want  func(x float64) float64
	bound float64
	unit  func(x, want float64) float64 // of the bound
}

var mathCases = []mathCase{
	{"Exp", Exp, math.Exp, 0.95, ulp},
	{"Expm1", Expm1, math.Expm1, 1.65, ulp},
	{"Log", Log, math.Log, 1.6, ulp},
	{"Log1p", Log1p, math.Log1p, 1.7, ulp},
	{"Tanh", Tanh, math.Tanh, 1.4, ulp},
	{"Logistic", Logistic, logistic64, 2, ulp},
	{"Erf", Erf, math.Erf, 1.15, ulp},
	{"Sin", Sin, math.Sin, 1.6, ulp},
	{"Cos", Cos, math.Cos, 1.6, ulp},
	{"Rsqrt", Rsqrt, func(x float64) float64 { return 1 / math.Sqrt(x) }, 1.5, ulp},
	{"Silu", Silu, func(x float64) float64 { return x * logistic64(x) }, 3.3, siluUnit},
	{"GeluErf", GeluErf, func(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) }, 2.2, byX},
	{"GeluTanh", GeluTanh, func(x float64) float64 {
		return x * logistic64(2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))
	}, 2.2, byX},
}

func logistic64(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func TestMathErrors(t *testing.T) {
	for _, c := range mathCases {
		t.Run(c.name, func(t *testing.T) {
			worst, at := c.worst()
			t.Logf("%.3f at %v", worst, at)
			if !(worst <= c.bound) {
				t.Errorf("error %v at %v, bound %v", worst, at, c.bound)
			}
		})
	}
}

// worst returns the largest error and its argument.
func (c mathCase) worst() (worst float64, at float32) {
	const block = 4096
	x, y := make([]float32, block), make([]float32, block)
	for b := uint64(0); b < 1<<32; b += block * *step {
		for i := range x {
			x[i] = math.Float32frombits(uint32(b + uint64(i)**step))
		}
		c.f(y, x)
		for i := range x {
			if e := c.err(x[i], y[i]); !(e <= worst) {
				worst, at = e, x[i]
			}
		}
	}
	return worst, at
}

// err returns the error of y = f(x) in the units of c.
func (c mathCase) err(x, y float32) float64 {
	want := c.want(float64(x))
	if w := float32(want); w != w || math.IsInf(float64(w), 0) {
		if sameBits(y, w) {
			return 0
		}
		return math.Inf(1)
	}
	return math.Abs(float64(y)-want) / c.unit(float64(x), want)
}

// ulp is the distance of the float32 numbers near want.
func ulp(_, want float64) float64 {
	_, e := math.Frexp(want)
	return math.Ldexp(1, max(e, -125)-24)
}

// siluUnit is ulp, or the error of a logistic below the normal numbers times x.
func siluUnit(x, want float64) float64 { return max(ulp(x, want), math.Abs(x)*0x1p-149) }

// byX is 2^-24·|x|.
func byX(x, _ float64) float64 { return max(math.Abs(x)*0x1p-24, 0x1p-149) }

func TestMathEdges(t *testing.T) {
	inf, nan, minus := float32(math.Inf(1)), float32(math.NaN()), float32(math.Copysign(0, -1))
	for _, c := range []struct {
		name string
		f    func(dst, x []float32)
		x    float32
		want float32
	}{
		{"Exp", Exp, inf, inf}, {"Exp", Exp, -inf, 0}, {"Exp", Exp, nan, nan}, {"Exp", Exp, minus, 1},
		{"Expm1", Expm1, inf, inf}, {"Expm1", Expm1, -inf, -1}, {"Expm1", Expm1, nan, nan},
		{"Expm1", Expm1, minus, minus},
		{"Log", Log, inf, inf}, {"Log", Log, minus, -inf}, {"Log", Log, -1, nan}, {"Log", Log, 1, 0},
		{"Log", Log, nan, nan},
		{"Log1p", Log1p, inf, inf}, {"Log1p", Log1p, minus, minus}, {"Log1p", Log1p, -1, -inf},
		{"Log1p", Log1p, -2, nan}, {"Log1p", Log1p, nan, nan},
		{"Tanh", Tanh, inf, 1}, {"Tanh", Tanh, -inf, -1}, {"Tanh", Tanh, minus, minus}, {"Tanh", Tanh, nan, nan},
		{"Logistic", Logistic, inf, 1}, {"Logistic", Logistic, -inf, 0}, {"Logistic", Logistic, minus, 0.5},
		{"Logistic", Logistic, nan, nan},
		{"Erf", Erf, inf, 1}, {"Erf", Erf, -inf, -1}, {"Erf", Erf, minus, minus}, {"Erf", Erf, nan, nan},
		{"Sin", Sin, inf, nan}, {"Sin", Sin, minus, minus}, {"Sin", Sin, nan, nan}, {"Cos", Cos, -inf, nan},
		{"Cos", Cos, minus, 1},
		{"Sin", Sin, 1e22, float32(math.Sin(float64(float32(1e22))))},
		{"Rsqrt", Rsqrt, 0, inf}, {"Rsqrt", Rsqrt, inf, 0}, {"Rsqrt", Rsqrt, -1, nan},
		{"Sign", Sign, minus, minus}, {"Sign", Sign, -inf, -1}, {"Sign", Sign, 0x1p-149, 1}, {"Sign", Sign, nan, nan},
		{"Round", Round, 2.5, 2}, {"Round", Round, -3.5, -4}, {"Round", Round, -0.2, minus}, {"Floor", Floor, -0.5, -1},
		{"Ceil", Ceil, -0.5, minus},
		{"IsFinite", IsFinite, inf, 0}, {"IsFinite", IsFinite, nan, 0}, {"IsFinite", IsFinite, math.MaxFloat32, 1},
		{"IsNaN", IsNaN, nan, 1}, {"IsNaN", IsNaN, -inf, 0},
	} {
		y := []float32{0}
		if c.f(y, []float32{c.x}); !sameBits(y[0], c.want) {
			t.Errorf("%s(%v) = %v, want %v", c.name, c.x, y[0], c.want)
		}
	}
}
