package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math/bits"
)

// bmpHead is the headers of a BMP file, of any of the versions of Windows and OS/2.
type bmpHead struct {
	w, h     int
	down     bool // rows begin at the top
	bits     int  // per pixel
	packing  uint32
	masks    [3]uint32
	palette  []uint8 // B, G, R, and one byte more where entry is 4
	entry    int     // bytes of a palette's entry
	pixels   int     // where they begin
	fileSize int
}

const (
	bmpRaw, bmpRLE8, bmpRLE4, bmpMasks, bmpMasksAlpha = 0, 1, 2, 3, 6

	bmpFileHeader = 14
)

func readBMPHead(data []byte) (*bmpHead, error) {
	if len(data) < bmpFileHeader+12 {
		return nil, errors.New("bmp: the headers are cut short")
	}
	le := binary.LittleEndian
	h := &bmpHead{pixels: int(le.Uint32(data[10:])), fileSize: len(data), entry: 4}
	size := int(le.Uint32(data[bmpFileHeader:]))
	b := data[bmpFileHeader:]
	if size > len(b) || size != 12 && size < 16 {
		return nil, fmt.Errorf("bmp: a header of %d bytes, want 12, 16 to 64, 108 or 124", size)
	}
	colours, after := 0, bmpFileHeader+size
	if size == 12 {
		h.entry = 3
		h.w, h.h, h.bits = int(le.Uint16(b[4:])), int(le.Uint16(b[6:])), int(le.Uint16(b[10:]))
	} else {
		head := make([]byte, max(size, 56)) // OS/2 may end early: the rest is 0
		copy(head, b[:size])
		h.w, h.h, h.bits = int(int32(le.Uint32(head[4:]))), int(int32(le.Uint32(head[8:]))), int(le.Uint16(head[14:]))
		h.packing, colours = le.Uint32(head[16:]), int(le.Uint32(head[32:]))
		if h.h < 0 {
			h.h, h.down = -h.h, true
		}
		if masked := h.packing == bmpMasks || h.packing == bmpMasksAlpha; masked && size < 52 {
			n := 12
			if h.packing == bmpMasksAlpha {
				n = 16
			}
			if after+n > len(data) {
				return nil, errors.New("bmp: the headers are cut short")
			}
			copy(head[40:], data[after:][:12])
			after += n
		}
		for i := range h.masks {
			h.masks[i] = le.Uint32(head[40+4*i:])
		}
	}
	return h, h.check(data, colours, after)
}

// check completes the headers: the masks and the palette, which begins at after.
func (h *bmpHead) check(data []byte, colours, after int) error {
	switch {
	case h.packing == bmpRaw && h.bits == 16, h.packing == bmpMasks && h.bits == 16 && h.masks == [3]uint32{}:
		h.masks = [3]uint32{0x7c00, 0x3e0, 0x1f}
	case h.packing == bmpRaw && (h.bits == 24 || h.bits == 32), h.packing == bmpMasks && h.masks == [3]uint32{}:
		h.masks = [3]uint32{0xff0000, 0xff00, 0xff}
	}
	ok := false
	switch h.packing {
	case bmpRaw:
		ok = h.bits == 1 || h.bits == 2 || h.bits == 4 || h.bits == 8 || h.bits == 16 || h.bits == 24 || h.bits == 32
	case bmpRLE8:
		ok = h.bits == 8
	case bmpRLE4:
		ok = h.bits == 4
	case bmpMasks, bmpMasksAlpha:
		ok = h.bits == 16 || h.bits == 24 || h.bits == 32
	}
	if !ok {
		return fmt.Errorf("bmp: %d bits in the compression %d: want 1, 2, 4, 8, 16, 24 or 32 plain, 4 or 8 in runs, "+
			"or masks",
			h.bits, h.packing)
	}
	if h.bits <= 8 {
		if colours <= 0 || colours > 1<<h.bits {
			colours = 1 << h.bits
		}
		if h.pixels > after {
			colours = min(colours, (h.pixels-after)/h.entry)
		}
		end := after + colours*h.entry
		if end > len(data) {
			return errors.New("bmp: the palette is cut short")
		}
		h.palette = data[after:end]
		after = end
	}
	if h.pixels == 0 {
		h.pixels = after
	}
	return nil
}

func bmpConfig(data []byte) (image.Config, error) {
	h, err := readBMPHead(data)
	if err != nil {
		return image.Config{}, err
	}
	return image.Config{Width: h.w, Height: h.h}, nil
}

// decodeBMP decodes a BMP file. Rows are filled up to four bytes and mostly begin at the bottom. Alpha is dropped.
func decodeBMP(data []byte) (*RGB, error) {
	h, err := readBMPHead(data)
	if err != nil {
		return nil, err
	}
	data = data[min(h.pixels, len(data)):]
	if h.packing == bmpRLE8 || h.packing == bmpRLE4 {
		indices, err := h.runs(data)
		if err != nil {
			return nil, err
		}
		return h.rows(indices, h.w, 8), nil
	}
	stride := (h.w*h.bits + 31) / 32 * 4
	if last := (h.w*h.bits + 7) / 8; len(data) < stride*(h.h-1)+last {
		return nil, fmt.Errorf("bmp: the file is cut short: have %d of %d bytes of pixels", len(data), stride*h.h)
	}
	return h.rows(data, stride, h.bits), nil
}

// rows converts rows of stride bytes and pixels of some bits.
func (h *bmpHead) rows(data []byte, stride, perPixel int) *RGB {
	im := newRGB(h.w, h.h)
	for y := range h.h {
		row := data[y*stride:]
		to := h.h - 1 - y
		if h.down {
			to = y
		}
		dst := im.Pix[3*to*h.w:][:3*h.w]
		for x := range h.w {
			if perPixel <= 8 {
				at := x * perPixel
				h.colour(dst[3*x:], int(row[at/8]>>(8-perPixel-at%8))&(1<<perPixel-1))
				continue
			}
			v := uint32(0)
			for i := range perPixel / 8 {
				v |= uint32(row[x*perPixel/8+i]) << (8 * i)
			}
			for c, mask := range h.masks {
				dst[3*x+c] = masked(v, mask)
			}
		}
	}
	return im
}

// colour writes an entry of the palette; one that is not there is black.
func (h *bmpHead) colour(dst []uint8, i int) {
	if at := i * h.entry; at+3 <= len(h.palette) {
		dst[0], dst[1], dst[2] = h.palette[at+2], h.palette[at+1], h.palette[at]
	}
}

// masked returns the bits of v below the mask, of 0 to 255.
func masked(v, mask uint32) uint8 {
	if mask == 0 {
		return 0
	}
	low := bits.TrailingZeros32(mask)
	return uint8(uint64(v&mask>>low) * 255 / uint64(mask>>low))
}

// runs decodes RLE8 and RLE4 to one index per byte. What the runs leave out has the index 0.
func (h *bmpHead) runs(data []byte) ([]byte, error) {
	out := make([]byte, h.w*h.h)
	x, y := 0, 0
	put := func(v byte) {
		if x < h.w && y < h.h {
			out[y*h.w+x] = v
		}
		x++
	}
	for len(data) >= 2 {
		n, v := int(data[0]), data[1]
		data = data[2:]
		switch {
		case n > 0 && h.bits == 8:
			for range n {
				put(v)
			}
		case n > 0:
			for i := range n {
				put(v >> (4 - 4*(i%2)) & 15)
			}
		case v == 0: // end of line
			x, y = 0, y+1
		case v == 1: // end of the picture
			return out, nil
		case v == 2: // a step
			if len(data) >= 2 {
				x, y = x+int(data[0]), y+int(data[1])
				data = data[2:]
			}
		default: // as they are, filled up to two bytes
			used := (int(v)*h.bits + 7) / 8
			if used > len(data) {
				return nil, errors.New("bmp: the file is cut short: a run of pixels is missing")
			}
			for i := range int(v) {
				if h.bits == 8 {
					put(data[i])
				} else {
					put(data[i/2] >> (4 - 4*(i%2)) & 15)
				}
			}
			data = data[min(used+used%2, len(data)):]
		}
	}
	if y < h.h-1 || y == h.h-1 && x < h.w {
		return nil, fmt.Errorf("bmp: the file is cut short: have %d of %d rows", y, h.h)
	}
	return out, nil
}
