package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	"golang.org/x/image/webp"
)

func webpConfig(data []byte) (image.Config, error) { return webp.DecodeConfig(bytes.NewReader(data)) }

// decodeWebP decodes the picture of a WebP file, or of a moving one the first frame: what that leaves of the canvas
// is black. Alpha lies in a chunk of its own and is left out.
func decodeWebP(data []byte) (*RGB, error) {
	if still := webpStill(data); still != nil {
		return decodeStill(still)
	}
	frame, canvas := webpChunk(data, "ANMF"), webpChunk(data, "VP8X")
	const header = 16 // of a frame: place, size, duration, flags
	if len(frame) < header || len(canvas) < 10 {
		return nil, errors.New("webp: the file is cut short: it has no picture")
	}
	still := webpStill(append(make([]byte, 12), frame[header:]...))
	if still == nil {
		return nil, errors.New("webp: the first frame is cut short: it has no picture")
	}
	part, err := decodeStill(still)
	if err != nil {
		return nil, err
	}
	three := func(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
	w, h, x, y := three(canvas[4:])+1, three(canvas[7:])+1, 2*three(frame), 2*three(frame[3:])
	if x+part.W > w || y+part.H > h {
		return nil, fmt.Errorf("webp: the first frame, %d × %d pixels at %d, %d, is beyond the canvas of %d × %d",
			part.W, part.H, x, y, w, h)
	}
	if part.W == w && part.H == h {
		return part, nil
	}
	im := newRGB(w, h)
	for row := range part.H {
		copy(im.Pix[3*((y+row)*w+x):], part.Pix[3*row*part.W:][:3*part.W])
	}
	return im, nil
}

// decodeStill decodes a file of nothing but a picture.
func decodeStill(still []byte) (*RGB, error) {
	if err := checkSize(webpConfig(still)); err != nil { // may be other than the canvas
		return nil, err
	}
	m, err := webp.Decode(bytes.NewReader(still))
	if err != nil {
		return nil, err
	}
	if ycc, ok := m.(*image.YCbCr); ok {
		return fromVP8(ycc), nil
	}
	return fromImage(m)
}

// webpStill returns a WebP file of nothing but the picture, or nil.
func webpStill(data []byte) []byte {
	for _, id := range []string{"VP8 ", "VP8L"} {
		if chunk := webpChunk(data, id); chunk != nil {
			still := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len("WEBP")+8+len(chunk)+len(chunk)%2))
			still = append(still, "WEBP"+id...)
			still = binary.LittleEndian.AppendUint32(still, uint32(len(chunk)))
			return append(append(still, chunk...), 0)
		}
	}
	return nil
}

// webpChunk returns the content of the first chunk with an id, or nil.
func webpChunk(data []byte, id string) []byte {
	const header = 8
	for data = data[min(12, len(data)):]; len(data) >= header; {
		size := int64(binary.LittleEndian.Uint32(data[4:]))
		if size > int64(len(data)-header) {
			return nil
		}
		if string(data[:4]) == id {
			return data[header:][:size]
		}
		data = data[min(header+size+size%2, int64(len(data))):]
	}
	return nil
}

// fromVP8 converts VP8's Y, U, V, which unlike JFIF's span 16..235 and 16..240 (ITU-R BT.601), with
// the factors of libwebp (dsp/yuv.h) in units of 2⁻¹⁴:
//
//	R = 1.164·Y' + 1.596·V'    G = 1.164·Y' − 0.392·U' − 0.813·V'    B = 1.164·Y' + 2.017·U'
//
// with Y' = Y − 16, U' = U − 128, V' = V − 128.
func fromVP8(m *image.YCbCr) *RGB {
	im := newRGB(m.Rect.Dx(), m.Rect.Dy())
	scale := func(v uint8, factor int) int { return int(v) * factor >> 8 }
	for y := range im.H {
		for x := range im.W {
			u, v := vp8Chroma(m, m.Cb, x, y), vp8Chroma(m, m.Cr, x, y)
			luma := scale(m.Y[m.YOffset(x, y)], 19077)
			p := im.Pix[3*(y*im.W+x):]
			p[0] = clip6(luma + scale(v, 26149) - 14234)
			p[1] = clip6(luma - scale(u, 6419) - scale(v, 13320) + 8708)
			p[2] = clip6(luma + scale(u, 33050) - 17685)
		}
	}
	return im
}

// clip6 drops 6 binary places and clamps to a byte.
func clip6(v int) uint8 { return uint8(min(max(v>>6, 0), 0xff)) }

// vp8Chroma interpolates a sample of U or V for one pixel of 4:2:0 as libwebp does (dsp/upsampling.c):
// 9/16 of the nearest sample, 3/16 of those beside and above or below it, 1/16 of the fourth.
// What is beyond the edge is repeated.
func vp8Chroma(m *image.YCbCr, plane []uint8, x, y int) uint8 {
	columns, rows := (m.Rect.Dx()+1)/2, (m.Rect.Dy()+1)/2
	i, j := x/2, y/2
	i2, j2 := min(max(i+x%2*2-1, 0), columns-1), min(max(j+y%2*2-1, 0), rows-1)
	at := func(i, j int) int { return int(plane[j*m.CStride+i]) }
	near, beside, above, fourth := at(i, j), at(i2, j), at(i, j2), at(i2, j2)
	if i2 == i { // at the left or right edge libwebp rounds once
		return uint8((3*near + above + 2) >> 2)
	}
	diagonal := (near + 3*beside + 3*above + fourth + 8) >> 3
	return uint8((diagonal + near) >> 1)
}
