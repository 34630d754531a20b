package scores

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"mgd3/matrix"
)

// MeanDistance returns the distance of the means of both sets.
func MeanDistance(real, syn matrix.Matrix) (float64, error) {
	if err := check(real, syn); err != nil {
		return 0, err
	}
	return floats.Distance(real.Mean(), syn.Mean(), 2), nil
}

// MeanCosineDistance returns 1 less the cosine of the means of both sets.
func MeanCosineDistance(real, syn matrix.Matrix) (float64, error) {
	if err := check(real, syn); err != nil {
		return 0, err
	}
	a, b := real.Mean(), syn.Mean()
	return 1 - floats.Dot(a, b)/math.Sqrt(floats.Dot(a, a)*floats.Dot(b, b)), nil
}

// ModeDistances returns the distance of each sample to the mode it was made from, row by row.
func ModeDistances(syn, centres matrix.Matrix) ([]float64, error) {
	if err := check(syn, centres); err != nil {
		return nil, err
	}
	if syn.Rows != centres.Rows {
		return nil, wantRows("modes", centres.Rows, syn.Rows)
	}
	d := make([]float64, syn.Rows)
	for i := range d {
		for j, v := range syn.Row(i) {
			diff := float64(v) - float64(centres.Row(i)[j])
			d[i] += diff * diff
		}
		d[i] = math.Sqrt(d[i])
	}
	return d, nil
}
