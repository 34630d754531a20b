package dataset

import (
	"bytes"
	"errors"
	"image"
	"image/gif"
)

func gifConfig(data []byte) (image.Config, error) { return gif.DecodeConfig(bytes.NewReader(data)) }

// decodeGIF decodes the first frame. What it leaves of the canvas has the transparent colour, or
// else the first one, as in Pillow.
func decodeGIF(data []byte) (*RGB, error) {
	opaque, fill := gifOpaque(data)
	c, err := gifConfig(opaque)
	if err != nil {
		return nil, err
	}
	m, err := gif.Decode(bytes.NewReader(opaque))
	if err != nil {
		return nil, err
	}
	frame, ok := m.(*image.Paletted)
	if !ok {
		return nil, errors.New("gif: the frame has no palette")
	}
	return fromPaletted(frame, image.Rect(0, 0, c.Width, c.Height), fill), nil
}

// gifOpaque returns the GIF without the transparency of its first frame, so that the decoder
// keeps the transparent colour, and that colour's number, or 0. It leaves it to the decoder to
// find fault with the file.
func gifOpaque(data []byte) ([]byte, int) {
	const (
		header, extension, control = 13, 0x21, 0xf9
		hasPalette, hasTransparent = 0x80, 0x01
	)
	at := func(i int) int {
		if i < len(data) {
			return int(data[i])
		}
		return 0
	}
	opaque, fill := data, 0
	pos := header
	if flags := at(10); flags&hasPalette != 0 {
		pos += 3 << (1 + flags&7)
	}
	for at(pos) == extension {
		if at(pos+1) == control && at(pos+2) == 4 && at(pos+3)&hasTransparent != 0 {
			opaque = bytes.Clone(opaque)
			opaque[pos+3] &^= hasTransparent
			fill = at(pos + 6)
		}
		for pos += 2; at(pos) != 0; {
			pos += 1 + at(pos)
		}
		pos++
	}
	return opaque, fill
}
