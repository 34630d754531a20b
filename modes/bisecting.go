package modes

import (
	"context"
	"math/rand/v2"

	"mgd3/matrix"
)

// splitStarts is how often each split is tried from another start, as in ManifoldGD.
const splitStarts = 10

// bisecting grows a tree of k leaves: it splits the leaf with the largest inertia, the first of
// equals, into two by k-means, k−1 times. The first half keeps the leaf's number, the second
// takes the next free one; the second half of a leaf without two distinct rows is empty.
func bisecting(ctx context.Context, x matrix.Matrix, k int, rng *rand.Rand) (Clustering, error) {
	tree := Clustering{Assignment: make([]int, x.Rows)}
	for leaves := 1; leaves < k; leaves++ {
		rows := worstLeaf(x, tree.Assignment, leaves)
		split, err := bestSplit(ctx, x.Pick(rows), rng)
		if err != nil {
			return Clustering{}, err
		}
		for i, row := range rows {
			if split.Assignment[i] == 1 {
				tree.Assignment[row] = leaves
			}
		}
		tree.Iterations += split.Iterations
	}
	tree.Centres = means(x, tree.Assignment, k)
	return tree, nil
}

// worstLeaf returns the rows of the leaf with the largest inertia.
func worstLeaf(x matrix.Matrix, assignment []int, leaves int) []int {
	inertia := make([]float64, leaves)
	for i, d := range ownDistances(x, assignment, means(x, assignment, leaves)) {
		inertia[assignment[i]] += d
	}
	worst := matrix.ArgMax(inertia)
	var rows []int
	for i, leaf := range assignment {
		if leaf == worst {
			rows = append(rows, i)
		}
	}
	return rows
}

// bestSplit returns the 2-means of least inertia, the first of equals. Iterations counts all
// starts.
func bestSplit(ctx context.Context, x matrix.Matrix, rng *rand.Rand) (Clustering, error) {
	var best Clustering
	var iterations int
	for start := range splitStarts {
		split, err := kMeans(ctx, x, 2, rng)
		if err != nil {
			return Clustering{}, err
		}
		iterations += split.Iterations
		split.Inertia = matrix.Sum(ownDistances(x, split.Assignment, split.Centres))
		if start == 0 || split.Inertia < best.Inertia {
			best = split
		}
	}
	best.Iterations = iterations
	return best, nil
}
