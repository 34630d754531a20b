package dataset

import (
	"fmt"
	"image"
	"math"

	"mgd3/dataset/internal/kernel"
)

// Filter is a kernel of resampling: weight gives its values for -support < x < support.
type Filter struct {
	support float64
	weight  func(x float64) float64
}

// The filters of PIL.
var (
	Box      = Filter{0.5, box}
	Bilinear = Filter{1, bilinear}
	Bicubic  = Filter{2, bicubic}
	Lanczos  = Filter{3, lanczos}
)

func box(x float64) float64 {
	if -0.5 < x && x <= 0.5 {
		return 1
	}
	return 0
}

func bilinear(x float64) float64 { return max(0, 1-math.Abs(x)) }

// bicubic is the kernel of Keys 1981 with a = -1/2. The conversions keep compilers from fusing
// products into sums, whose rounding differs.
func bicubic(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	switch {
	case x < 1:
		y := float64((a+2)*x) - (a + 3)
		return float64(y*x*x) + 1
	case x < 2:
		y := float64((x-5)*x) + 8
		return (float64(y*x) - 4) * a
	}
	return 0
}

func lanczos(x float64) float64 {
	if -3 <= x && x < 3 {
		return sinc(x) * sinc(x/3)
	}
	return 0
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// Resize returns the image resized to w × h as PIL's Image.resize does it; see the package
// comment. It panics unless w and h are positive.
func Resize(im *RGB, w, h int, f Filter) *RGB {
	if w <= 0 || h <= 0 {
		panic(fmt.Sprintf("dataset: resize to %d × %d, want positive sizes", w, h))
	}
	return resize(im, w, h, f, image.Rect(0, 0, w, h))
}

// resize returns the part window of the image resized to w × h. Only what that part needs is
// computed. Along a side that keeps its length all filters are the identity.
func resize(im *RGB, w, h int, f Filter, window image.Rectangle) *RGB {
	if im.Values != nil && w == im.W && h == im.H && window == image.Rect(0, 0, w, h) {
		return im
	}
	columns := newTaps(im.W, w, f, window.Min.X, window.Max.X)
	rows := newTaps(im.H, h, f, window.Min.Y, window.Max.Y)
	top, bottom := rows.First[0], rows.First[len(rows.First)-1]+rows.Width
	return filterColumns(filterRows(im, top, bottom, columns), top, rows)
}

// newTaps returns the weights k of the package comment for the pixels from ≤ i < to of n that are
// made of m. All pixels get as many as the one that has most; those too many are 0.
func newTaps(m, n int, f Filter, from, to int) kernel.Taps {
	scale := float64(m) / float64(n)
	spread := max(1, scale)
	reach := f.support * spread
	centre := func(i int) float64 { return float64((float64(from+i) + 0.5) * scale) }
	bounds := func(i int) (first, end int) {
		return max(0, int(centre(i)-reach+0.5)), min(m, int(centre(i)+reach+0.5))
	}
	width := 0
	for i := range to - from {
		first, end := bounds(i)
		width = max(width, end-first)
	}
	t := kernel.Taps{Width: width, First: make([]int, to-from), Weights: make([]int32, width*(to-from))}
	w := make([]float64, width)
	for i := range t.First {
		first, end := bounds(i)
		w, sum := w[:end-first], 0.0
		for j := range w {
			w[j] = f.weight(float64((float64(first+j) - centre(i) + 0.5) * (1 / spread)))
			sum += w[j]
		}
		t.First[i] = min(first, m-width)
		own := t.Weights[width*i+first-t.First[i]:]
		for j := range w {
			own[j] = int32(math.Round(w[j] / sum * (1 << kernel.WeightBits)))
		}
	}
	return t
}

// filterRows filters the rows top ≤ y < bottom.
func filterRows(im *RGB, top, bottom int, taps kernel.Taps) *RGB {
	out := newRGB(len(taps.First), bottom-top)
	for y := range out.H {
		kernel.Row(out.Pix[3*out.W*y:3*out.W*(y+1)], im.Pix[3*im.W*(top+y):3*im.W*(top+y+1)], taps)
	}
	return out
}

// filterColumns filters the columns of an image whose first row is the input's row top.
func filterColumns(im *RGB, top int, taps kernel.Taps) *RGB {
	out := newRGB(im.W, len(taps.First))
	width := 3 * im.W
	for y, first := range taps.First {
		kernel.Column(out.Pix[width*y:width*(y+1)], im.Pix[width*(first-top):], width,
			taps.Weights[taps.Width*y:taps.Width*(y+1)])
	}
	return out
}
