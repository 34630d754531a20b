package kernel

import "math"

// Winograd is the set of transforms of F(m×m, 3×3): the m×m outputs Y of a 3×3 kernel g on a tile d of n×n inputs,
// n = m+2, by n² multiplications instead of 9m² (Winograd 1980; Lavin and Gray, arXiv:1509.09308):
//
//	Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A
//
// and, with the gradient ∂Y of the outputs, its adjoint by the kernel:
//
//	∂g = Gᵀ [ (A ∂Y Aᵀ) ⊙ (Bᵀ d B) ] G
//
// The matrices evaluate and interpolate polynomials at 0, ±a, ±b and infinity (m = 4), or 0, ±1 and infinity
// (m = 2). docs/notes/winograd.md tells how a and b were chosen, and bounds the error.
//
// A transform works on vectors of channels, a multiple of 16, in the place of numbers. Its operands are n×n or m×m such
// vectors, in the order of rows: either at equal steps (a pointer and the distance in floats), or found
// through a table of pointers, from a given channel on. The tables spare the copy of windows:
// points outside the image are pointers to zeros, or to where nobody looks.
type Winograd struct {
	M, N int // sides of the tiles of outputs and of inputs

	at, a, g, gt, bt [][]float32 // Aᵀ [m, n], G [n, 3], Bᵀ [n, n], and two transposes
	coef             [16 * 16]float32
}

// WinogradTemp is scratch memory of the transforms.
type WinogradTemp [36 * 16]float32

var (
	winograd2 = newWinograd2()
	winograd4 = newWinograd4(math.Sqrt2/2, math.Sqrt2)
)

// WinogradOf returns the transforms of F(m×m, 3×3), m = 2 or 4.
func WinogradOf(m int) *Winograd {
	switch m {
	case 2:
		return winograd2
	case 4:
		return winograd4
	}
	panic("kernel: Winograd's tiles have 2 or 4 outputs a side")
}

// newWinograd4 returns F(4×4, 3×3) with the points 0, ±a, ±b and infinity.
func newWinograd4(a, b float64) *Winograd {
	p, q := a*a*b*b, a*a+b*b
	ip, ia, ib := 1/p, 1/(2*a*a*(a*a-b*b)), 1/(2*b*b*(b*b-a*a))
	w := &Winograd{M: 4, N: 6,
		at: matrix([][]float64{
			{1, 1, 1, 1, 1, 0},
			{0, a, -a, b, -b, 0},
			{0, a * a, a * a, b * b, b * b, 0},
			{0, a * a * a, -a * a * a, b * b * b, -b * b * b, 1}}),
		g: matrix([][]float64{
			{ip, 0, 0},
			{ia, a * ia, a * a * ia},
			{ia, -a * ia, a * a * ia},
			{ib, b * ib, b * b * ib},
			{ib, -b * ib, b * b * ib},
			{0, 0, 1}}),
		bt: matrix([][]float64{
			{p, 0, -q, 0, 1, 0},
			{0, -a * b * b, -b * b, a, 1, 0},
			{0, a * b * b, -b * b, -a, 1, 0},
			{0, -b * a * a, -a * a, b, 1, 0},
			{0, b * a * a, -a * a, -b, 1, 0},
			{0, p, 0, -q, 0, 1}}),
	}
	w.complete(p, q, a, b, a*a, b*b, a*a*a, b*b*b, ip, ia, a*ia, a*a*ia, ib, b*ib, b*b*ib, 0.5)
	return w
}

func newWinograd2() *Winograd {
	w := &Winograd{M: 2, N: 4,
		at: matrix([][]float64{{1, 1, 1, 0}, {0, 1, -1, 1}}),
		g:  matrix([][]float64{{-1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}),
		bt: matrix([][]float64{{-1, 0, 1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}}),
	}
	w.complete(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.5)
	return w
}

// Matrices returns Aᵀ, G and Bᵀ.
func (w *Winograd) Matrices() (at, g, bt [][]float32) { return w.at, w.g, w.bt }

// complete completes w with the transposes and the coefficients that the assembly reads, 16 lanes each.
func (w *Winograd) complete(c ...float64) {
	w.a, w.gt = transposed(w.at), transposed(w.g)
	for i, x := range c {
		for j := range 16 {
			w.coef[16*i+j] = float32(x)
		}
	}
}

func matrix(x [][]float64) [][]float32 {
	y := make([][]float32, len(x))
	for i, row := range x {
		for _, v := range row {
			y[i] = append(y[i], float32(v))
		}
	}
	return y
}

func transposed(x [][]float32) [][]float32 {
	y := make([][]float32, len(x[0]))
	for i := range y {
		for _, row := range x {
			y[i] = append(y[i], row[i])
		}
	}
	return y
}
