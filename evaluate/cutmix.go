package evaluate

import (
	"math"
	"math/rand/v2"
)

// Mix says how a batch was mixed: within Box, image i shows image Permutation[i].
type Mix struct {
	Kept        float64 // share of the pixels that stayed: 1 − Box's area / the image's
	Permutation []int
	Box         Box
}

// CutMix puts a part of each image x of the given shape [B, C, H, W] into another (Yun et al. 2019, arXiv:1905.04899,
// with Beta(1, 1)), in place. λ, the order of the images and the centre of the part are uniform; its
// sides are √(1−λ) of the image's, cut off, and what lies outside the image is left out. The loss of
// an image is Kept of the one for its label, and 1−Kept of the one for Permutation's.
func CutMix(x []float32, shape [4]int, r *rand.Rand) Mix {
	b, h, w := shape[0], shape[2], shape[3]
	lambda := r.Float64()
	order := r.Perm(b)
	box := cutBox(h, w, lambda, r.IntN(h), r.IntN(w))
	m := newMix(shape, order, box)
	m.apply(x, shape)
	return m
}

func newMix(shape [4]int, order []int, box Box) Mix {
	return Mix{1 - float64(box.Height*box.Width)/float64(shape[2]*shape[3]), order, box}
}

// cutBox is the part of an image of h×w around a pixel that λ leaves to another image.
func cutBox(h, w int, lambda float64, row, column int) Box {
	side := math.Sqrt(1 - lambda)
	height, width := int(float64(h)*side)/2, int(float64(w)*side)/2
	top, left := max(0, row-height), max(0, column-width)
	return Box{top, left, min(h, row+height) - top, min(w, column+width) - left}
}

func (m Mix) apply(x []float32, shape [4]int) {
	box := m.Box
	b, c, h, w := shape[0], shape[1], shape[2], shape[3]
	part := box.Height * box.Width
	parts := make([]float32, 0, b*c*part)
	// eachRow calls f with the rows of the part, of all channels and images.
	eachRow := func(image int, f func(row []float32)) {
		for channel := range c {
			for y := range box.Height {
				f(x[((image*c+channel)*h+box.Top+y)*w+box.Left:][:box.Width])
			}
		}
	}
	for _, from := range m.Permutation {
		eachRow(from, func(row []float32) { parts = append(parts, row...) })
	}
	for image := range b {
		eachRow(image, func(row []float32) { parts = parts[copy(row, parts):] })
	}
}

// CutOut makes a part of all images x of the given shape [B, C, H, W] black, 0, in place: ratio of each side, rounded,
// around a pixel that may lie beside the image by half of that (Zhao and Bilen 2021, arXiv:2102.08259, whose program
// draws one part for the whole batch).
func CutOut(x []float32, shape [4]int, ratio float64, r *rand.Rand) {
	height, width := cutSide(shape[2], ratio), cutSide(shape[3], ratio)
	row, column := r.IntN(shape[2]+1-height%2), r.IntN(shape[3]+1-width%2)
	cutOut(x, shape, ratio, row, column)
}

func cutSide(n int, ratio float64) int { return int(float64(float64(n)*ratio) + 0.5) }

func cutOut(x []float32, shape [4]int, ratio float64, row, column int) {
	h, w := shape[2], shape[3]
	height, width := cutSide(h, ratio), cutSide(w, ratio)
	top, left := max(0, row-height/2), max(0, column-width/2)
	bottom, right := min(h, row-height/2+height), min(w, column-width/2+width)
	for lo := 0; lo < len(x); lo += h * w {
		for y := top; y < bottom; y++ {
			clear(x[lo+y*w:][left:right])
		}
	}
}
