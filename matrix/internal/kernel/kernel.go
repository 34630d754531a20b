// Package kernel holds the inner loops of package matrix: float32 numbers, summed in float64.
//
// A sum over n numbers is kept in eight lanes, term i in lane i mod 8, each lane from the first
// term to the last, and the lanes are added as
//
//	((l₀+l₄) + (l₂+l₆)) + ((l₁+l₅) + (l₃+l₇))
//
// The product of two float32 numbers is exact in float64, so it does not matter whether it is fused with
// the addition, and squares of differences are rounded before they are added. Plain Go, AVX2 and AVX-512
// therefore give the same bytes on every machine.
package kernel

//go:generate sh -c "cd _asm && go run . -out ../kernel_amd64.s -stubs ../stub_amd64.go -pkg kernel"

// Lanes of a sum.
const Lanes = 8

type lanes = [Lanes]float64

func sum(l *lanes) float64 {
	return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

// The loops behind the functions below, dots, sqDist and add, are given whole groups of eight columns: n
// is a multiple of eight. The first two set the lanes, they do not add to them.

// Dots returns d[r][j] = Σᵢ x[r][i]·c[j][i]. All rows have the same length.
func Dots(x *[2][]float32, c *[4][]float32) (d [2][4]float64) {
	cols := sameLength(x[:], len(x[0]))
	sameLength(c[:], cols)
	var sums [2][4]lanes
	whole := cols &^ (Lanes - 1)
	if whole > 0 {
		dots(&sums, x, c, whole)
	}
	for r := range x {
		for j := range c {
			for i := whole; i < cols; i++ {
				sums[r][j][i-whole] += float64(x[r][i]) * float64(c[j][i])
			}
			d[r][j] = sum(&sums[r][j])
		}
	}
	return d
}

// sameLength returns n, the length of all rows.
func sameLength(rows [][]float32, n int) int {
	for _, row := range rows {
		if len(row) != n {
			panic("kernel: rows of different lengths")
		}
	}
	return n
}

// SqDist returns Σᵢ (a[i] − b[i])², each square rounded to float64. a and b have the same length.
func SqDist(a, b []float32) float64 {
	b = b[:len(a)]
	var sums lanes
	whole := len(a) &^ (Lanes - 1)
	if whole > 0 {
		sqDist(&sums, &a[0], &b[0], whole)
	}
	for i := whole; i < len(a); i++ {
		d := float64(a[i]) - float64(b[i])
		sums[i-whole] += float64(d * d)
	}
	return sum(&sums)
}

// Add adds x to sums, number by number.
func Add(sums []float64, x []float32) {
	sums = sums[:len(x)]
	whole := len(x) &^ (Lanes - 1)
	if whole > 0 {
		add(&sums[0], &x[0], whole)
	}
	for i := whole; i < len(x); i++ {
		sums[i] += float64(x[i])
	}
}
