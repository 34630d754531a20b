package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"slices"

	xtiff "golang.org/x/image/tiff"
)

// tiffHead is what the first directory of a TIFF file says of its picture (TIFF 6.0, section 8). What it does not say
// is 0.
type tiffHead struct {
	bits                 []int // of each sample of a pixel
	packing, colours     int   // Compression, PhotometricInterpretation
	extra, format        int   // ExtraSamples, or -1, and SampleFormat: the first of each
	planes, fill         int   // PlanarConfiguration, FillOrder
	predictor, fax       int   // Predictor, T4Options
	width, tile, turning int   // ImageWidth, TileWidth, Orientation
}

const (
	tiffWhiteIsZero, tiffBlackIsZero, tiffRGB, tiffPalette = 0, 1, 2, 3 // colours

	// Packings; 0 and 1 are none.
	tiffGroup3, tiffGroup4, tiffLZW, tiffDeflate, tiffPackBits, tiffOldDeflate = 3, 4, 5, 8, 32773, 32946

	tiffExtra = 0x0152 // the tag of ExtraSamples

	tiffReads = "want grey, a palette or colour of 8 or 16 bits, or 1 bit, plain or packed " +
		"with LZW, Deflate, PackBits or fax codes of one dimension"
)

func readTIFFHead(data []byte) *tiffHead {
	firstOr := func(tag uint16, none int) int {
		if n := tiffNumbers(data, tag); len(n) > 0 {
			return n[0]
		}
		return none
	}
	first := func(tag uint16) int { return firstOr(tag, 0) }
	h := &tiffHead{
		bits: tiffNumbers(data, 0x0102), packing: first(0x0103), colours: first(0x0106),
		extra: firstOr(tiffExtra, -1), format: first(0x0153), planes: first(0x011c), fill: first(0x010a),
		predictor: first(0x013d), fax: first(0x0124), width: first(0x0100), tile: first(0x0142),
	}
	h.turning, _ = orientation(data)
	if len(h.bits) == 0 {
		h.bits = []int{1}
	}
	return h
}

var tiffPackings = map[int]string{
	2: "modified Huffman codes (CCITT)", 6: "JPEG data of the old kind", 7: "JPEG data",
	34712: "JPEG 2000 data", 34887: "LERC data", 34925: "LZMA data", 50000: "Zstandard data", 50001: "WebP data",
}

var tiffColours = map[int]string{
	4: "a mask", 5: "CMYK", 6: "Y, Cb and Cr", 8: "CIE L*a*b*", 9: "ICC L*a*b*", 10: "ITU L*a*b*",
	32803: "the raw data of a camera", 34892: "the raw data of a camera",
}

// unread says what in the file golang.org/x/image does not read, or reads as other pixels than Pillow; "" if nothing.
func (h *tiffHead) unread() string {
	isFax := h.packing == tiffGroup3 || h.packing == tiffGroup4
	differences := h.packing == tiffLZW || h.packing == tiffDeflate || h.packing == tiffOldDeflate
	depth := h.bits[0]
	switch {
	case tiffPackings[h.packing] != "":
		return tiffPackings[h.packing]
	case h.packing > 1 && !isFax && !differences && h.packing != tiffPackBits:
		return fmt.Sprintf("the compression %d", h.packing)
	case tiffColours[h.colours] != "":
		return tiffColours[h.colours]
	case h.colours > tiffPalette:
		return fmt.Sprintf("the colours %d", h.colours)
	case h.format == 2:
		return "signed numbers"
	case h.format == 3:
		return "floating-point numbers"
	case h.format > 1:
		return fmt.Sprintf("the sample format %d", h.format)
	case depth != 1 && depth != 8 && depth != 16:
		return fmt.Sprintf("%d bits", depth)
	case slices.ContainsFunc(h.bits, func(n int) bool { return n != depth }):
		return fmt.Sprint("samples of several sizes, ", h.bits, " bits")
	case h.colours != tiffRGB && len(h.bits) == 2:
		return "grey or a palette with alpha"
	case h.colours != tiffRGB && len(h.bits) > 1,
		h.colours == tiffRGB && len(h.bits) != 3 && (len(h.bits) != 4 || h.extra < 0):
		return fmt.Sprintf("%d samples of a pixel, some of unknown meaning", len(h.bits))
	case h.colours == tiffPalette && depth == 16:
		return "a palette of 16 bits"
	case h.planes == 2 && len(h.bits) > 1:
		return "a plane for each colour"
	case h.fill == 2 && !isFax:
		return "reversed bits"
	case h.packing == tiffGroup3 && h.fax != 0:
		return "fax codes of two dimensions or with filled lines (CCITT Group 3)"
	case isFax && depth != 1:
		return fmt.Sprintf("fax codes of %d bits", depth)
	case h.predictor > 2 || h.predictor == 2 && (!differences || depth == 1):
		return fmt.Sprintf("the predictor %d", h.predictor)
	case h.tile > 0 && h.width%h.tile != 0 &&
		!(h.colours == tiffRGB && depth == 8 || h.colours != tiffRGB && depth == 16):
		return "tiles that reach beyond its right edge"
	}
	return ""
}

// mended returns the file with an extra sample of unknown meaning taken for alpha, which is dropped as well.
func (h *tiffHead) mended(data []byte) []byte {
	if len(h.bits) != 4 || h.extra != 0 {
		return data
	}
	data = bytes.Clone(data)
	entry, order := tiffEntry(data, tiffExtra)
	const short, alpha = 3, 2
	order.PutUint16(entry[2:], short)
	order.PutUint32(entry[4:], 1)
	order.PutUint16(entry[8:], alpha)
	return data
}

// tiffConfig refuses what decodeTIFF would not read as Pillow does.
func tiffConfig(data []byte) (image.Config, error) {
	if data[2] == '+' || data[3] == '+' {
		return image.Config{}, errors.New("a BigTIFF, want a TIFF (of places of 32 bits)")
	}
	h := readTIFFHead(data)
	if kind := h.unread(); kind != "" {
		return image.Config{}, fmt.Errorf("a TIFF of %s: %s", kind, tiffReads)
	}
	c, err := xtiff.DecodeConfig(bytes.NewReader(h.mended(data)))
	if h.turning > 4 {
		c.Width, c.Height = c.Height, c.Width
	}
	return c, err
}

// decodeTIFF decodes the first picture of a TIFF file with golang.org/x/image, and mends what that has otherwise than
// Pillow: fax codes where 0 is black come out inverted; grey of 16 bits where 0 is white does, but not in Pillow;
// colours times alpha are not divided by it. The picture is turned as the file says: Pillow turns every TIFF that it
// opens.
func decodeTIFF(data []byte) (*RGB, error) {
	h := readTIFFHead(data)
	m, err := xtiff.Decode(bytes.NewReader(h.mended(data)))
	if err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case *image.Gray:
		if fax := h.packing == tiffGroup3 || h.packing == tiffGroup4; fax && h.colours == tiffBlackIsZero {
			invert(m.Pix)
		}
	case *image.Gray16:
		if h.colours == tiffWhiteIsZero {
			invert(m.Pix)
		}
	case *image.RGBA:
		divideByAlpha(m.Pix, 1)
	case *image.RGBA64:
		divideByAlpha(m.Pix, 2)
	}
	im, err := fromImage(m)
	if err != nil {
		return nil, err
	}
	return Orient(im, h.turning), nil
}

func invert(pix []uint8) {
	for i := range pix {
		pix[i] ^= 0xff
	}
}

// divideByAlpha divides the colours of pixels by the fourth sample. Samples are of so many bytes, the first counts.
func divideByAlpha(pix []uint8, bytes int) {
	for i := 0; i < len(pix); i += 4 * bytes {
		alpha := int(pix[i+3*bytes])
		for c := range 3 {
			p := &pix[i+c*bytes]
			if alpha == 0 {
				*p = 0
			} else {
				*p = uint8(min(int(*p)*255/alpha, 255))
			}
		}
	}
}
