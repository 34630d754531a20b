package dataset

import (
	"fmt"
	"image"
	"math"
)

// CropADM returns the central size × size pixels of the image, scaled so that its short side is
// size: halved with [Box] while it has twice that or more, then resized with [Bicubic]. Halves
// are cut off, the other side is rounded, offsets are cut off. The crop of ADM's and DiT's
// training, center_crop_arr.
func CropADM(im *RGB, size int) *RGB {
	wantPositive(size)
	for min(im.W, im.H) >= 2*size {
		im = Resize(im, im.W/2, im.H/2, Box)
	}
	scale := float64(size) / float64(min(im.W, im.H))
	w := int(math.RoundToEven(float64(im.W) * scale))
	h := int(math.RoundToEven(float64(im.H) * scale))
	return resize(im, w, h, Bicubic, square((w-size)/2, (h-size)/2, size))
}

// CropCenter returns the central size × size pixels of the image, resized with [Bilinear] so that
// its short side is size. The other side is cut off, offsets are rounded, halves to even.
// torchvision's Resize(size) and CenterCrop(size) on PIL images.
func CropCenter(im *RGB, size int) *RGB { return CropCenterOf(im, size, size) }

// CropCenterOf is CropCenter of the image resized so that its short side is short, at least size.
func CropCenterOf(im *RGB, short, size int) *RGB {
	wantPositive(size)
	if short < size {
		panic(fmt.Sprintf("dataset: crop to %d pixels of %d, want no more than there are", size, short))
	}
	side := min(im.W, im.H)
	w, h := short*im.W/side, short*im.H/side
	return resize(im, w, h, Bilinear, square(halfToEven(w-size), halfToEven(h-size), size))
}

func wantPositive(size int) {
	if size <= 0 {
		panic(fmt.Sprintf("dataset: crop to %d pixels, want a positive number", size))
	}
}

func halfToEven(n int) int { return int(math.RoundToEven(float64(n) / 2)) }

func square(left, top, size int) image.Rectangle {
	return image.Rect(left, top, left+size, top+size)
}
