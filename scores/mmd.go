package scores

import (
	"context"
	"math"
	"sync"

	"mgd3/matrix"
)

// MMDRows is how many samples of each set [MMD] looks at, as in ManifoldGD's program.
const MMDRows = 6000

// Discrepancy is a maximum mean discrepancy.
type Discrepancy struct {
	Squared float64 // unbiased, so perhaps below 0; NaN if a set has a single sample
	Gamma   float64 // of the kernel exp(−γ|a − b|²)
}

// MMD returns the unbiased estimate of the squared maximum mean discrepancy. gamma 0 is the median heuristic: γ is 1
// over the median of all squared distances between two samples of both sets together (the lower of the middle two).
//
// Of more than [MMDRows] samples of a set it takes as many, spread evenly; the time is quadratic in them. It holds
// 16·2·MMDRows numbers per core and, for the median, 65,536 counts.
func MMD(ctx context.Context, real, syn matrix.Matrix, gamma float64) (Discrepancy, error) {
	if err := check(real, syn); err != nil {
		return Discrepancy{}, err
	}
	real, syn = thin(real, MMDRows), thin(syn, MMDRows)
	if gamma == 0 {
		median, err := medianDistance(ctx, stack(real, syn))
		if err != nil {
			return Discrepancy{}, err
		}
		gamma = 1 / median
	}
	var parts [3]float64
	for i, p := range []struct {
		x, y matrix.Matrix
		same bool
	}{{real, real, true}, {syn, syn, true}, {real, syn, false}} {
		var err error
		if parts[i], err = meanKernel(ctx, p.x, p.y, gamma, p.same); err != nil {
			return Discrepancy{}, err
		}
	}
	return Discrepancy{parts[0] + parts[1] - 2*parts[2], gamma}, nil
}

// meanKernel is the mean of k over all pairs, of which same leaves out those of a sample with itself.
func meanKernel(ctx context.Context, x, y matrix.Matrix, gamma float64, same bool) (float64, error) {
	sums := make([]float64, x.Rows)
	err := pairs(ctx, x, y, func(i int, d []float64) {
		for j, square := range d {
			if !same || i != j {
				sums[i] += math.Exp(-gamma * square)
			}
		}
	})
	others := y.Rows
	if same {
		others--
	}
	return matrix.Sum(sums) / float64(x.Rows) / float64(others), err
}

// medianDistance returns the lower median, rounded to float32, of the squared distances between two rows. Numbers that
// are not negative have the order of their bits, so it counts them by their upper half first, and those of the median's
// upper half by their lower half then.
func medianDistance(ctx context.Context, x matrix.Matrix) (float64, error) {
	rank := x.Rows * (x.Rows - 1) / 2
	if rank == 0 {
		return nan, nil
	}
	rank = (rank + 1) / 2 // from 1
	var high uint32
	for _, low := range []bool{false, true} {
		counts := make([]int, 1<<16)
		var mutex sync.Mutex
		err := pairs(ctx, x, x, func(i int, d []float64) {
			mutex.Lock()
			defer mutex.Unlock()
			for _, square := range d[:i] {
				bits := math.Float32bits(float32(square))
				switch {
				case !low:
					counts[bits>>16]++
				case bits>>16 == high:
					counts[bits&0xffff]++
				}
			}
		})
		if err != nil {
			return 0, err
		}
		half := uint32(0)
		for rank > counts[half] {
			rank -= counts[half]
			half++
		}
		high = high<<16 | half
	}
	return float64(math.Float32frombits(high)), nil
}

// thin returns at most limit rows, spread evenly.
func thin(x matrix.Matrix, limit int) matrix.Matrix {
	if x.Rows <= limit {
		return x
	}
	t := matrix.Matrix{Rows: limit, Cols: x.Cols}
	for i := range limit {
		t.Data = append(t.Data, x.Row(i*x.Rows/limit)...)
	}
	return t
}

// stack returns the rows of x above those of y.
func stack(x, y matrix.Matrix) matrix.Matrix {
	data := make([]float32, 0, len(x.Data)+len(y.Data))
	return matrix.Matrix{Rows: x.Rows + y.Rows, Cols: x.Cols, Data: append(append(data, x.Data...), y.Data...)}
}
