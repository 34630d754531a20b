package evaluate

import (
	"math"
	"math/rand/v2"
)

// Box is a part of an image, in pixels.
type Box struct {
	Top, Left, Height, Width int
}

// draws is where a crop's random numbers come from.
type draws interface {
	uniform(lo, hi float32) float32
	intN(n int) int
}

type random struct{ *rand.Rand }

func (r random) uniform(lo, hi float32) float32 { return lo + float32((hi-lo)*r.Float32()) }
func (r random) intN(n int) int                 { return r.IntN(n) }

// crop draws a part of an image of h×w pixels: RandomResizedCrop.get_params of torchvision, with its draws in its
// order and of its types. Ten times an area and a shape are drawn, until they fit into the image; else
// it is the largest central part of a shape allowed.
func (a Augment) crop(h, w int, r draws) Box {
	if a.Scale == [2]float64{} {
		return Box{0, 0, h, w}
	}
	lo, hi := float32(math.Log(float64(float32(a.Ratio[0])))), float32(math.Log(float64(float32(a.Ratio[1]))))
	for range 10 {
		area := float64(h*w) * float64(r.uniform(float32(a.Scale[0]), float32(a.Scale[1])))
		ratio := float64(float32(math.Exp(float64(r.uniform(lo, hi)))))
		width, height := nearest(math.Sqrt(area*ratio)), nearest(math.Sqrt(area/ratio))
		if 0 < width && width <= w && 0 < height && height <= h {
			top := r.intN(h - height + 1)
			return Box{top, r.intN(w - width + 1), height, width}
		}
	}
	width, height := w, h
	switch shape := float64(w) / float64(h); {
	case shape < a.Ratio[0]:
		height = nearest(float64(w) / a.Ratio[0])
	case shape > a.Ratio[1]:
		width = nearest(float64(h) * a.Ratio[1])
	}
	return Box{(h - height) / 2, (w - width) / 2, height, width}
}

// nearest rounds, halves to even.
func nearest(x float64) int { return int(math.RoundToEven(x)) }

// resizer resizes images as torchvision does it with tensors, bilinear:
//
//	y[i] = Σ_j k(i, j)·x[j] / Σ_j k(i, j)
//	k    = max(0, 1 − |j + 1/2 − (i + 1/2)·s| / max(1, s)),  s = inputs per output; with antialias
//	k    = max(0, 1 − |j + 1/2 − (i + 1/2)·s|)                                       without
//
// first along the rows, then along the columns.
type resizer struct {
	across, down taps
	wide         planes // as wide as the result, as high as the image
}

func (s *resizer) resize(dst, src planes, antialias bool) {
	s.across.set(src.w, dst.w, antialias)
	s.down.set(src.h, dst.h, antialias)
	s.wide.size(dst.w, src.h)
	for y := range 3 * src.h {
		s.across.filter(s.wide.pix[dst.w*y:][:dst.w], src.pix[src.w*y:][:src.w])
	}
	for c := range 3 {
		s.down.combine(dst.pix[c*dst.h*dst.w:][:dst.h*dst.w], s.wide.pix[c*src.h*dst.w:][:src.h*dst.w], dst.w)
	}
}

// taps are the weights of a resampling: output i is Σ weight[n·i+j]·x[first[i]+j] over j < n.
type taps struct {
	n      int
	first  []int
	weight []float32
}

// set makes t the taps from m inputs to n outputs.
func (t *taps) set(m, n int, antialias bool) {
	scale := float64(m) / float64(n)
	spread := 1.0
	if antialias {
		spread = max(1, scale)
	}
	t.n = min(m, int(math.Ceil(2*spread))+1)
	t.first, t.weight = t.first[:0], t.weight[:0]
	for i := range n {
		centre := (float64(i) + 0.5) * scale
		first := min(max(0, int(centre-spread+0.5)), m-t.n)
		weight := func(j int) float64 { return max(0, 1-math.Abs(float64(first+j)+0.5-centre)/spread) }
		sum := 0.0
		for j := range t.n {
			sum += weight(j)
		}
		t.first = append(t.first, first)
		for j := range t.n {
			t.weight = append(t.weight, float32(weight(j)/sum))
		}
	}
}

// filter makes dst, a row of outputs, from one of inputs.
func (t *taps) filter(dst, src []float32) {
	for i, first := range t.first {
		x, sum := src[first:first+t.n], float32(0)
		for j, w := range t.weight[t.n*i : t.n*i+t.n] {
			sum += float32(w * x[j])
		}
		dst[i] = sum
	}
}

// combine makes dst, rows of the given width, from rows of inputs.
func (t *taps) combine(dst, src []float32, width int) {
	clear(dst)
	for i, first := range t.first {
		sum := dst[width*i:][:width]
		for j, w := range t.weight[t.n*i : t.n*i+t.n] {
			if w == 0 {
				continue
			}
			for k, x := range src[width*(first+j):][:width] {
				sum[k] += float32(w * x)
			}
		}
	}
}
