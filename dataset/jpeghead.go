package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
)

// jpegHead is what the segments of a JPEG file say before and between the data of the scans (ITU-T T.81, annex B).
type jpegHead struct {
	frame     byte // the marker of the frame header, 0xc0 and so on; 0 is none
	precision int  // bits
	w, h      int
	comps     []jpegComponent
	jfif      bool
	adobe     int  // the transform of Adobe's marker, or -1
	whole     bool // there is an end-of-image marker
	tables    bool // there are Huffman tables
}

type jpegComponent struct {
	id   byte
	h, v int // sampling factors
}

var errCut = errors.New("the file is cut short: want a JPEG up to its end-of-image marker")

// readJPEGHead walks over the segments up to the end-of-image marker, and refuses what no decoder here can read.
func readJPEGHead(data []byte) (*jpegHead, error) {
	h := walkJPEG(data)
	switch {
	case h.frame == 0 && !h.whole:
		return nil, errCut
	case h.frame == 0:
		return nil, errors.New("the JPEG holds no picture: it has no frame header")
	case h.frame >= 0xc9:
		return nil, errors.New("a JPEG of arithmetic coding, want Huffman codes")
	case h.frame > 0xc2:
		return nil, errors.New("a lossless or hierarchical JPEG, want a baseline or progressive one")
	case h.precision != 8:
		return nil, fmt.Errorf("a JPEG of %d bits, want 8", h.precision)
	case len(h.comps) != 1 && len(h.comps) != 3 && len(h.comps) != 4:
		return nil, fmt.Errorf("a JPEG of %d components, want 1, 3 or 4", len(h.comps))
	}
	return h, nil
}

func walkJPEG(data []byte) *jpegHead {
	const endOfImage, restart0, temporary = 0xd9, 0xd0, 0x01
	h := &jpegHead{adobe: -1}
	pos := 2 // after the start of image
	for {
		next := bytes.IndexByte(data[min(pos, len(data)):], 0xff)
		if next < 0 {
			return h
		}
		for pos += next; pos < len(data) && data[pos] == 0xff; pos++ { // fill bytes
		}
		if pos >= len(data) {
			return h
		}
		marker := data[pos]
		pos++
		switch {
		case marker == endOfImage:
			h.whole = true
			return h
		case marker == 0 || marker == temporary || marker >= restart0 && marker < restart0+8:
			// A byte 0xff of a scan's data, or a marker without a segment.
		case pos+2 > len(data):
			return h
		default: // a segment; the data of a scan follow its header and are searched for the next marker
			n := int(binary.BigEndian.Uint16(data[pos:]))
			if n >= 2 && pos+n <= len(data) {
				h.segment(marker, data[pos+2:pos+n])
			}
			pos += n
		}
	}
}

// segment notes what a segment says.
func (h *jpegHead) segment(marker byte, b []byte) {
	const table, reserved, conditioning = 0xc4, 0xc8, 0xcc // between the markers of frames
	switch {
	case marker == 0xe0 && bytes.HasPrefix(b, []byte("JFIF\x00")):
		h.jfif = true
	case marker == table:
		h.tables = true
	case marker == 0xee && len(b) >= 12 && bytes.HasPrefix(b, []byte("Adobe")):
		h.adobe = int(b[11])
	case marker >= 0xc0 && marker <= 0xcf && marker != table && marker != reserved && marker != conditioning:
		if h.frame != 0 || len(b) < 6 || len(b) < 6+3*int(b[5]) {
			return
		}
		h.frame, h.precision = marker, int(b[0])
		h.h, h.w = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
		for i := range int(b[5]) {
			c := b[6+3*i:]
			h.comps = append(h.comps, jpegComponent{id: c[0], h: int(c[1] >> 4), v: int(c[1] & 15)})
		}
	}
}

func jpegConfig(data []byte) (image.Config, error) {
	h, err := readJPEGHead(data)
	if err != nil {
		return image.Config{}, err
	}
	return image.Config{Width: h.w, Height: h.h}, nil
}

// rgb says whether three components are R, G, B and not Y, Cb, Cr; libjpeg, jdapimin.c.
func (h *jpegHead) rgb() bool {
	if h.jfif {
		return false
	}
	return h.adobe == 0 || h.adobe < 0 && h.namedRGB()
}

func (h *jpegHead) namedRGB() bool {
	return h.comps[0].id == 'R' && h.comps[1].id == 'G' && h.comps[2].id == 'B'
}

// common says whether the fast decoders have a form for the file: one component; chroma of one sample per unit and
// luma of one, two or, across, four; R, G, B and CMYK of full size, the latter with Adobe's marker and tables of its
// own.
func (h *jpegHead) common() bool {
	if len(h.comps) == 1 {
		return true
	}
	factors := ""
	for _, c := range h.comps {
		factors += fmt.Sprint(c.h, "x", c.v, " ")
	}
	if len(h.comps) == 4 {
		return h.adobe == 0 && h.tables && factors == "1x1 1x1 1x1 1x1 "
	}
	if taken := h.adobe == 0 || h.namedRGB(); taken != h.rgb() { // jpegn looks at no JFIF
		return false
	}
	switch factors {
	case "1x1 1x1 1x1 ":
		return true
	case "2x1 1x1 1x1 ", "2x2 1x1 1x1 ", "1x2 1x1 1x1 ", "4x1 1x1 1x1 ", "4x2 1x1 1x1 ":
		return !h.rgb()
	}
	return false
}
