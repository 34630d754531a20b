package dataset

import (
	"bytes"
	"fmt"
	"image"

	"mgd3/dataset/internal/jpegplane"
	"mgd3/dataset/internal/kernel"
)

// decodePlanes decodes any sampling factors that libjpeg has, and files without an end whose data are all there.
func decodePlanes(data []byte, h *jpegHead) (*RGB, error) {
	planes, scans, err := jpegplane.Decode(data)
	if err != nil {
		return nil, scansError(err)
	}
	note := extraNote(scans.Extra)
	if !h.whole {
		if zeros := len(bytes.TrimRight(data, "\x00")); scans.End > zeros &&
			!(scans.End == zeros+1 && data[zeros-1] == 0xff) {
			return nil, fmt.Errorf("%w; zeros stand in place of pixels", errCut)
		}
		note = "the file is damaged, but all pixels are there: it has no end-of-image marker"
	}
	rows, err := newRows(planes, h)
	if err != nil {
		return nil, err
	}
	im := newRGB(h.w, h.h)
	im.Note = note
	var cmyk *image.CMYK
	if len(planes) == 4 {
		cmyk = image.NewCMYK(image.Rect(0, 0, h.w, h.h))
	}
	for y := range h.h {
		c := rows.at(y)
		dst := im.Pix[3*y*h.w : 3*(y+1)*h.w]
		switch len(planes) {
		case 1:
			interleave(dst, 3, c[0], c[0], c[0])
		case 3:
			if h.rgb() {
				interleave(dst, 3, c...)
			} else {
				kernel.YCbCr(dst, c[0], c[1], c[2])
			}
		case 4:
			fromAdobe(cmyk.Pix[y*cmyk.Stride:][:4*h.w], dst, c, h.adobe > 0)
		}
	}
	if cmyk != nil {
		im = fromCMYK(cmyk)
		im.Note = note
	}
	return im, nil
}

// fromAdobe writes one row of C, M, Y, K. The files have them inverted, and Pillow takes that for granted where no
// marker says it; of Y, Cb, Cr, K, the first three are those of the inverse, which so are C, M, Y as they are. rgb is
// room.
func fromAdobe(dst, rgb []uint8, c [][]uint8, ycck bool) {
	if !ycck {
		interleave(dst, 4, c...)
		for i := range dst {
			dst[i] = 0xff - dst[i]
		}
		return
	}
	kernel.YCbCr(rgb, c[0], c[1], c[2])
	for x := range len(dst) / 4 {
		copy(dst[4*x:], rgb[3*x:][:3])
		dst[4*x+3] = 0xff - c[3][x]
	}
}

// interleave writes a pixel of one sample of each row, and so on.
func interleave(dst []uint8, n int, rows ...[]uint8) {
	for c, row := range rows {
		for x := range len(dst) / n {
			dst[n*x+c] = row[x]
		}
	}
}

// planeRows brings the rows of several planes to the size of the image.
type planeRows struct {
	planes []jpegplane.Plane
	ups    []upsampler
	rows   [][]uint8
}

func newRows(planes []jpegplane.Plane, h *jpegHead) (*planeRows, error) {
	hMax, vMax := 1, 1
	for _, p := range planes {
		hMax, vMax = max(hMax, p.H), max(vMax, p.V)
	}
	r := &planeRows{planes: planes}
	for _, p := range planes {
		if hMax%p.H != 0 || vMax%p.V != 0 {
			return nil,
				fmt.Errorf("a JPEG with %d × %d samples of a component where another has %d × %d: want whole ratios",
					p.H, p.V, hMax, vMax)
		}
		up := upsampler{stride: p.Stride, columns: p.W, rows: p.Ht, h: hMax / p.H, v: vMax / p.V}
		up.width = up.columns * up.h
		r.ups = append(r.ups, up)
		r.rows = append(r.rows, make([]uint8, up.width))
	}
	return r, nil
}

// at returns row y of each plane; the next call overwrites it.
func (r *planeRows) at(y int) [][]uint8 {
	for i := range r.ups {
		r.ups[i].row(r.rows[i], r.planes[i].Pix, y)
	}
	return r.rows
}
