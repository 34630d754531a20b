package tensorset

import "math"

// enlarged cuts the part out of a collage v [3, h, w] of f × f, row by row, and makes it as large as the whole: the
// decoding of IDC's program (Kim et al. 2022, arXiv:2205.14959), bilinear as PyTorch's Upsample without aligned
// corners. Pixel i of n is read at (i + ½)/f − ½ of the part, and no further out than its border.
func enlarged(v []float32, w, h, f, part int) []float32 {
	pw, ph := w/f, h/f
	left, top := part%f*pw, part/f*ph
	out := make([]float32, len(v))
	for c := range 3 {
		from := v[c*w*h:]
		for y := range h {
			y0, y1, fy := between(y, ph, f)
			for x := range w {
				x0, x1, fx := between(x, pw, f)
				at := func(y, x int) float32 { return from[(top+y)*w+left+x] }
				upper := at(y0, x0)*(1-fx) + at(y0, x1)*fx
				lower := at(y1, x0)*(1-fx) + at(y1, x1)*fx
				out[c*w*h+y*w+x] = upper*(1-fy) + lower*fy
			}
		}
	}
	return out
}

// between returns the two of n pixels that pixel i of the f-fold lies between, and how far it is from the first.
func between(i, n, f int) (a, b int, share float32) {
	at := max(0, (float64(i)+0.5)/float64(f)-0.5)
	a = min(int(math.Floor(at)), n-1)
	return a, min(a+1, n-1), float32(at - float64(a))
}
