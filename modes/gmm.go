package modes

import (
	"context"
	"math"
	"math/rand/v2"

	"mgd3/matrix"
)

// The defaults of scikit-learn's GaussianMixture.
const (
	gmmMaxIter    = 100
	gmmTolerance  = 1e-3 // of the mean ln p(x), between two iterations
	varianceFloor = 1e-6 // added to every variance
)

// mixture is k Gaussians with diagonal covariance:
//
//	p(x) = Σⱼ wⱼ · Πₗ exp(−(xₗ−μⱼₗ)²/2vⱼₗ) / √(2π·vⱼₗ)
//
// In 4096 dimensions p underflows, so all is done with its logarithm.
type mixture struct {
	logWeight []float64   // [k] ln wⱼ
	mean      [][]float64 // [k][D] μ
	precision [][]float64 // [k][D] 1/v
	logScale  []float64   // [k] ln of the factor before the exponentials, −½ Σₗ ln 2π·vⱼₗ
}

// gmm fits a mixture by expectation-maximisation from the clusters of kMeans. A row's assignment is
// the component that most probably made it. A component that is left without any weight keeps
// its mean.
func gmm(ctx context.Context, x matrix.Matrix, k int, rng *rand.Rand) (Clustering, error) {
	c, err := kMeans(ctx, x, k, rng)
	if err != nil {
		return Clustering{}, err
	}
	share := newTable(x.Rows, k) // share[i][j] is the probability that j made row i
	for i, j := range c.Assignment {
		share[i][j] = 1
	}
	m := newMixture(c.Centres)
	if c.Iterations, err = m.climb(ctx, x, share); err != nil {
		return Clustering{}, err
	}
	for i := range share {
		c.Assignment[i] = matrix.ArgMax(share[i])
	}
	for j, mean := range m.mean {
		for l, v := range mean {
			c.Centres.Row(j)[l] = float32(v)
		}
	}
	return c, nil
}

// climb fits the mixture to the shares and the shares to the mixture, in turn, until the mean
// ln p(x) changes no more. It returns the number of rounds; the shares belong to the last mixture.
func (m mixture) climb(ctx context.Context, x matrix.Matrix, share [][]float64) (int, error) {
	m.maximise(x, share)
	last := math.Inf(-1)
	for round := 1; ; round++ {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		likelihood := m.expect(share, x)
		m.maximise(x, share)
		if math.Abs(likelihood-last) < gmmTolerance || round == gmmMaxIter {
			m.expect(share, x)
			return round, nil
		}
		last = likelihood
	}
}

// newMixture returns components at the centres, of no width yet.
func newMixture(centres matrix.Matrix) mixture {
	k := centres.Rows
	m := mixture{make([]float64, k), newTable(k, centres.Cols), newTable(k, centres.Cols), make([]float64, k)}
	for j := range k {
		for l, v := range centres.Row(j) {
			m.mean[j][l] = float64(v)
		}
	}
	return m
}

func newTable(rows, cols int) [][]float64 {
	t := make([][]float64, rows)
	for i := range t {
		t[i] = make([]float64, cols)
	}
	return t
}

// expect sets the shares of each row (Bishop 2006, equation 9.23) and returns the mean of
// ln p(x) over the rows.
func (m mixture) expect(share [][]float64, x matrix.Matrix) float64 {
	logs := make([]float64, x.Rows)
	matrix.InBlocks(x.Rows, 1, func(i, _ int) {
		row := share[i]
		for j := range row {
			row[j] = m.logWeight[j] + m.logScale[j] - m.energy(j, x.Row(i))
		}
		logs[i] = logSumExp(row)
		for j := range row {
			row[j] = math.Exp(row[j] - logs[i])
		}
	})
	return matrix.Sum(logs) / float64(x.Rows)
}

// energy returns ½ Σₗ (xₗ−μₗ)²/vₗ of component j.
func (m mixture) energy(j int, x []float32) float64 {
	mean, precision := m.mean[j][:len(x)], m.precision[j][:len(x)]
	var s float64
	for l, v := range x {
		d := float64(v) - mean[l]
		s += d * d * precision[l]
	}
	return s / 2
}

// logSumExp returns ln Σ exp(v).
func logSumExp(v []float64) float64 {
	top := v[matrix.ArgMax(v)]
	var s float64
	for _, x := range v {
		s += math.Exp(x - top)
	}
	return top + math.Log(s)
}

// maximise sets each component to the weighted mean and variance of the rows (Bishop 2006,
// equations 9.24 to 9.26).
func (m mixture) maximise(x matrix.Matrix, share [][]float64) {
	matrix.InBlocks(len(m.mean), 1, func(j, _ int) {
		var size float64
		for i := range share {
			size += share[i][j]
		}
		m.logWeight[j] = math.Log(size / float64(x.Rows)) // −∞ for none
		if size > 0 {
			m.fit(j, x, share, size)
		}
	})
}

// fit sets component j to the rows, of which it has size in all.
func (m mixture) fit(j int, x matrix.Matrix, share [][]float64, size float64) {
	mean, variance := m.mean[j], m.precision[j]
	clear(mean)
	clear(variance)
	for i := range share {
		addTo(mean, x.Row(i), share[i][j]/size)
	}
	for i := range share {
		if w := share[i][j] / size; w > 0 {
			for l, v := range x.Row(i) {
				d := float64(v) - mean[l]
				variance[l] += w * d * d
			}
		}
	}
	m.logScale[j] = 0
	for l, v := range variance {
		v += varianceFloor
		m.logScale[j] -= math.Log(2*math.Pi*v) / 2
		m.precision[j][l] = 1 / v
	}
}

// addTo adds w·x to s.
func addTo(s []float64, x []float32, w float64) {
	if w == 0 {
		return
	}
	for l, v := range x {
		s[l] += w * float64(v)
	}
}
