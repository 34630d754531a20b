package matrix

import (
	"mgd3/matrix/internal/kernel"
)

// block is the number of rows that a core takes at a time; it is even.
const block = 16

// DistancesWith calls use(i, d) for every row i of x, in any order and from several goroutines, with
//
//	d[j] = |xᵢ|² − 2·xᵢ·cⱼ + |cⱼ|²  =  |xᵢ − cⱼ|²
//
// norms are the |xᵢ|², see [SquaredNorms]. d belongs to use for the time of the call.
//
// scikit-learn forms the products in float32 and therefore subtracts the mean of all rows first.
// Here the product of two float32 numbers is exact in float64 and the sum loses at most
// D·2⁻⁵³ of |xᵢ|·|cⱼ|, so nothing need be subtracted; TestFarFromTheOrigin has the numbers.
// Equal rows are at distance 0 exactly, since the three sums are then the same sum.
func DistancesWith(norms []float64, x, centres Matrix, use func(i int, d []float64)) {
	distances(x.Rows, func(at int) int { return at }, norms, x, centres, use)
}

// DistancesOf is DistancesWith for some rows of x. A row's distances are the same bytes, whatever the others.
func DistancesOf(rows []int, norms []float64, x, centres Matrix, use func(i int, d []float64)) {
	distances(len(rows), func(at int) int { return rows[at] }, norms, x, centres, use)
}

// distances is DistancesWith for n rows, of which row says the number.
func distances(n int, row func(at int) int, norms []float64, x, centres Matrix, use func(i int, d []float64)) {
	centreNorms := SquaredNorms(centres)
	InBlocks(n, block, func(lo, hi int) {
		d := make([]float64, block*centres.Rows)
		for at := lo; at < hi; at += 2 {
			dotsOfTwo(d[(at-lo)*centres.Rows:], x.Row(row(at)), x.Row(row(min(at+1, n-1))), centres)
		}
		for at := lo; at < hi; at++ {
			i, own := row(at), d[(at-lo)*centres.Rows:][:centres.Rows]
			for j, norm := range centreNorms {
				own[j] = max(0, norms[i]-2*own[j]+norm)
			}
			use(i, own)
		}
	})
}

// Distances calls use(i, d) for every row i of x, in any order and from several goroutines, with the
// squared distances d [y.Rows] of that row to the rows of y. d belongs to use for the time of the call. x and y
// have equally many columns. Beside its arguments it holds 16·y.Rows numbers per core.
func Distances(x, y Matrix, use func(i int, d []float64)) { DistancesWith(SquaredNorms(x), x, y, use) }

// dotsOfTwo writes the products of two rows with the centres: two lines of centres.Rows numbers.
func dotsOfTwo(d []float64, first, second []float32, centres Matrix) {
	rows := [2][]float32{first, second}
	var four [4][]float32
	for j := 0; j < centres.Rows; j += 4 {
		for l := range four {
			four[l] = centres.Row(min(j+l, centres.Rows-1))
		}
		dots := kernel.Dots(&rows, &four)
		copy(d[j:centres.Rows], dots[0][:])
		copy(d[centres.Rows+j:2*centres.Rows], dots[1][:])
	}
}

// SquaredNorms returns |xᵢ|² of every row, summed in the order of the products.
func SquaredNorms(x Matrix) []float64 {
	norms, zero := make([]float64, x.Rows), make([]float32, x.Cols)
	InBlocks(x.Rows, block, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			norms[i] = kernel.SqDist(x.Row(i), zero)
		}
	})
	return norms
}

// SqDist returns |a − b|².
func SqDist(a, b []float32) float64 { return kernel.SqDist(a, b) }
