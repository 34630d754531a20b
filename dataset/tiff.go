package dataset

import (
	"bytes"
	"errors"
	"image"

	xtiff "golang.org/x/image/tiff"
)

func tiffConfig(data []byte) (image.Config, error) { return xtiff.DecodeConfig(bytes.NewReader(data)) }

// decodeTIFF decodes the first picture of a TIFF file, as far as golang.org/x/image has its form: grey, palette and colour of 8
// and 16 bits, or 1, plain or packed without loss. Fax codes are refused:
// golang.org/x/image gives black and white the wrong way round where photometric is 1. Where it is 0 they come out right, and are refused all the same.
func decodeTIFF(data []byte) (*RGB, error) {
	const compression, modified, group3, group4 = 0x0103, 2, 3, 4
	switch packed, _ := tiffNumber(data, compression); packed {
	case modified, group3, group4:
		return nil, errors.New("a TIFF packed with fax codes (CCITT), want one that is plain or packed with LZW, Deflate or PackBits")
	}
	m, err := xtiff.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return fromImage(m)
}

func exifTIFF(data []byte) exifData { return exifData{tiff: data} }
