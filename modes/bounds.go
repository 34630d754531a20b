package modes

import (
	"math"

	"mgd3/matrix"
)

// bounds tell which rows keep their centre, without a distance, by the triangle inequality (Elkan 2003): a centre that
// was at distance d is at least at d less the way it went since. A row is only kept where no rounding of the distances
// that would have been formed, of any of the centres, could decide otherwise; so the assignments are those of all
// distances, to the bit.
type bounds struct {
	x       matrix.Matrix
	norms   []float64 // |xᵢ|²
	centres matrix.Matrix
	k       int
	d       []float64 // [N, k], squared distances as they were formed
	at      []float64 // [N, k], how far the centre had gone then; Inf where there is none yet
	gone    []float64 // [k], how far each centre went in all
}

func newBounds(x matrix.Matrix, norms []float64, k int) *bounds {
	b := &bounds{x: x, norms: norms, k: k, gone: make([]float64, k)}
	b.d, b.at = make([]float64, x.Rows*k), make([]float64, x.Rows*k)
	for i := range b.at {
		b.at[i] = math.Inf(-1)
	}
	return b
}

// assign gives each row to its nearest centre, the first of equals. assignment holds what the call before gave.
func (b *bounds) assign(assignment []int, centres matrix.Matrix) {
	if b.centres.Data != nil {
		for j := range b.gone {
			b.gone[j] += math.Sqrt(matrix.SqDist(centres.Row(j), b.centres.Row(j))) * (1 + slack)
		}
	}
	b.centres = centres
	largest := 0.0
	for _, n := range matrix.SquaredNorms(centres) {
		largest = max(largest, n)
	}
	var rows []int
	for i := range b.x.Rows {
		if !b.keeps(i, assignment[i], largest) {
			rows = append(rows, i)
		}
	}
	matrix.DistancesOf(rows, b.norms, b.x, centres, func(i int, d []float64) {
		assignment[i] = matrix.ArgMin(d)
		copy(b.d[i*b.k:], d)
		copy(b.at[i*b.k:(i+1)*b.k], b.gone)
	})
}

// slack is more than all relative roundings of a square root, a product and a sum of at most 2²⁰ terms.
const slack = 1e-9

// keeps reports whether row i is certain to stay with centre own. A squared distance is formed from three sums of D
// terms, wrong by at most (D+3)·2⁻⁵³ of (|x|+|c|)² ≤ 2·(|x|²+|c|²); twice that is allowed for.
func (b *bounds) keeps(i, own int, largest float64) bool {
	off := float64(b.x.Cols+8) * 0x1p-51 * (b.norms[i] + largest)
	d, at := b.d[i*b.k:][:b.k], b.at[i*b.k:][:b.k]
	upper := math.Sqrt(d[own]+off)*(1+slack) + (b.gone[own] - at[own])
	upper = upper*upper*(1+slack) + off
	for j := range d {
		if j == own {
			continue
		}
		lower := math.Sqrt(max(0, d[j]-off))*(1-slack) - (b.gone[j] - at[j])
		if !(lower > 0 && lower*lower*(1-slack)-off > upper) {
			return false
		}
	}
	return b.k > 1 || at[own] >= 0
}
