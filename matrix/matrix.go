// Package matrix is rows of numbers, one row an image's latent or features, and what is asked of them by clustering,
// choosing and scoring alike: how far rows are from each other, which are equal, which is least.
//
//	name  shape   meaning
//	x     [N, D]  float32, row after row
//	d     [M]     float64, squared distances of one row of x to the rows of y [M, D]
//
// Numbers are stored in float32 and summed in float64, always in the same order: equal arguments give equal bytes,
// whatever the number of cores and the kind of processor.
package matrix

import ()

// Matrix is a table of numbers, row after row.
type Matrix struct {
	Rows, Cols int
	Data       []float32 // Rows·Cols numbers
}

// New returns a matrix of zeros.
func New(rows, cols int) Matrix { return Matrix{rows, cols, make([]float32, rows*cols)} }

// Row returns row i; it shares the memory of m.
func (m Matrix) Row(i int) []float32 { return m.Data[i*m.Cols : (i+1)*m.Cols] }

// Slice returns the rows lo to hi−1; it shares the memory of m.
func (m Matrix) Slice(lo, hi int) Matrix {
	return Matrix{Rows: hi - lo, Cols: m.Cols, Data: m.Data[lo*m.Cols : hi*m.Cols]}
}

// Pick returns a copy of the given rows, in their order.
func (m Matrix) Pick(rows []int) Matrix {
	picked := New(len(rows), m.Cols)
	for i, row := range rows {
		copy(picked.Row(i), m.Row(row))
	}
	return picked
}

// Mean returns the mean of the rows, [D], summed from the first row to the last.
func (m Matrix) Mean() []float64 {
	mean := make([]float64, m.Cols)
	for i := range m.Rows {
		for j, v := range m.Row(i) {
			mean[j] += float64(v)
		}
	}
	for j := range mean {
		mean[j] /= float64(m.Rows)
	}
	return mean
}

// Join returns a copy of the rows of all tables, one table after the other; they have equally many columns.
func Join(tables ...Matrix) Matrix {
	var all Matrix
	for _, m := range tables {
		all.Rows, all.Cols, all.Data = all.Rows+m.Rows, m.Cols, append(all.Data, m.Data...)
	}
	return all
}
