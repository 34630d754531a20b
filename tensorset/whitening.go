package tensorset

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Whitening is the ZCA of MTT's program, which is kornia's ZCAWhitening(eps=0.1) over the training images in 0..1, not
// normalised (GeorgeCazenavette/mtt-distillation, utils.py; kornia 0.7, enhance/zca.py). With the covariance C of the
// N images [D], D = 3·h·w,
//
//	μ = mean,  C = Σ (x − μ)(x − μ)ᵀ / (N − 1) = U·S·Uᵀ
//	z = (x − μ)·U·(S + ε)^(−½)·Uᵀ,  x = z·U·(S + ε)^½·Uᵀ + μ
//
// TestWhiteningGolden holds it against kornia.
type Whitening struct {
	Images int // that it was learned from

	mean        []float64
	forth, back *mat.SymDense // [D, D]
}

// epsilonZCA is that of MTT's program; kornia's own default is 1e-6.
const epsilonZCA = 0.1

// mostWhitened is the largest D: 3·64·64, whose matrices have 1.2 GB each.
const mostWhitened = 3 * 64 * 64

// Learner learns a whitening from images, one by one.
type Learner struct {
	n     int
	d     int
	rows  []float64
	sums  []float64
	gram  *mat.SymDense // Σ (x − ½)(x − ½)ᵀ
	batch int
}

// NewLearner returns a learner of images of w × h pixels.
func NewLearner(w, h int) (*Learner, error) {
	d := 3 * w * h
	if d > mostWhitened || d < 1 {
		return nil, fmt.Errorf("%w: a whitening of %d × %d pixels wants %d × %d numbers: want at most 64 × 64 pixels",
			ErrPixels, w, h, d, d)
	}
	return &Learner{d: d, sums: make([]float64, d), gram: mat.NewSymDense(d, nil), batch: 512}, nil
}

// Add takes an image [3, h, w], of which 1 is white.
func (l *Learner) Add(v []float32) {
	for i, x := range v {
		y := float64(x) - 0.5
		l.rows = append(l.rows, y)
		l.sums[i] += y
	}
	if l.n++; len(l.rows) == l.batch*l.d {
		l.flush()
	}
}

func (l *Learner) flush() {
	if len(l.rows) == 0 {
		return
	}
	x := mat.NewDense(len(l.rows)/l.d, l.d, l.rows)
	var part mat.SymDense
	part.SymOuterK(1, x.T())
	l.gram.AddSym(l.gram, &part)
	l.rows = l.rows[:0]
}

// Learn returns the whitening of the images so far.
func (l *Learner) Learn() (*Whitening, error) {
	l.flush()
	if l.n < 2 {
		return nil, fmt.Errorf("%w: a whitening of %d images, want at least 2", ErrPixels, l.n)
	}
	w := &Whitening{Images: l.n, mean: make([]float64, l.d)}
	n := float64(l.n)
	for i, s := range l.sums {
		w.mean[i] = s/n + 0.5
	}
	c := mat.NewSymDense(l.d, nil)
	for i := range l.d {
		for j := i; j < l.d; j++ {
			c.SetSym(i, j, (l.gram.At(i, j)-l.sums[i]*l.sums[j]/n)/(n-1))
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(c, true) {
		return nil, errors.New("the covariance of the training images has no eigenvalues")
	}
	values := eigen.Values(nil)
	var u mat.Dense
	eigen.VectorsTo(&u)
	power := func(p float64) *mat.SymDense {
		var scaled mat.Dense
		scaled.Apply(func(_, j int, v float64) float64 {
			return v * math.Pow(max(values[j], 0)+epsilonZCA, p/2)
		}, &u)
		m := mat.NewSymDense(l.d, nil)
		m.SymOuterK(1, &scaled)
		return m
	}
	w.forth, w.back = power(-0.5), power(0.5)
	return w, nil
}

// apply takes the whitening back; see toColour.
func (w *Whitening) apply(v []float32, _ int) {
	z := make([]float64, len(v))
	for i, x := range v {
		z[i] = float64(x)
	}
	var x mat.VecDense
	x.MulVec(w.back, mat.NewVecDense(len(z), z))
	for i := range v {
		v[i] = float32(x.AtVec(i) + w.mean[i])
	}
}

// ID names what it does.
func (w *Whitening) ID() string { return fmt.Sprintf("zca %d %x", w.Images, w.mean) }

func (w *Whitening) id() string { return w.ID() }

// Whiten whitens an image [3, h, w] in place.
func (w *Whitening) Whiten(v []float32) {
	z := make([]float64, len(v))
	for i, x := range v {
		z[i] = float64(x) - w.mean[i]
	}
	var y mat.VecDense
	y.MulVec(w.forth, mat.NewVecDense(len(z), z))
	for i := range v {
		v[i] = float32(y.AtVec(i))
	}
}
