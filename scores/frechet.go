package scores

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"mgd3/matrix"
	"mgd3/modes"
)

// Frechet measures the Fréchet distance of one set, in memory, to another that streams by.
//
// With A and B the centred samples over √(n−1), so that the covariances are AᵀA and BᵀB, the last term of the
// distance is the sum of the singular values of A·Bᵀ, or of the roots of the eigenvalues of
//
//	√(BᵀB)·AᵀA·√(BᵀB)  [D, D]      or      A·BᵀB·Aᵀ  [M, M],
//
// whichever is smaller: the second is the covariance of the streamed samples seen along the rows of A. So it holds
// min(M, D)² numbers twice, and A; few synthetic samples of many features cost little.
type Frechet struct {
	m      *Moments // of the streamed samples, along the rows of a if there is an a
	mean   []float64
	trace  float64
	cov    *mat.SymDense // of the set in memory, where D ≤ M
	a      []float64     // [M, D], where M < D
	rows   int           // M
	spread *spread       // of the streamed samples, where m is not along the features themselves
}

// NewFrechet begins with the set in memory, x [M, D], of at least two samples.
func NewFrechet(ctx context.Context, x matrix.Matrix) (*Frechet, error) {
	if err := check(x); err != nil {
		return nil, err
	}
	if x.Rows < 2 {
		return nil, errOne
	}
	f := &Frechet{mean: x.Mean(), rows: x.Rows}
	if x.Rows >= x.Cols {
		own := NewMoments(x.Cols)
		if err := own.Add(ctx, wide(x)); err != nil {
			return nil, err
		}
		f.mean, f.cov, f.m = own.Mean(), own.Covariance(), NewMoments(x.Cols)
		f.trace = mat.Trace(f.cov)
		return f, nil
	}
	f.a = wide(x)
	for i := range x.Rows {
		row := f.a[i*x.Cols : (i+1)*x.Cols]
		floats.Sub(row, f.mean)
		floats.Scale(1/math.Sqrt(float64(x.Rows-1)), row)
	}
	f.trace = floats.Dot(f.a, f.a)
	f.m, f.spread = NewMoments(x.Rows), newSpread(x.Cols)
	return f, nil
}

var errOne = fmt.Errorf("the Fréchet distance of one sample: %w", modes.ErrTooFew)

// Add takes more samples of the other set, [n, D]. How they are spread over calls decides nothing.
func (f *Frechet) Add(ctx context.Context, x matrix.Matrix) error {
	if err := check(x); err != nil {
		return err
	}
	if d := len(f.mean); x.Cols != d {
		return fmt.Errorf("samples of %d features, want %d", x.Cols, d)
	}
	const part = 256
	for lo := 0; lo < x.Rows; lo += part {
		block := wide(x.Slice(lo, min(lo+part, x.Rows)))
		if f.a != nil {
			f.spread.add(block)
			block = f.along(block)
		}
		if err := f.m.Add(ctx, block); err != nil {
			return err
		}
	}
	return nil
}

// along returns the samples [n, D] seen along the rows of a, [n, M].
func (f *Frechet) along(x []float64) []float64 {
	d := len(f.mean)
	seen := make([]float64, len(x)/d*f.rows)
	inParallel(len(x)/d, func(i int) {
		for j := range f.rows {
			seen[i*f.rows+j] = floats.Dot(x[i*d:(i+1)*d], f.a[j*d:(j+1)*d])
		}
	})
	return seen
}

// Distance returns the Fréchet distance, the squared one of the formula as is the custom. It needs two samples of the
// other set.
func (f *Frechet) Distance() (float64, error) {
	if f.m.N() < 2 {
		return 0, errOne
	}
	product := f.m.Covariance()
	var mean []float64
	var trace float64
	if f.a != nil {
		mean, trace = f.spread.mean(), f.spread.variance()
	} else {
		mean, trace = f.m.Mean(), mat.Trace(product)
		root, err := squareRoot(f.cov)
		if err != nil {
			return 0, err
		}
		var half, whole mat.Dense
		half.Mul(root, product)
		whole.Mul(&half, root)
		product = symmetric(&whole)
	}
	values, _, err := eigen(product, false)
	if err != nil {
		return 0, err
	}
	between := 0.0
	for _, v := range values {
		between += math.Sqrt(max(0, v)) // below 0 by rounding alone
	}
	shift := floats.Distance(mean, f.mean, 2)
	return shift*shift + f.trace + trace - 2*between, nil
}

// FrechetDistance is [Frechet] of two sets in memory.
func FrechetDistance(ctx context.Context, x, y matrix.Matrix) (float64, error) {
	if y.Rows < x.Rows {
		x, y = y, x
	}
	f, err := NewFrechet(ctx, x)
	if err != nil {
		return 0, err
	}
	if err := f.Add(ctx, y); err != nil {
		return 0, err
	}
	return f.Distance()
}

// squareRoot returns the root of a covariance.
func squareRoot(c *mat.SymDense) (*mat.Dense, error) {
	values, vectors, err := eigen(c, true)
	if err != nil {
		return nil, err
	}
	scaled := mat.DenseCopyOf(vectors)
	for j, v := range values {
		root := math.Sqrt(math.Sqrt(max(0, v)))
		for i := range values {
			scaled.Set(i, j, scaled.At(i, j)*root)
		}
	}
	var root mat.Dense
	root.Mul(scaled, scaled.T())
	return &root, nil
}

func eigen(c *mat.SymDense, vectors bool) (values []float64, v *mat.Dense, err error) {
	var e mat.EigenSym
	if !e.Factorize(c, vectors) {
		return nil, nil, fmt.Errorf("the eigenvalues of a covariance of %d features do not converge", c.SymmetricDim())
	}
	if vectors {
		v = &mat.Dense{}
		e.VectorsTo(v)
	}
	return e.Values(nil), v, nil
}

// symmetric is the mean of a matrix and its transpose.
func symmetric(m *mat.Dense) *mat.SymDense {
	n, _ := m.Dims()
	s := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			s.SetSym(i, j, (m.At(i, j)+m.At(j, i))/2)
		}
	}
	return s
}

// wide returns the numbers in float64.
func wide(x matrix.Matrix) []float64 {
	w := make([]float64, len(x.Data))
	for i, v := range x.Data {
		w[i] = float64(v)
	}
	return w
}

// spread is the mean and the trace of the covariance of samples, like [Moments].
type spread struct {
	n               int
	first, sum, sqr []float64
}

func newSpread(d int) *spread { return &spread{sum: make([]float64, d), sqr: make([]float64, d)} }

func (s *spread) add(x []float64) {
	d := len(s.sum)
	if s.first == nil {
		s.first = append([]float64{}, x[:d]...)
	}
	for i := range len(x) / d {
		for j, v := range x[i*d : (i+1)*d] {
			diff := v - s.first[j]
			s.sum[j] += diff
			s.sqr[j] += diff * diff
		}
	}
	s.n += len(x) / d
}

func (s *spread) mean() []float64 {
	mean := make([]float64, len(s.sum))
	floats.AddScaledTo(mean, s.first, 1/float64(s.n), s.sum)
	return mean
}

func (s *spread) variance() float64 {
	v := 0.0
	for j, sum := range s.sum {
		v += s.sqr[j] - sum*sum/float64(s.n)
	}
	return v / float64(s.n-1)
}
