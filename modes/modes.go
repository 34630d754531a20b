// Package modes finds the k modes of the latents of one class.
//
// The mode of a group of latents is their mean; the groups minimise the inertia
//
//	Σᵢ |xᵢ − c[assignment(i)]|²                                 Lloyd 1982
//
// MGD3 (arXiv:2505.18963, section 4.1) calls scikit-learn's KMeans with its defaults, and
// KMeans follows that step by step; TestGoldenLloyd and TestGoldenPlusPlus pin it. Of all
// discoveries in the paper's Table 7 a Gaussian mixture does best, 66.9 against 66.4.
//
//	method     centres                              source
//	KMeans     means of the clusters                MGD3 section 4.1; scikit-learn 1.2 KMeans
//	GMM        means of the components              MGD3 Table 7; scikit-learn 1.2 GaussianMixture
//	Bisecting  means of the leaves                  the divisive tree of ManifoldGD
//
//	name       shape     meaning and scale
//	x          [N, D]    latents of one class, VAE posterior mean × 0.18215; D = 4·h·w
//	c          [k, D]    centres, same scale
//	assignment      [N]       assignment[i] is the centre that row i belongs to, 0 … k−1
//
// Numbers are stored in float32 and summed in float64, always in the same order: equal
// arguments and an rng in equal state give equal bytes, whatever the number of cores.
package modes

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"mgd3/matrix"
)

// Clustering is what Discover finds.
type Clustering struct {
	Centres    matrix.Matrix // [k, D]
	Assignment []int         // [N], the centre of each row
	Sizes      []int         // [k], rows per centre; they sum to N. 0 is a surplus centre: see Discover
	Nearest    []int         // [k], the row nearest to each centre in squared L2, the first of equals
	Inertia    float64       // Σ |row − its centre|²
	Iterations int           // of Lloyd or EM; for Bisecting of all its splits
}

// Method names an algorithm.
type Method string

const (
	KMeans    Method = "kmeans"
	GMM       Method = "gmm"
	Bisecting Method = "bisecting"
)

// methods fill in Centres, Assignment and Iterations for any 1 ≤ k, 1 ≤ N.
var methods = map[Method]func(ctx context.Context, x matrix.Matrix, k int, rng *rand.Rand) (Clustering, error){
	"":        kMeans,
	KMeans:    kMeans,
	GMM:       gmm,
	Bisecting: bisecting,
}

// Short says what becomes of a class with fewer latents than modes.
type Short string

const (
	ShortError  Short = "error"  // ErrTooFew
	ShortRepeat Short = "repeat" // fill up with real latents, drawn with replacement
)

// Options of Discover; the zero value is the published method.
type Options struct {
	Method  Method  // "" is KMeans
	Nearest bool    // put the nearest real latent in place of each centre
	Pool    Pooling // group the latents by their spatial averages; zero: as they are
	Short   Short   // "" is ShortError

	// Features [N, d] of the rows are what is clustered in place of the latents; zero: the latents. The centres are
	// the means of the whole latents of each cluster, as with Pool.
	Features matrix.Matrix
}

// ErrTooFew is wrapped with the two numbers.
var ErrTooFew = errors.New("too few images")

// Discover returns k modes of the latents [N, D] of one class.
//
// With ShortRepeat and 1 ≤ N < k, k−N surplus centres are real latents drawn by rng. Where
// there are fewer distinct latents than modes, surplus centres repeat the one that owns
// most. Surplus centres own no row.
//
// With Pool, Assignment comes from the pooled latents, by any method, and the centres are the means
// of the whole latents of each cluster. Nearest and Inertia are always those of whole latents
// and of the centres returned.
//
// Errors: ErrTooFew; a row that is not finite, by index; k < 1; latents, method or pooling that
// make no sense; ctx's, which is asked once per iteration.
func Discover(ctx context.Context, latents matrix.Matrix, k int, opts Options, rng *rand.Rand) (Clustering, error) {
	if err := check(latents, k, opts); err != nil {
		return Clustering{}, err
	}
	space, err := opts.Pool.apply(latents)
	if err != nil {
		return Clustering{}, err
	}
	if opts.Features.Rows > 0 {
		space = opts.Features
	}
	found := min(k, latents.Rows)
	c, err := methods[opts.Method](ctx, space, found, rng)
	if err != nil {
		return Clustering{}, err
	}
	if opts.Pool != (Pooling{}) || opts.Features.Rows > 0 {
		c.Centres = means(latents, c.Assignment, found)
	}
	for range k - found {
		c.Centres.Rows++
		c.Centres.Data = append(c.Centres.Data, latents.Row(rng.IntN(latents.Rows))...)
	}
	c.Nearest = nearest(latents, c.Centres)
	if opts.Nearest {
		c.Centres = latents.Pick(c.Nearest)
	}
	c.Sizes = clusterSizes(c.Assignment, k)
	c.Inertia = matrix.Sum(ownDistances(latents, c.Assignment, c.Centres))
	return c, nil
}

// check refuses arguments that Discover cannot work with.
func check(x matrix.Matrix, k int, opts Options) error {
	switch {
	case methods[opts.Method] == nil:
		return fmt.Errorf("unknown method %q, want %q, %q or %q", opts.Method, KMeans, GMM, Bisecting)
	case opts.Short != "" && opts.Short != ShortError && opts.Short != ShortRepeat:
		return fmt.Errorf("unknown way with short classes %q, want %q or %q", opts.Short, ShortError, ShortRepeat)
	case k < 1:
		return fmt.Errorf("have %d modes, want at least 1", k)
	case x.Rows < 0 || x.Cols < 1 || len(x.Data)%x.Cols != 0 || len(x.Data)/x.Cols != x.Rows:
		return fmt.Errorf("latents of shape [%d, %d] hold %d numbers, want rows × columns", x.Rows, x.Cols, len(x.Data))
	case x.Rows < k && (opts.Short != ShortRepeat || x.Rows == 0):
		return fmt.Errorf("%w: have %d, want %d", ErrTooFew, x.Rows, k)
	}
	if f := opts.Features; f.Rows > 0 {
		switch {
		case f.Rows != x.Rows || f.Cols < 1 || len(f.Data) != f.Rows*f.Cols:
			return fmt.Errorf("%d rows of %d features for %d latents, want as many", f.Rows, f.Cols, x.Rows)
		case opts.Pool != (Pooling{}):
			return errors.New("features are not pooled, want one of the two")
		}
		if err := checkFinite(f); err != nil {
			return fmt.Errorf("features: %w", err)
		}
	}
	return checkFinite(x)
}

// checkFinite finds the first number that is not finite. The square of any other fits into float64 many
// times over, so it makes its row's norm infinite or not a number.
func checkFinite(x matrix.Matrix) error {
	for i, norm := range matrix.SquaredNorms(x) {
		if norm-norm == 0 {
			continue
		}
		row := x.Row(i)
		j := slices.IndexFunc(row, func(v float32) bool { return v-v != 0 })
		return fmt.Errorf("latent %d is %v at column %d, want finite numbers", i, row[j], j)
	}
	return nil
}
