package dataset

// Orient returns the image turned as an EXIF orientation says, 1 to 8: what the file has at the
// upper left belongs to the
//
//	1 upper left    2 upper right    3 lower right    4 lower left
//
// and from 5 to 8 the same with rows and columns exchanged first.
func Orient(im *RGB, orientation int) *RGB {
	w, h := im.W, im.H
	walks := [...]struct{ start, right, down int }{ // through the pixels of im
		2: {w - 1, -1, w},
		3: {w*h - 1, -1, -w},
		4: {w * (h - 1), 1, -w},
		5: {0, w, 1},
		6: {w * (h - 1), -w, 1},
		7: {w*h - 1, -w, -1},
		8: {w - 1, w, -1},
	}
	if orientation < 2 || orientation >= len(walks) {
		return im
	}
	if orientation >= 5 {
		w, h = h, w
	}
	turned, walk := newRGB(w, h), walks[orientation]
	turned.Note = im.Note
	dst := turned.Pix
	for y := range h {
		at := 3 * (walk.start + y*walk.down)
		for range w {
			copy(dst[:3], im.Pix[at:])
			dst = dst[3:]
			at += 3 * walk.right
		}
	}
	return turned
}

// Flip returns the mirror image, left and right exchanged.
func Flip(im *RGB) *RGB { return Orient(im, 2) }
