package dataset

import (
	"io"
	"slices"
)

// rowFiles are files of images that are nothing but pixels, one after the other, all of one size.
type rowFiles struct {
	files          []io.ReaderAt
	w, h, channels int
	columns        bool // in the file an image is stored column by column
}

// read returns an image as a Netpbm file.
func (r rowFiles) read(_ string, ref Ref) ([]byte, error) {
	plane := r.w * r.h
	pixels := make([]byte, plane*r.channels)
	if n, err := r.files[ref.in].ReadAt(pixels, ref.at); n < len(pixels) {
		return nil, err
	}
	if r.channels == 3 { // in the file all reds come first
		planes := slices.Clone(pixels)
		for i := range plane {
			at := i
			if r.columns {
				at = i%r.w*r.h + i/r.w
			}
			pixels[3*i], pixels[3*i+1], pixels[3*i+2] = planes[at], planes[plane+at], planes[2*plane+at]
		}
	}
	return netpbm(r.w, r.h, r.channels, pixels), nil
}

func (rowFiles) Close() error { return nil }

// size is that of the Netpbm files.
func (r rowFiles) size() int64 {
	return int64(len(netpbmHead(r.w, r.h, r.channels)) + r.w*r.h*r.channels)
}
