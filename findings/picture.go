package findings

import (
	"context"
	"math"

	"mgd3/dataset"
	"mgd3/matrix"
)

const (
	side  = 16
	width = 3 * side * side // numbers of a picture
	same  = 3.0             // grey levels up to which two pictures are one
)

// flat is the standard deviation in grey levels below which an image shows nothing.
const flat = 2.0

// table is the pictures of some images, and what else is to be known of each.
type table struct {
	set     *dataset.Set
	refs    []dataset.Ref
	x       matrix.Matrix // [N, 768]
	light   []*brightness
	spread  []float64 // standard deviation of all pixels in grey levels
	clipped []float64 // share of pixels whose colours are all 0 or all 255
}

// read makes the table of images, each read and decoded once: the 16 × 16 pixels, the brightness at 32 × 32, and the
// figures of the whole image in its own size. tick is called after each. An image that cannot be read is an error.
func read(ctx context.Context, set *dataset.Set, refs []dataset.Ref, how dataset.LoadOptions,
	tick func()) (table, error) {
	t := table{set: set, refs: refs, x: matrix.New(len(refs), width), light: make([]*brightness, len(refs)),
		spread:  make([]float64, len(refs)),
		clipped: make([]float64, len(refs))}
	i := 0
	for sample := range set.Load(ctx, refs, how) {
		if sample.Err != nil {
			return t, sample.Err
		}
		im := sample.Image
		t.spread[i], t.clipped[i] = about(im.Pix)
		t.light[i] = light(im)
		for k, v := range dataset.Resize(im, side, side, dataset.Bilinear).Pix {
			t.x.Row(i)[k] = float32(v)
		}
		i++
		tick()
	}
	return t, ctx.Err()
}

// about returns the standard deviation of all numbers of an image in grey levels, √(E v² − (E v)²) over all three
// channels together, and the share of its pixels that are black or white. Sums of squares of bytes are exact in float64
// up to 10¹¹ pixels.
func about(pix []uint8) (spread, clipped float64) {
	var sum, squares float64
	for i := 0; i+2 < len(pix); i += 3 {
		r, g, b := pix[i], pix[i+1], pix[i+2]
		if r == g && g == b && (r == 0 || r == 255) {
			clipped++
		}
		for _, v := range [...]float64{float64(r), float64(g), float64(b)} {
			sum += v
			squares += v * v
		}
	}
	n := float64(len(pix))
	return math.Sqrt(max(0, squares/n-sum/n*sum/n)), 3 * clipped / n
}

// Square is the middle square of an image.
func Square(im *dataset.RGB) *dataset.RGB {
	if im.W == im.H {
		return im
	}
	return dataset.CropCenter(im, min(im.W, im.H))
}

// levels is the distance of pictures in grey levels, √(Σ (aᵢ − bᵢ)² / 768), from the sum as package matrix has it.
func levels(square float64) float64 { return math.Sqrt(square / width) }

// first are the images of a class that are compared, most of all classes together: as many of each, at least one.
func first(set *dataset.Set, class, most int) []dataset.Ref {
	refs := set.Classes[class].Images
	return refs[:min(len(refs), max(1, most/len(set.Classes)))]
}
