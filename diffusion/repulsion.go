package diffusion

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// The images of a class are held apart by the gradient of an energy of their predicted x0 (CGS of RSM+CGS; the RBF
// kernel as in Stein's variational gradient and "repulsion" of the same literature):
//
//	determinant   −ln det(K + εI),  K[i,j] = cos(x0[i], x0[j]),  ε = 0.01
//	rbf           Σ_{i<j} exp(−|x0[i] − x0[j]|²/2h²),  h² the median of the squared distances
//
// Its directions r = −∂/∂x0 are scaled so that their root mean square over the images is that of the distances of x0
// from their mean: then scale s moves what an image is pulled to by s of the spread. The mean is matched as well:
//
//	to ← to + s·( r + μ − mean(x0) ),   μ the mean of the class, Σ size·centre / Σ size
//
// The pull's strength stays λ's. s = 0 and a single image change nothing.

const determinantEps = 0.01

// apart returns where images [n, d] are pulled to, held apart.
func (s Settings) apart(class Class, to, x0 []float32, d int) []float32 {
	n := len(x0) / d
	if n < 2 {
		return to
	}
	mean, centred, spread := meanOf(x0, d), make([]float64, len(x0)), 0.0
	for i, v := range x0 {
		centred[i] = float64(v) - mean[i%d]
		spread += centred[i] * centred[i]
	}
	var r []float64
	if s.Together == Determinant {
		r = determinantForce(x0, d)
	} else {
		r = rbfForce(x0, d)
	}
	size := 0.0
	for _, v := range r {
		size += v * v
	}
	factor := 0.0
	if size > 0 {
		factor = math.Sqrt(spread / size)
	}
	mu := class.mean(d)
	moved := slices.Clone(to)
	for i := range moved {
		moved[i] += float32(s.TogetherScale * (factor*r[i] + mu[i%d] - mean[i%d]))
	}
	return moved
}

func meanOf(x []float32, d int) []float64 {
	mean := make([]float64, d)
	for i, v := range x {
		mean[i%d] += float64(v) / float64(len(x)/d)
	}
	return mean
}

// mean is Σ size·centre / Σ size of the class.
func (c Class) mean(d int) []float64 {
	mean, total := make([]float64, d), 0.0
	for _, m := range c.Sizes {
		total += m
	}
	for j, m := range c.Sizes {
		for l, v := range c.Centres[j*d : (j+1)*d] {
			mean[l] += m / total * float64(v)
		}
	}
	return mean
}

// determinantForce returns ∂ ln det(K + εI)/∂x0 [n, d]: 2·Σⱼ M[i,j]·(u[j] − K[i,j]·u[i])/|x0[i]|, with M the inverse
// and u the unit vectors.
func determinantForce(x0 []float32, d int) []float64 {
	n := len(x0) / d
	unit, norms := make([]float64, len(x0)), make([]float64, n)
	for i := range n {
		row := x0[i*d : (i+1)*d]
		norms[i] = math.Sqrt(squaredDistance(row, make([]float32, d)))
		for l, v := range row {
			if norms[i] > 0 {
				unit[i*d+l] = float64(v) / norms[i]
			}
		}
	}
	k := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			dot := 0.0
			for l := range d {
				dot += unit[i*d+l] * unit[j*d+l]
			}
			k.SetSym(i, j, dot)
		}
	}
	sum := mat.NewSymDense(n, nil)
	sum.CopySym(k)
	for i := range n {
		sum.SetSym(i, i, k.At(i, i)+determinantEps)
	}
	var chol mat.Cholesky
	inverse := mat.NewSymDense(n, nil)
	if !chol.Factorize(sum) || chol.InverseTo(inverse) != nil {
		return make([]float64, len(x0)) // of numbers that are not finite, which the run reports
	}
	r := make([]float64, len(x0))
	for i := range n {
		if norms[i] == 0 {
			continue
		}
		for j := range n {
			if j == i {
				continue
			}
			w := 2 * inverse.At(i, j) / norms[i]
			for l := range d {
				r[i*d+l] += w * (unit[j*d+l] - k.At(i, j)*unit[i*d+l])
			}
		}
	}
	return r
}

// rbfForce returns Σⱼ exp(−|x0[i] − x0[j]|²/2h²)·(x0[i] − x0[j])/h² [n, d].
func rbfForce(x0 []float32, d int) []float64 {
	n := len(x0) / d
	var all []float64
	for i := range n {
		for j := range i {
			all = append(all, squaredDistance(x0[i*d:(i+1)*d], x0[j*d:(j+1)*d]))
		}
	}
	sorted := slices.Sorted(slices.Values(all))
	h := sorted[len(sorted)/2]
	r := make([]float64, len(x0))
	if h == 0 {
		return r
	}
	at := 0
	for i := range n {
		for j := range i {
			w := math.Exp(-all[at]/(2*h)) / h
			at++
			for l := range d {
				diff := w * (float64(x0[i*d+l]) - float64(x0[j*d+l]))
				r[i*d+l] += diff
				r[j*d+l] -= diff
			}
		}
	}
	return r
}
