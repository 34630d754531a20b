// Command minimax computes the coefficients in ../../vec_coef.go: polynomials of least largest relative error,
// by Lawson's weighted least squares in float64. The coefficients are rounded to float32 one by one, lowest first, and
// the rest is fitted again after each, so that it takes up the error of the rounding.
package main

import (
	"fmt"
	"math"
)

// A fit approximates f on [lo, hi] by a polynomial with terms coefficients; an error e in the polynomial
// is an error weight·e in units of the result.
type fit struct {
	name, doc string
	lo, hi    float64
	terms     int
	f, weight func(x float64) float64
}

var fits = []fit{
	{"expPoly", "(eʳ - 1 - r)/r² on |r| ≤ ln(2)/2", -0.3475, 0.3475, 5,
		func(r float64) float64 { return series(r, func(k int) float64 { return 1 / factorial(k+2) }) },
		func(r float64) float64 { return r * r / nonzero(math.Abs(math.Expm1(r))) }},
	{"logPoly", "(ln(1+f) - f + f²/2)/f³ on √½ ≤ 1+f ≤ √2", math.Sqrt2/2 - 1, math.Sqrt2 - 1, 8,
		func(f float64) float64 {
			return series(f, func(k int) float64 { return math.Pow(-1, float64(k)) / float64(k+3) })
		},
		func(f float64) float64 { return f * f * f / nonzero(math.Log1p(f)) }},
	{"tanhPoly", "(tanh(√z)/√z - 1)/z on √z ≤ 5/8", 1e-6, 0.625 * 0.625, 5,
		func(z float64) float64 { a := math.Sqrt(z); return (math.Tanh(a)/a - 1) / z },
		func(z float64) float64 { a := math.Sqrt(z); return z * a / math.Tanh(a) }},
	{"erfPoly", "erf(√z)/√z - 1 on √z ≤ 7/8", 1e-6, 0.875 * 0.875, 6,
		func(z float64) float64 { a := math.Sqrt(z); return math.Erf(a)/a - 1 },
		func(z float64) float64 { a := math.Sqrt(z); return a / math.Erf(a) }},
	{"erfcPoly", "ln(1 - erf(a)) on 7/8 ≤ a ≤ 4", 0.875, 4, 7,
		func(a float64) float64 { return math.Log(math.Erfc(a)) },
		func(a float64) float64 { return math.Erfc(a) / math.Erf(a) }},
	{"sinPoly", "(sin(√z)/√z - 1)/z on √z ≤ π/4", 1e-6, 0.79 * 0.79, 3,
		func(z float64) float64 {
			return series(z, func(k int) float64 { return -math.Pow(-1, float64(k)) / factorial(2*k+3) })
		},
		func(z float64) float64 { a := math.Sqrt(z); return z * a / math.Sin(a) }},
	{"cosPoly", "(cos(√z) - 1 + z/2)/z² on √z ≤ π/4", 0, 0.79 * 0.79, 3,
		func(z float64) float64 {
			return series(z, func(k int) float64 { return math.Pow(-1, float64(k)) / factorial(2*k+4) })
		},
		func(z float64) float64 { return z * z / math.Cos(math.Sqrt(z)) }},
}

func main() {
	for _, f := range fits {
		c, err := f.rounded()
		fmt.Printf("// %s: %s, error 2^%.1f.\n%s = {", f.name, f.doc, math.Log2(err), f.name)
		for i, v := range c {
			if i > 0 {
				fmt.Print(", ")
			}
			fmt.Print(float32(v))
		}
		fmt.Println("}")
	}
}

// rounded returns the coefficients, all float32, and the largest error.
func (f fit) rounded() ([]float64, float64) {
	var fixed []float64
	for len(fixed) < f.terms {
		c := f.lawson(fixed)
		fixed = append(fixed, float64(float32(c[len(fixed)])))
	}
	worst := 0.0
	for _, x := range f.grid() {
		worst = max(worst, math.Abs(f.err(fixed, x)))
	}
	return fixed, worst
}

func (f fit) err(c []float64, x float64) float64 { return f.weight(x) * (horner(c, x) - f.f(x)) }

const points = 600

func (f fit) grid() []float64 {
	x := make([]float64, points)
	for i := range x {
		x[i] = (f.lo+f.hi)/2 - (f.hi-f.lo)/2*math.Cos(math.Pi*(float64(i)+0.5)/points)
	}
	return x
}

// lawson returns all coefficients, the first of them as fixed: least squares, with the weight of each point
// multiplied by its error, over and over (Lawson 1961).
func (f fit) lawson(fixed []float64) []float64 {
	grid := f.grid()
	weight := make([]float64, points)
	for i := range weight {
		weight[i] = 1
	}
	var best []float64
	least := math.Inf(1)
	for range 300 {
		c := append(append([]float64{}, fixed...), f.squares(grid, weight, fixed)...)
		worst := 0.0
		for _, x := range grid {
			worst = max(worst, math.Abs(f.err(c, x)))
		}
		if worst < least {
			best, least = c, worst
		}
		sum := 0.0
		for i, x := range grid {
			weight[i] *= math.Abs(f.err(c, x))
			sum += weight[i]
		}
		for i := range weight {
			weight[i] *= points / sum
		}
	}
	return best
}

// squares returns the free coefficients by Gram and Schmidt, modified.
func (f fit) squares(grid, weight, fixed []float64) []float64 {
	n := f.terms - len(fixed)
	q := make([][]float64, n+1) // columns, right side last
	for j := range q {
		q[j] = make([]float64, points)
		for i, x := range grid {
			v := math.Pow(x, float64(len(fixed)+j))
			if j == n {
				v = f.f(x) - horner(fixed, x)
			}
			q[j][i] = math.Sqrt(weight[i]) * f.weight(x) * v
		}
	}
	r := make([][]float64, n)
	for j := range n {
		r[j] = make([]float64, n+1)
		r[j][j] = math.Sqrt(dot(q[j], q[j]))
		for k := j + 1; k <= n; k++ {
			r[j][k] = dot(q[j], q[k]) / (r[j][j] * r[j][j])
			for i := range points {
				q[k][i] -= r[j][k] * q[j][i]
			}
		}
	}
	c := make([]float64, n)
	for j := n - 1; j >= 0; j-- {
		c[j] = r[j][n]
		for k := j + 1; k < n; k++ {
			c[j] -= r[j][k] * c[k]
		}
	}
	return c
}

func dot(x, y []float64) float64 {
	s := 0.0
	for i := range x {
		s += x[i] * y[i]
	}
	return s
}

func horner(c []float64, x float64) float64 {
	s := 0.0
	for i := len(c) - 1; i >= 0; i-- {
		s = s*x + c[i]
	}
	return s
}

// series sums c(k)·xᵏ, for |x| < 0.65.
func series(x float64, c func(k int) float64) float64 {
	s := 0.0
	for k := 90; k >= 0; k-- {
		s = s*x + c(k)
	}
	return s
}

func factorial(n int) float64 { return math.Gamma(float64(n + 1)) }

func nonzero(x float64) float64 {
	if x == 0 {
		return 1e-300
	}
	return x
}
