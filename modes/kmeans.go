package modes

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"

	"mgd3/matrix"
)

// The defaults of scikit-learn's KMeans.
const (
	maxIter   = 300
	tolerance = 1e-4 // of the mean variance of a column; bounds Σ |centre's last step|²
)

// kMeans is Lloyd's algorithm from one k-means++ start.
func kMeans(ctx context.Context, x matrix.Matrix, k int, rng *rand.Rand) (Clustering, error) {
	start, err := plusPlus(ctx, x, k, rng.IntN(x.Rows), rng.Float64)
	if err != nil {
		return Clustering{}, err
	}
	return lloyd(ctx, x, x.Pick(start), maxIter, tolerance*variance(x))
}

// lloyd moves the centres to the means of their rows until the rows keep their assignments or all
// centres together move by at most √tol, n times at most. The assignments belong to the centres
// returned.
func lloyd(ctx context.Context, x, centres matrix.Matrix, n int, tol float64) (Clustering, error) {
	near := newBounds(x, matrix.SquaredNorms(x), centres.Rows)
	c := Clustering{Centres: centres, Assignment: make([]int, x.Rows)}
	before := make([]int, x.Rows)
	before[0] = -1 // unlike any assignment
	var of []int   // the assignment that c.Centres are the means of
	for c.Iterations < n {
		if err := ctx.Err(); err != nil {
			return Clustering{}, err
		}
		c.Iterations++
		near.assign(c.Assignment, c.Centres)
		to := relocate(x, c.Assignment, c.Centres)
		moved := meansAfter(x, to, centres.Rows, of, c.Centres)
		of = append(of[:0], to...)
		shift := matrix.SqDist(moved.Data, c.Centres.Data)
		c.Centres = moved
		if slices.Equal(c.Assignment, before) {
			return c, nil
		}
		if shift <= tol {
			break
		}
		copy(before, c.Assignment)
	}
	near.assign(c.Assignment, c.Centres)
	return c, nil
}

// relocate returns the assignments with one row moved to each empty cluster, as scikit-learn does:
// the rows farthest from their own centres, the farthest to the first. Where all rows lie on
// their centres nothing moves. assignment stays as it is.
func relocate(x matrix.Matrix, assignment []int, centres matrix.Matrix) []int {
	var empty []int
	for j, size := range clusterSizes(assignment, centres.Rows) {
		if size == 0 {
			empty = append(empty, j)
		}
	}
	if len(empty) == 0 {
		return assignment
	}
	d := ownDistances(x, assignment, centres)
	if slices.Max(d) == 0 {
		return assignment
	}
	rows := make([]int, x.Rows)
	for i := range rows {
		rows[i] = i
	}
	slices.SortStableFunc(rows, func(a, b int) int { return cmp.Compare(d[b], d[a]) })
	assignment = slices.Clone(assignment)
	for i, j := range empty {
		assignment[rows[i]] = j
	}
	return assignment
}

// means returns the mean row of each of k clusters. An empty cluster gets that of the one with
// the most rows, the first of equals.
func means(x matrix.Matrix, assignment []int, k int) matrix.Matrix {
	return meansAfter(x, assignment, k, nil, matrix.Matrix{})
}

// meansAfter is means where old are those of the assignment before, if there is one: clusters whose rows are the same
// have the same mean.
func meansAfter(x matrix.Matrix, assignment []int, k int, before []int, old matrix.Matrix) matrix.Matrix {
	const strip = 128 // columns, so that the sums of ten clusters stay in the first cache
	size, centres := clusterSizes(assignment, k), matrix.New(k, x.Cols)
	changed := make([]bool, k)
	for j, m := range size {
		changed[j] = before == nil || m == 0
	}
	for i, j := range before {
		if to := assignment[i]; to != j {
			changed[j], changed[to] = true, true
		}
	}
	matrix.InBlocks(x.Cols, strip, func(lo, hi int) {
		sums := make([][strip]float64, k)
		for i, j := range assignment {
			if changed[j] {
				matrix.Add(sums[j][:hi-lo], x.Row(i)[lo:hi])
			}
		}
		for j, m := range size {
			if !changed[j] {
				copy(centres.Row(j)[lo:hi], old.Row(j)[lo:hi])
				continue
			}
			for c, s := range sums[j][:hi-lo] {
				centres.Row(j)[lo+c] = float32(s / float64(max(1, m)))
			}
		}
	})
	largest := slices.Index(size, slices.Max(size))
	for j, m := range size {
		if m == 0 {
			copy(centres.Row(j), centres.Row(largest))
		}
	}
	return centres
}

// clusterSizes counts the rows of each of k clusters.
func clusterSizes(assignment []int, k int) []int {
	size := make([]int, k)
	for _, j := range assignment {
		size[j]++
	}
	return size
}

// variance returns the mean of the columns' variances.
func variance(x matrix.Matrix) float64 {
	all := make([]int, x.Rows)
	return matrix.Sum(ownDistances(x, all, means(x, all, 1))) / float64(len(x.Data))
}
