package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"

	"github.com/gen2brain/jpegn"

	"mgd3/dataset/internal/jpegplane"
	"mgd3/dataset/internal/kernel"
)

// decodeJPEG decodes up to the planes of Y, Cb and Cr with jpegn, and continues from there as libjpeg
// does: libjpeg interpolates between the samples of subsampled chroma. jpegn fills up what is missing
// of a file without a word, and has no form for rare samplings; files without an end, and those, go to
// [decodePlanes]. CMYK with Adobe's marker goes to the standard library. docs/notes/jpeg.md has the differences
// and the speed.
func decodeJPEG(data []byte) (*RGB, error) {
	h, err := readJPEGHead(data)
	if err != nil {
		return nil, err
	}
	if !h.whole || !h.common() {
		return decodePlanes(data, h)
	}
	decode := func(data []byte) (image.Image, error) { return jpegn.Decode(bytes.NewReader(data)) }
	if len(h.comps) == 4 {
		decode = func(data []byte) (image.Image, error) { return jpeg.Decode(bytes.NewReader(data)) }
	}
	scans, err := jpegplane.Walk(data)
	if err != nil {
		return nil, scansError(err)
	}
	m, err := decode(data)
	if err != nil {
		return nil, err
	}
	var im *RGB
	if ycc, ok := m.(*image.YCbCr); ok {
		im = fromYCbCr(ycc)
	} else if im, err = fromImage(m); err != nil {
		return nil, err
	}
	im.Note = extraNote(scans.Extra)
	return im, nil
}

// scansError says what is wrong with the data of a file's scans.
func scansError(err error) error {
	if errors.Is(err, jpegplane.ErrCut) {
		return fmt.Errorf("%w; pixels are missing", errCut)
	}
	return err
}

// extraNote is the note on a file in whose scans so many bytes stand that no pixel asked for. Either they are
// padding, or codes before them were damaged: the file does not tell.
func extraNote(bytes int) string {
	if bytes == 0 {
		return ""
	}
	return fmt.Sprintf("the file may be damaged: its pixels end %d bytes before their data do", bytes)
}

// fromYCbCr converts full-range Y, Cb, Cr (JFIF, ITU-T T.871) whose upper left is at 0, 0.
func fromYCbCr(m *image.YCbCr) *RGB {
	im := newRGB(m.Rect.Dx(), m.Rect.Dy())
	up := newUpsampler(m)
	cb, cr := make([]uint8, up.width), make([]uint8, up.width)
	for y := range im.H {
		up.row(cb, m.Cb, y)
		up.row(cr, m.Cr, y)
		kernel.YCbCr(im.Pix[3*y*im.W:3*(y+1)*im.W], m.Y[y*m.YStride:], cb, cr)
	}
	return im
}

// upsampler brings the rows of a chroma plane to the size of the image; libjpeg, jdsample.c:
//
//	twice as wide: 3/4 of the nearer sample, 1/4 of the further one   h2v1, h1v2
//	and as high:   the same in both directions                        h2v2
//
// What has no further neighbour, at the edges, is repeated, as are all samples of other ratios
// and of planes of one or two columns.
type upsampler struct {
	stride, columns, rows int // of the plane; the columns and rows that belong to the image
	h, v                  int // pixels per sample
	width                 int // of the rows that row writes: columns·h
}

func newUpsampler(m *image.YCbCr) *upsampler {
	up := &upsampler{stride: m.CStride, h: 1, v: 1}
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		up.h = 2
	case image.YCbCrSubsampleRatio420:
		up.h, up.v = 2, 2
	case image.YCbCrSubsampleRatio440:
		up.v = 2
	case image.YCbCrSubsampleRatio411:
		up.h = 4
	case image.YCbCrSubsampleRatio410:
		up.h, up.v = 4, 2
	}
	up.columns, up.rows = (m.Rect.Dx()+up.h-1)/up.h, (m.Rect.Dy()+up.v-1)/up.v
	up.width = up.columns * up.h
	return up
}

// row writes the samples of plane for the pixels of row y.
func (up *upsampler) row(dst, plane []uint8, y int) {
	near := plane[y/up.v*up.stride:][:up.columns]
	switch {
	case up.h == 1 && up.v == 1:
		copy(dst, near)
	case up.h == 2 && up.v == 1 && up.columns > 2:
		widen(dst, near)
	case up.h == 1 && up.v == 2 || up.h == 2 && up.v == 2 && up.columns > 2:
		other := min(max(y/2+y%2*2-1, 0), up.rows-1)
		far := plane[other*up.stride:][:up.columns]
		if up.h == 1 {
			blend(dst, near, far, 1+int32(y%2))
			return
		}
		kernel.Widen(dst, near, far)
	default:
		repeat(dst, near, up.h)
	}
}

func repeat(dst, src []uint8, times int) {
	for i := range dst {
		dst[i] = src[i/times]
	}
}

// blend is h1v2; bias is the rounding, 1 or 2 by turns.
func blend(dst, near, far []uint8, bias int32) {
	for i, s := range near {
		dst[i] = uint8((3*int32(s) + int32(far[i]) + bias) >> 2)
	}
}

// widen is h2v1, of three columns or more.
func widen(dst, src []uint8) {
	n := len(src)
	dst[0], dst[2*n-1] = src[0], src[n-1]
	left := int32(src[0])
	for i, s := range src[1:] {
		right := int32(s)
		d := dst[2*i+1:][:2]
		d[0], d[1] = uint8((3*left+right+2)>>2), uint8((3*right+left+1)>>2)
		left = right
	}
}
