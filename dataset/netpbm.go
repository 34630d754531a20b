package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
	"strconv"
)

// A Netpbm file of bytes (https://netpbm.sourceforge.net/doc/ppm.html) is
//
//	P5 or P6, width, height, 255, one space or line end, pixels
//
// with white space and comments between the numbers, and one grey (P5, PGM) or R, G, B (P6, PPM) per
// pixel. It is the form of images that have no file: their pixels as they are.

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

// parseNetpbm returns the size of an image, its bytes per pixel, and where its pixels begin.
func parseNetpbm(data []byte) (w, h, channels, at int, err error) {
	var numbers [3]int
	data = data[:min(len(data), netpbmMost)]
	at = 2
	for i := range numbers {
		at = skipSpace(data, at)
		begin := at
		for at < len(data) && data[at] >= '0' && data[at] <= '9' {
			at++
		}
		if numbers[i], err = strconv.Atoi(string(data[begin:at])); err != nil {
			return 0, 0, 0, 0, errors.New("netpbm: the header is not of three numbers")
		}
	}
	if numbers[2] != 255 {
		return 0, 0, 0, 0, fmt.Errorf("netpbm: values up to %d, want 255", numbers[2])
	}
	channels = 1
	if data[1] == '6' {
		channels = 3
	}
	return numbers[0], numbers[1], channels, at + 1, nil
}

// skipSpace returns where white space and comments end.
func skipSpace(data []byte, at int) int {
	for at < len(data) {
		switch data[at] {
		case ' ', '\t', '\n', '\v', '\f', '\r':
			at++
		case '#':
			end := bytes.IndexByte(data[at:], '\n')
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

func netpbmConfig(r io.Reader) (image.Config, error) {
	head, err := io.ReadAll(io.LimitReader(r, netpbmMost))
	if err != nil {
		return image.Config{}, err
	}
	w, h, _, _, err := parseNetpbm(head)
	return image.Config{Width: w, Height: h}, err
}

func decodeNetpbm(data []byte) (*RGB, error) {
	w, h, channels, at, err := parseNetpbm(data)
	if err != nil {
		return nil, err
	}
	if len(data) < at+w*h*channels {
		return nil, fmt.Errorf("netpbm: %d bytes for %d × %d pixels of %d", len(data), w, h, channels)
	}
	return gather(image.Rect(0, 0, w, h), data[at:], w*channels, channels, channels/2), nil
}
