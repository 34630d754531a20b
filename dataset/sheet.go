package dataset

import (
	"bytes"
	"image"
)

// White returns a white image.
func White(w, h int) *RGB {
	im := newRGB(w, h)
	copy(im.Pix, bytes.Repeat([]byte{0xff}, len(im.Pix)))
	return im
}

// Place draws an image into im, every pixel scale × scale times, with its upper left corner at x, y. All of it must lie
// within im.
func (im *RGB) Place(x, y int, from *RGB, scale int) {
	for row := range from.H * scale {
		for col := range from.W * scale {
			to := (y+row)*im.W + x + col
			at := row/scale*from.W + col/scale
			copy(im.Pix[3*to:3*to+3], from.Pix[3*at:3*at+3])
		}
	}
}

// Image returns a copy for package image.
func (im *RGB) Image() *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, im.W, im.H))
	for i := range im.W * im.H {
		copy(m.Pix[4*i:], im.Pix[3*i:3*i+3])
		m.Pix[4*i+3] = 0xff
	}
	return m
}
