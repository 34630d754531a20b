// Package paired compares two methods by trainings that belong together in pairs: equal seeds.
//
//	d_i = a_i − b_i                                   one of n pairs
//	t   = mean(d) / (s/√n),  s² = Σ(d_i − mean)²/(n−1)  Student 1908; n − 1 degrees of freedom
//	p   of t, two-sided: the chance of as large a |t| where a and b are the same
//	exact p = share of the 2ⁿ ways to give the d_i signs whose |mean| is as large as that seen  Fisher 1935, section
//	                                                                                            21
//
// The exact p supposes nothing but that a and b may be exchanged within a pair; it cannot be less than 2/2ⁿ: of three
// pairs 0.25, of six 0.031. The t test supposes that the
// differences are normal, and can say less than 0.05 of three pairs.
package paired

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Test is a comparison of pairs.
type Test struct {
	Pairs     int
	Mean      float64 // of a − b, in the unit of the values
	Low, High float64 // holds the true mean in 95 of 100 such comparisons, in the same unit
	P         float64 // of Student's t
	Exact     float64 // of all signs; NaN of more than MostPairs
}

// MostPairs is the number of pairs of which all signs are tried.
const MostPairs = 20

// Compare compares a with b: values of the same seeds stand in the same place. It is an error if there are fewer than
// two pairs.
func Compare(a, b []float64) (Test, error) {
	if len(a) != len(b) || len(a) < 2 {
		return Test{}, fmt.Errorf("%d values beside %d: want as many of both, at least 2", len(a), len(b))
	}
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	mean, std := stat.MeanStdDev(d, nil)
	n := float64(len(d))
	deviation := std / math.Sqrt(n)
	student := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}
	half := student.Quantile(0.975) * deviation
	c := Test{Pairs: len(d), Mean: mean, Low: mean - half, High: mean + half, P: 1, Exact: signs(d)}
	switch {
	case deviation > 0:
		c.P = 2 * student.Survival(math.Abs(mean)/deviation)
	case mean != 0: // they all differ by the same
		c.P = 0
	}
	return c, nil
}

// signs returns the exact p.
func signs(d []float64) float64 {
	if len(d) > MostPairs {
		return math.NaN()
	}
	sum, all := 0.0, 0.0
	for _, v := range d {
		sum, all = sum+v, all+math.Abs(v)
	}
	bound := math.Abs(sum) - 1e-9*all // sums of other orders differ in their last digits
	hits := 0
	for mask := range 1 << len(d) {
		s := 0.0
		for i, v := range d {
			if mask>>i&1 == 1 {
				v = -v
			}
			s += v
		}
		if math.Abs(s) >= bound {
			hits++
		}
	}
	return float64(hits) / float64(int(1)<<len(d))
}
