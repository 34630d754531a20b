package dataset

import (
	"image/png"
	"io"
)

// ToTensor writes the image to dst [3, H, W], from 0..255 to -1..1, rounded as torchvision's
// ToTensor and Normalize(½, ½) do. It panics if dst has another length.
func ToTensor(dst []float32, im *RGB) {
	n := im.W * im.H
	r, g, b := dst[:n:n], dst[n:2*n:2*n], dst[2*n:3*n:len(dst)]
	for i := range n {
		p := im.Pix[3*i:][:3]
		r[i], g[i], b[i] = levels[p[0]], levels[p[1]], levels[p[2]]
	}
}

// levels are the tensor's values of the bytes.
var levels = func() (t [256]float32) {
	for i := range t {
		t[i] = (float32(i)/255 - 0.5) / 0.5
	}
	return t
}()

// FromTensor returns the image of a tensor [3, h, w] in -1..1, as torchvision's save_image makes
// bytes: clamped, mapped to 0..255 and rounded, halves up. NaN becomes 0.
func FromTensor(chw []float32, w, h int) *RGB {
	im := newRGB(w, h)
	n := w * h
	for c := range 3 {
		for i, v := range chw[c*n : (c+1)*n] {
			im.Pix[3*i+c] = level(v)
		}
	}
	return im
}

func level(v float32) uint8 {
	if !(v > -1) { // NaN too
		return 0
	}
	v = (min(v, 1) + 1) / 2
	return uint8(float32(v*255) + 0.5)
}

// WritePNG writes the image as a PNG file of 8-bit RGB.
func WritePNG(w io.Writer, im *RGB) error {
	return png.Encode(w, im.Image())
}
