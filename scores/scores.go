// Package scores judges a synthetic set beside the real one by their features alone, without training a network.
//
//	MGD3          diversity           mean over s of  min_{s'≠s} |s − s'|                      MGD3
//	                                                                                           (arXiv:2505.18963),
//	                                                                                           Table 9
//	              representativeness  mean over s of the mean |s − r| to its 50 nearest r      MGD3; less is nearer
//	ManifoldGD    diversity           1 − max_{s≠s'} cos(s, s')                                ManifoldGD's program
//	              representativeness  min_s max_r cos(s, r)                                    ManifoldGD's program
//	Minimax       representativeness  1 − min_{s,r} cos(s, r)                                  Minimax
//	                                                                                           (arXiv:2311.15529),
//	                                                                                           losses
//	              diversity           max_{s,e} cos(s, e), e of an earlier set                 Minimax, losses
//	coverage      share of r with  min_s |r − s| < distance of r to its k-th nearest other r   Naeem et al. 2020,
//	                                                                                           arXiv:2002.09797, eq. 4
//	Fréchet       |μr − μs|² + tr Σr + tr Σs − 2·tr (√Σr Σs √Σr)^½                             Heusel et al. 2017,
//	                                                                                           arXiv:1706.08500, eq. 6
//	MMD²          mean k(r,r') + mean k(s,s') − 2·mean k(r,s),  k = exp(−γ|a−b|²)              Gretton et al. 2012,
//	                                                                                           eq. 3
//	means         |μr − μs|  and  1 − cos(μr, μs)
//	kernel ridge  accuracy of kernel ridge regression from s on r                        see KernelRidge
//	redundancy    accuracy of the nearest neighbour from one part of the set to another        LGD (arXiv:2604.00519)
//
// MGD3 takes its two in a t-SNE picture of the latents in the plane, scaled to 0 … 1. t-SNE keeps no distances between
// groups and gives another picture for every set and seed, so here they are in the space of the features itself, in its
// units; they compare sets of one class in one feature space, and cannot be compared with the paper's numbers.
// TestGolden pins the other definitions.
//
// Extremes over pairs (ManifoldGD, Minimax) depend on one or two samples and are noisy. None of the scores is accuracy:
// in a study of adaptive guidance the Fréchet distance grew while accuracy rose.
//
//	name  shape   meaning and scale
//	r     [N, D]  features of real samples, one class or all
//	s     [M, D]  features of synthetic samples, same scale
//	μ, Σ  [D], [D, D]  mean and covariance, divisor n − 1
//
// Numbers come in float32 and are summed in float64, in an order that does not depend on the number of cores. Nothing
// holds N×N numbers: see the functions for what they hold. A score that needs more samples than there are is NaN.
package scores

import (
	"context"
	"fmt"
	"math"
	"slices"

	"mgd3/matrix"
)

// check refuses tables that cannot be compared: empty, of unlike widths, or with a number that is not finite.
func check(tables ...matrix.Matrix) error {
	for _, x := range tables {
		switch {
		case x.Rows < 1 || x.Cols < 1:
			return fmt.Errorf("features of shape [%d, %d], want at least one sample", x.Rows, x.Cols)
		case len(x.Data) != x.Rows*x.Cols:
			return fmt.Errorf("features of shape [%d, %d] hold %d numbers, want rows × columns", x.Rows, x.Cols,
				len(x.Data))
		case x.Cols != tables[0].Cols:
			return fmt.Errorf("samples of %d and of %d features, want equally many", tables[0].Cols, x.Cols)
		}
		if i := slices.IndexFunc(x.Data, func(v float32) bool { return v-v != 0 }); i >= 0 {
			return fmt.Errorf("sample %d is %v at feature %d, want finite numbers", i/x.Cols, x.Data[i], i%x.Cols)
		}
	}
	return nil
}

// pairs calls use(i, d) for every row i of x with the squared distances d [y.Rows] to the rows of y, in any order and
// from several goroutines; d belongs to use for the time of the call. It holds 16·y.Rows numbers per core.
func pairs(ctx context.Context, x, y matrix.Matrix, use func(i int, d []float64)) error {
	const part = 1024 // rows between two looks at the context
	for lo := 0; lo < x.Rows; lo += part {
		if err := ctx.Err(); err != nil {
			return err
		}
		matrix.Distances(x.Slice(lo, min(lo+part, x.Rows)), y, func(i int, d []float64) { use(lo+i, d) })
	}
	return nil
}

// squaredNorms returns |x|² of every row, summed from its first number to the last, unlike matrix.SquaredNorms, whose
// order would give the scores by cosines other last digits.
func squaredNorms(x matrix.Matrix) []float64 {
	norms := make([]float64, x.Rows)
	for i := range norms {
		for _, v := range x.Row(i) {
			norms[i] += float64(v) * float64(v)
		}
	}
	return norms
}

// mean returns the mean of numbers.
func mean(v []float64) float64 { return matrix.Sum(v) / float64(len(v)) }

var nan = math.NaN()
