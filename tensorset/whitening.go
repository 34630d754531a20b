package tensorset

import (
	"context"
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
	forth, back []float32 // [D, D]
}

// epsilonZCA is that of MTT's program; kornia's own default is 1e-6.
const epsilonZCA = 0.1

// mostWhitened is the largest D: 3·64·64, whose matrices have 1.2 GB each in float64.
const mostWhitened = 3 * 64 * 64

// mostEigen is the largest D of which eigenvectors are computed, in plain Go: seconds. Larger ones, from 17 × 17 pixels
// on, would take minutes, and have their roots by [products], in float32.
const mostEigen = 3 * 16 * 16

// Learner learns a whitening from images, one by one.
type Learner struct {
	n     int
	d     int
	rows  []float32 // x − ½ of some images
	sums  []float64
	gram  []float64 // Σ (x − ½)(x − ½)ᵀ, [D, D]
	batch int
	by    *products
}

// NewLearner returns a learner of images of w × h pixels.
func NewLearner(w, h int) (*Learner, error) {
	d := 3 * w * h
	if d > mostWhitened || d < 1 {
		return nil, fmt.Errorf("%w: a whitening of %d × %d pixels wants %d × %d numbers: want at most 64 × 64 pixels",
			ErrPixels, w, h, d, d)
	}
	by, err := newProducts(d)
	if err != nil {
		return nil, err
	}
	return &Learner{d: d, sums: make([]float64, d), gram: make([]float64, d*d), batch: 512, by: by}, nil
}

// Add takes an image [3, h, w], of which 1 is white.
func (l *Learner) Add(v []float32) error {
	for i, x := range v {
		l.rows = append(l.rows, x-0.5)
		l.sums[i] += float64(x - 0.5)
	}
	if l.n++; len(l.rows) == l.batch*l.d {
		return l.flush()
	}
	return nil
}

// flush adds the rows to the sum of products: of up to 512 images in float32, whose rounding is about √512·2⁻²⁴ of a
// number, of all in float64.
func (l *Learner) flush() error {
	if len(l.rows) == 0 {
		return nil
	}
	err := l.by.addGram(l.gram, l.rows)
	l.rows = make([]float32, 0, len(l.rows)) // the backend has the others
	return err
}

// Learn returns the whitening of the images so far, and ends the learner.
func (l *Learner) Learn() (*Whitening, error) {
	defer l.by.engine.Close()
	if err := l.flush(); err != nil {
		return nil, err
	}
	if l.n < 2 {
		return nil, fmt.Errorf("%w: a whitening of %d images, want at least 2", ErrPixels, l.n)
	}
	w := &Whitening{Images: l.n, mean: make([]float64, l.d)}
	n := float64(l.n)
	for i, s := range l.sums {
		w.mean[i] = s/n + 0.5
	}
	a := l.gram // C + ε
	for i := range l.d {
		for j := range l.d {
			a[i*l.d+j] = (a[i*l.d+j] - l.sums[i]*l.sums[j]/n) / (n - 1)
		}
		a[i*l.d+i] += epsilonZCA
	}
	var err error
	if l.d > mostEigen {
		w.back, w.forth, err = l.by.roots(a, epsilonZCA)
	} else {
		w.back, w.forth, err = eigenRoots(a, l.d)
	}
	if err != nil {
		return nil, err
	}
	ofBack, ofForth := rootError(a, w.back, w.forth, l.d, epsilonZCA)
	if !(ofBack <= mostError && ofForth <= mostError) {
		return nil, fmt.Errorf("%w: the whitening of %d images errs by up to %.2g, back by %.2g, want at most %g",
			ErrPixels, l.n, ofForth, ofBack, mostError)
	}
	return w, nil
}

// mostError is the bound that is let pass. Whitened images have a deviation of about ¼, and errors are some fifty times
// smaller than their bound (TestRoots).
const mostError = 1e-2

// eigenRoots returns A^½ and A^(−½) of a symmetric A [D, D] by its eigenvectors: the specification of
// [products.roots].
func eigenRoots(a []float64, d int) (root, inverse []float32, err error) {
	var eigen mat.EigenSym
	if !eigen.Factorize(mat.NewSymDense(d, a), true) {
		return nil, nil, errors.New("the covariance of the training images has no eigenvalues")
	}
	values := eigen.Values(nil)
	var u mat.Dense
	eigen.VectorsTo(&u)
	power := func(p float64) []float32 {
		var scaled mat.Dense
		scaled.Apply(func(_, j int, v float64) float64 {
			return v * math.Pow(max(values[j], epsilonZCA), p/2)
		}, &u)
		m := mat.NewSymDense(d, nil)
		m.SymOuterK(1, &scaled)
		flat := make([]float32, d*d)
		for i := range flat {
			flat[i] = float32(m.At(i/d, i%d))
		}
		return flat
	}
	return power(0.5), power(-0.5), nil
}

// What colours that a whitening gives back say of it. With the right one, images that were whitened and no more are
// bytes again, which is proof: with that of every second training image none is nearer to its level than chance has it.
// Images that learning moved prove nothing: by the whitening of other photographs 5 % of CIFAR-10 come to lie outside
// of black and white, by the right one 6 % if a quarter of a deviation of noise was added.
const (
	mostLooked   = 64  // images that are looked at
	nearLevel    = 0.1 // of a level of 8 bits: float32 errs by less, and of other numbers a fifth is as near
	provenLevels = 0.9 // share of numbers that near their level
	notWhitened  = 0.5 // share outside of black and white: 0.85 of images that are not whitened, 0.37 of doubled ones
)

// whiten takes the whitening back, and says what speaks for it.
func (s *Set) whiten(ctx context.Context, r *reader, o Options, e evidence) error {
	if o.Whitening == nil {
		return fmt.Errorf("%w: whitened images want the training set that they were whitened by (--zca-from SET)",
			ErrPixels)
	}
	if r.c != 3 {
		return fmt.Errorf("%w: whitened images of %d channel, want 3", ErrPixels, r.c)
	}
	if what := e.plain(); what != "" {
		return fmt.Errorf("%w: the images are not whitened: %s; whitened ones have numbers on both sides of 0, and no "+
			"levels: leave --pixels zca away", ErrPixels, what)
	}
	w, err := o.Whitening(ctx, r.w, r.h)
	if err != nil {
		return err
	}
	s.Notes = append(s.Notes, fmt.Sprintf("the whitening is taken back by that of %d training images, %d × %d pixels",
		w.Images, r.w, r.h))
	r.how = w
	level, outside, err := w.look(ctx, r)
	switch {
	case err != nil:
		return err
	case level >= provenLevels:
		s.Notes = append(s.Notes, "these are the training images by which it was whitened: all values become levels "+
			"of 8 bits again")
	case outside > notWhitened:
		s.Notes = append(s.Notes, fmt.Sprintf("warning: %.0f %% of the values come out darker than black or lighter "+
			"than white: the images were not whitened, or otherwise, or by a set of another kind", 100*outside))
	default:
		s.Notes = append(s.Notes, fmt.Sprintf("%.1f %% of the values come out darker than black or lighter than "+
			"white: nothing speaks against these training images, and nothing proves them, as always of images "+
			"that learning moved", 100*outside))
	}
	return nil
}

// plain says why numbers are certainly none of whitened images, "" if they may be.
func (e evidence) plain() string {
	if e.whole || e.low >= 0 {
		return "the numbers are " + e.text()
	}
	for _, w := range ways {
		if e.far[w.name] <= near && e.outside[w.name] == 0 {
			return fmt.Sprintf("by the mean and deviation of %s all numbers become levels of 8 bits", w.name)
		}
	}
	return ""
}

// look returns the shares of numbers that become levels of 8 bits, and that lie outside of black and white, in some
// images of all parts of the set.
func (w *Whitening) look(ctx context.Context, r *reader) (level, outside float64, err error) {
	var all float64
	step := (r.n + mostLooked - 1) / mostLooked
	for at := 0; at < r.n; at += step {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		v, err := r.raw(at)
		if err != nil {
			return 0, 0, err
		}
		w.apply(v, r.h*r.w)
		for _, x := range v {
			x := 255 * float64(x)
			if math.Abs(x-math.Round(x)) <= nearLevel {
				level++
			}
			if x < -0.5 || x > 255.5 {
				outside++
			}
			all++
		}
	}
	return level / all, outside / all, nil
}

// apply takes the whitening back; see toColour.
func (w *Whitening) apply(v []float32, _ int) {
	x := make([]float32, len(v))
	transform(x, w.back, v)
	for i := range v {
		v[i] = float32(float64(x[i]) + w.mean[i])
	}
}

// ID names what it does.
func (w *Whitening) ID() string { return fmt.Sprintf("zca %d %x", w.Images, w.mean) }

func (w *Whitening) id() string { return w.ID() }

// Whiten whitens an image [3, h, w] in place.
func (w *Whitening) Whiten(v []float32) {
	z := make([]float32, len(v))
	for i, x := range v {
		z[i] = float32(float64(x) - w.mean[i])
	}
	transform(v, w.forth, z)
}
