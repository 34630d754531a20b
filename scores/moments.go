package scores

import (
	"context"
	"runtime"
	"sync"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Moments are mean and covariance of samples that come one after the other: D² numbers, however many samples there
// are. The sums are over the differences to the first sample, which is about as far from the mean as any, so that
// little is lost to cancellation.
type Moments struct {
	d     int
	n     int
	first []float64
	sum   []float64 // Σ x − first
	outer []float64 // [D, D], Σ (x − first)(x − first)ᵀ, on and above the diagonal
}

// NewMoments are the moments of no samples of d numbers yet.
func NewMoments(d int) *Moments {
	return &Moments{d: d, sum: make([]float64, d), outer: make([]float64, d*d)}
}

// N returns the number of samples so far.
func (m *Moments) N() int { return m.n }

// Add takes n more samples, rows of D numbers, which it overwrites. How they are spread over calls decides nothing. An
// error is the context's, and the moments are of no use then.
func (m *Moments) Add(ctx context.Context, samples []float64) error {
	const part = 256 // rows between two looks at the context
	for ; len(samples) > part*m.d; samples = samples[part*m.d:] {
		if err := ctx.Err(); err != nil {
			return err
		}
		m.add(samples[:part*m.d])
	}
	m.add(samples)
	return ctx.Err()
}

func (m *Moments) add(x []float64) {
	if m.first == nil && len(x) > 0 {
		m.first = append([]float64{}, x[:m.d]...)
	}
	n := len(x) / m.d
	for i := range n {
		row := x[i*m.d : (i+1)*m.d]
		floats.Sub(row, m.first)
		floats.Add(m.sum, row)
	}
	m.n += n
	inParallel(m.d, func(j int) {
		own := m.outer[j*m.d+j : (j+1)*m.d]
		for i := range n {
			row := x[i*m.d : (i+1)*m.d]
			floats.AddScaled(own, row[j], row[j:])
		}
	})
}

// Mean returns the mean [D].
func (m *Moments) Mean() []float64 {
	mean := make([]float64, m.d)
	floats.AddScaledTo(mean, m.first, 1/float64(m.n), m.sum)
	return mean
}

// Covariance returns the covariance [D, D], with the divisor n − 1. It needs two samples.
func (m *Moments) Covariance() *mat.SymDense {
	c := mat.NewSymDense(m.d, nil)
	for i := range m.d {
		for j := i; j < m.d; j++ {
			c.SetSym(i, j, (m.outer[i*m.d+j]-m.sum[i]*m.sum[j]/float64(m.n))/float64(m.n-1))
		}
	}
	return c
}

// inParallel calls do(i) for 0 … n−1 on all cores.
func inParallel(n int, do func(i int)) {
	var workers sync.WaitGroup
	cores := runtime.GOMAXPROCS(0)
	for first := range cores {
		workers.Go(func() {
			for i := first; i < n; i += cores {
				do(i)
			}
		})
	}
	workers.Wait()
}
