package dataset

import (
	"bytes"
	"image"

	xtiff "golang.org/x/image/tiff"
)

func tiffConfig(data []byte) (image.Config, error) { return xtiff.DecodeConfig(bytes.NewReader(data)) }

// decodeTIFF decodes the first picture of a TIFF file, as far as golang.org/x/image has its form: grey, palette and colour of 8
// and 16 bits, or 1, plain or packed without loss.
func decodeTIFF(data []byte) (*RGB, error) {
	m, err := xtiff.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return fromImage(m)
}

func exifTIFF(data []byte) exifData { return exifData{tiff: data} }
