package scores

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"mgd3/matrix"
)

// ridge is what is added to the diagonal of the kernel matrix, whose other numbers are 0 to 1: so much noise is
// expected in the labels.
const ridge = 0.1

// KernelRidgeSize is the number of synthetic samples up to which it is reasonable to wait for a [KernelRidge]: it
// takes a minute and a gigabyte.
const KernelRidgeSize = 10000

// KernelRidge returns what the synthetic samples teach without a network: the share of real samples whose class
// kernel ridge regression on the synthetic ones tells. It stands in for a network's accuracy (KIP, arXiv:2011.00050,
// learns whole sets by such a regression); docs/results.md has how well it ranks settings.
//
//	f(r) = k(r, S) (k(S, S) + 0.1·I)⁻¹ Y,   k(a, b) = exp(−|a − b|²/(2D)),   Y = 1 for a sample's class − 1/classes
//
// where every feature is first moved and scaled by the mean and standard deviation of the real samples, so that two
// real samples have a kernel of about 1/e. The class of the largest f is told, of equals the first. real and syn are
// [classes][N, D] and [classes][M, D] in the same order of classes.
//
// It holds all samples once more and the kernel of the synthetic ones, R² numbers for R in all, and takes R³/3
// multiplications.
func KernelRidge(ctx context.Context, real, syn []matrix.Matrix) (float64, error) {
	if len(real) != len(syn) || len(real) == 0 {
		return 0, fmt.Errorf("real samples of %d classes and synthetic ones of %d, want as many, and at least one",
			len(real), len(syn))
	}
	if err := check(append(append([]matrix.Matrix{}, real...), syn...)...); err != nil {
		return 0, err
	}
	x, class := join(real)
	s, label := join(syn)
	standardise(x, s)
	a, err := teach(ctx, s, label, len(syn))
	if err != nil {
		return 0, err
	}
	right := make([]float64, x.Rows)
	err = pairs(ctx, x, s, func(i int, d []float64) {
		told := make([]float64, len(syn))
		for j, square := range d {
			k := kernel(square, s.Cols)
			for c := range told {
				told[c] += k * a.At(j, c)
			}
		}
		if matrix.ArgMax(told) == class[i] {
			right[i] = 1
		}
	})
	return mean(right), err
}

// teach returns the weights [M, classes] of the regression.
func teach(ctx context.Context, s matrix.Matrix, label []int, classes int) (*mat.Dense, error) {
	k := mat.NewSymDense(s.Rows, nil)
	y := mat.NewDense(s.Rows, classes, nil)
	err := pairs(ctx, s, s, func(i int, d []float64) {
		for j, square := range d[:i+1] {
			k.SetSym(i, j, kernel(square, s.Cols))
		}
	})
	if err != nil {
		return nil, err
	}
	for i, l := range label {
		k.SetSym(i, i, 1+ridge)
		for c := range classes {
			y.Set(i, c, -1/float64(classes))
		}
		y.Set(i, l, y.At(i, l)+1)
	}
	var factors mat.Cholesky
	if !factors.Factorize(k) {
		return nil, fmt.Errorf("the kernel of %d synthetic samples is not positive", s.Rows)
	}
	var a mat.Dense
	return &a, factors.SolveTo(&a, y)
}

func kernel(square float64, d int) float64 { return math.Exp(-square / (2 * float64(d))) }

// join puts the samples of all classes into one fresh table; class is that of each row.
func join(classes []matrix.Matrix) (all matrix.Matrix, class []int) {
	for c, x := range classes {
		for range x.Rows {
			class = append(class, c)
		}
	}
	return matrix.Join(classes...), class
}

// standardise moves and scales the features of both tables so that those of x have mean 0 and deviation 1.
func standardise(x, s matrix.Matrix) {
	column := make([]float64, x.Rows)
	for j := range x.Cols {
		for i := range column {
			column[i] = float64(x.Row(i)[j])
		}
		mean, std := stat.PopMeanStdDev(column, nil)
		if std == 0 {
			std = 1
		}
		for _, table := range []matrix.Matrix{x, s} {
			for i := range table.Rows {
				row := table.Row(i)
				row[j] = float32((float64(row[j]) - mean) / std)
			}
		}
	}
}
