package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math"
	"strconv"
)

// A Netpbm file (https://netpbm.sourceforge.net/doc/) is
//
//	P1 to P6, width, height, the largest value, one space or line end, pixels
//
// with white space and comments between the numbers. P1 and P4 are of bits, where 1 is black, and have no largest
// value; P2 and P5 of grey; P3 and P6 of R, G, B. P1 to P3 have numbers in digits, P4 to P6 bytes: of P4 eight pixels
// each, else two where the largest value is over 255. P5 and P6 with 255 are the form of images that have no file:
// their pixels as they are.

// netpbm returns the file of w × h pixels of 1 or 3 bytes.
func netpbm(w, h, channels int, pixels []byte) []byte {
	return append(netpbmHead(w, h, channels), pixels...)
}

func netpbmHead(w, h, channels int) []byte {
	magic := "P5"
	if channels == 3 {
		magic = "P6"
	}
	return fmt.Appendf(nil, "%s\n%d %d\n255\n", magic, w, h)
}

// netpbmMost bounds the header, comments and all, in bytes.
const netpbmMost = 4096

// netpbmHeader is what comes before the pixels.
type netpbmHeader struct {
	kind              byte // '1' to '6'
	w, h, channels    int
	most              int // the largest value
	at                int // where the pixels begin
	bitmap, inDecimal bool
}

func parseNetpbm(data []byte) (n netpbmHeader, err error) {
	numbers := []int{0, 0, 1}
	n.kind, n.channels = data[1], 1
	n.bitmap, n.inDecimal = n.kind == '1' || n.kind == '4', n.kind <= '3'
	if n.kind == '3' || n.kind == '6' {
		n.channels = 3
	}
	head := data[:min(len(data), netpbmMost)]
	n.at = 2
	for i := range numbers {
		if n.bitmap && i == 2 {
			break
		}
		n.at = skipSpace(head, n.at)
		begin := n.at
		for n.at < len(head) && head[n.at] >= '0' && head[n.at] <= '9' {
			n.at++
		}
		if numbers[i], err = strconv.Atoi(string(head[begin:n.at])); err != nil {
			return n, errors.New("netpbm: the header is not of three numbers, or of two for bits")
		}
	}
	n.w, n.h, n.most = numbers[0], numbers[1], numbers[2]
	if n.most < 1 || n.most > 65535 {
		return n, fmt.Errorf("netpbm: values up to %d, want from 1 to 65535", n.most)
	}
	n.at++
	return n, nil
}

// skipSpace returns where white space and comments end.
func skipSpace(data []byte, at int) int {
	for at < len(data) {
		switch data[at] {
		case ' ', '\t', '\n', '\v', '\f', '\r':
			at++
		case '#':
			end := bytes.IndexAny(data[at:], "\r\n")
			if end < 0 {
				return len(data)
			}
			at += end
		default:
			return at
		}
	}
	return at
}

func netpbmConfig(data []byte) (image.Config, error) {
	n, err := parseNetpbm(data)
	return image.Config{Width: n.w, Height: n.h}, err
}

// decodeNetpbm decodes as Pillow does: values are of 0 to 255 in proportion to the largest, but grey of more than 255
// values is of 0 to 65535 first and then cut off.
func decodeNetpbm(data []byte) (*RGB, error) {
	n, err := parseNetpbm(data)
	if err != nil {
		return nil, err
	}
	count := n.w * n.h * n.channels
	data = data[min(n.at, len(data)):]
	if !n.inDecimal {
		have := len(data)
		want := count
		switch {
		case n.bitmap:
			want = (n.w + 7) / 8 * n.h
		case n.most > 255:
			want *= 2
		}
		if have < want {
			return nil, fmt.Errorf("netpbm: the file is cut short: have %d of %d bytes of pixels", have, want)
		}
	}
	if n.most == 255 && !n.inDecimal {
		return gather(image.Rect(0, 0, n.w, n.h), data, n.w*n.channels, n.channels, n.channels/2), nil
	}
	values, err := n.values(data, count)
	if err != nil {
		return nil, err
	}
	if n.channels == 1 && n.most > 255 {
		m := image.NewGray16(image.Rect(0, 0, n.w, n.h))
		for i, v := range values {
			v = uint16(n.scale(v, 65535))
			m.Pix[2*i], m.Pix[2*i+1] = uint8(v>>8), uint8(v)
		}
		return fromGray16(m), nil
	}
	im := newRGB(n.w, n.h)
	for i := range im.Pix {
		im.Pix[i] = uint8(n.scale(values[i*n.channels/3], 255))
	}
	return im, nil
}

func (n netpbmHeader) scale(v uint16, to float64) int {
	return int(min(math.RoundToEven(float64(v)/float64(n.most)*to), to))
}

// values returns the numbers of the pixels, white being the largest.
func (n netpbmHeader) values(data []byte, count int) ([]uint16, error) {
	if n.inDecimal && count > len(data) { // each has a digit at least
		return nil, fmt.Errorf("netpbm: the file is cut short: have %d bytes for %d numbers", len(data), count)
	}
	values := make([]uint16, count)
	at := 0
	for i := range values {
		switch {
		case n.kind == '4':
			row, x := i/n.w*((n.w+7)/8), i%n.w
			values[i] = uint16(1 - data[row+x/8]>>(7-x%8)&1)
		case !n.inDecimal && n.most > 255:
			values[i] = binary.BigEndian.Uint16(data[2*i:])
		case !n.inDecimal:
			values[i] = uint16(data[i])
		default:
			at = skipSpace(data, at)
			v, digits := 0, 0
			for at < len(data) && data[at] >= '0' && data[at] <= '9' && !(n.bitmap && digits == 1) && digits < 10 {
				v = 10*v + int(data[at]-'0')
				at++
				digits++
			}
			if digits == 0 {
				return nil, fmt.Errorf("netpbm: have %d of %d numbers", i, count)
			}
			if v > n.most {
				return nil, fmt.Errorf("netpbm: a value of %d, want up to %d", v, n.most)
			}
			if n.bitmap {
				v = 1 - v
			}
			values[i] = uint16(v)
		}
	}
	return values, nil
}
