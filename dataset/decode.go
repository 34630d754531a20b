package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"

	"mgd3/internal/foreign"
)

// RGB is an image of three bytes per pixel.
type RGB struct {
	W, H int     // pixels
	Pix  []uint8 // [H, W, 3]
	Note string  // what a reader of the file should know, a kind or "KIND: DETAIL"; mostly ""

	// Values [3, H, W] are what the bytes were rounded and cut off from, of which 1 is white; nil if there is no more
	// to know. An image made from another one, by a crop or a resize that changes something, has none.
	Values []float32
}

func newRGB(w, h int) *RGB { return &RGB{W: w, H: h, Pix: make([]uint8, 3*w*h)} }

// maxPixels is the size up to which an image is decoded: 256 MiB of RGB, where Pillow begins to
// warn of bombs.
const maxPixels = 1 << 28 / 3

// format is a kind of image file.
type format struct {
	magic  string // at the beginning; "?" is any byte
	config func(data []byte) (image.Config, error)
	decode func(data []byte) (*RGB, error)
	exif   func(data []byte) exifData
}

var formats = []format{
	{"\xff\xd8\xff", jpegConfig, decodeJPEG, exifJPEG},
	{"\x89PNG\r\n\x1a\n", pngConfig, decodePNG, exifPNG},
	{"GIF8?a", gifConfig, decodeGIF, nil},
	{"RIFF????WEBPVP8", webpConfig, decodeWebP, exifWebP},
	{"BM", bmpConfig, decodeBMP, nil},
	{"II*\x00", tiffConfig, decodeTIFF, nil},
	{"MM\x00*", tiffConfig, decodeTIFF, nil},
	{"II+\x00", tiffConfig, decodeTIFF, nil},
	{"MM\x00+", tiffConfig, decodeTIFF, nil},
	{"P1", netpbmConfig, decodeNetpbm, nil},
	{"P2", netpbmConfig, decodeNetpbm, nil},
	{"P3", netpbmConfig, decodeNetpbm, nil},
	{"P4", netpbmConfig, decodeNetpbm, nil},
	{"P5", netpbmConfig, decodeNetpbm, nil},
	{"P6", netpbmConfig, decodeNetpbm, nil},
}

// Decode decodes a JPEG, PNG, GIF, WebP, BMP, TIFF or Netpbm (PBM, PGM or PPM) file, told apart by their content, as
// Pillow's convert("RGB") does:
//
//   - grey is repeated and alpha dropped, whatever colour lies below it; the transparent colour of a
//     palette is a colour like the others;
//   - colours of 16 bits lose the lower 8, but grey of 16 bits is cut off at 255 (so does Pillow);
//   - of CMYK comes R = (255-C)·(255-K)/255, rounded, and so on;
//   - of moving pictures comes the first frame.
//
// Colour profiles, gamma and the orientation are ignored, but for that of a TIFF; for others see [Orientation]. An
// image of more than 89 million pixels is an error before it is decoded. Where the file is damaged but all pixels are
// there, or most of a grey picture is cut off, the image has a note.
func Decode(data []byte) (*RGB, error) {
	for _, f := range formats {
		if !hasMagic(data, f.magic) {
			continue
		}
		if err := checkSize(f.config(data)); err != nil {
			return nil, inWords(err)
		}
		im, err := f.decode(data)
		if err != nil {
			return nil, inWords(err)
		}
		return im, nil
	}
	if len(data) == 0 {
		return nil, errors.New("the file is empty")
	}
	if what := foreign.Describe(data[:min(len(data), foreign.HeadSize)], int64(len(data))); what != "" {
		return nil, errors.New("it is " + what)
	}
	const want = "JPEG, PNG, GIF, WebP, BMP, TIFF, PBM, PGM and PPM"
	for _, o := range otherFormats {
		if hasMagic(data, o.magic) {
			return nil, fmt.Errorf("it is %s, want one of %s", o.name, want)
		}
	}
	if len(bytes.Trim(data, "\x00")) == 0 {
		return nil, fmt.Errorf("all its %d bytes are zero, as where a download or a copy broke off", len(data))
	}
	return nil, errors.New("the content is none of " + want)
}

// otherFormats are what else lies behind the names of images: telephones and browsers keep the ending .jpg.
var otherFormats = []struct{ magic, name string }{
	{"????ftypavif", "an AVIF image"},
	{"????ftypavis", "an AVIF image"},
	{"????ftyphei", "an HEIC image"},
	{"????ftyphev", "an HEIC image"},
	{"????ftypmif1", "an HEIF image"},
	{"????ftypmsf1", "an HEIF image"},
	{"????ftypcrx", "a raw photograph of a camera"},
	{"????ftyp", "a video"},
	{"\x1aE\xdf\xa3", "a video"},
	{"\xff\x0a", "a JPEG XL image"},
	{"\x00\x00\x00\x0cJXL ", "a JPEG XL image"},
	{"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"},
	{"\xff\x4f\xff\x51", "a JPEG 2000 image"},
	{"8BPS", "a Photoshop file"},
	{"\x00\x00\x01\x00", "an icon"},
	{"%PDF-", "a PDF"},
	{"<svg", "an SVG drawing"},
	{"P7\n", "a PAM image"},
	{"\x1f\x8b", "packed with gzip"},
	{"PK\x03\x04", "a zip"},
}

// inWords says of an end that came too early what was expected.
func inWords(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("the file is cut short: it ends before its last pixel")
	}
	return err
}

// Dimensions returns the width and height of an image as its file says, in pixels, before it is turned. Only
// where the head of the file does not tell is the whole of it decoded. An image that cannot be read is an [ErrImage].
func (s *Set) Dimensions(ref Ref) (w, h int, err error) {
	if v, ok := s.src.(values); ok {
		return v.w, v.h, nil
	}
	data, err := s.Read(ref)
	if err != nil {
		return 0, 0, err
	}
	for _, f := range formats {
		if hasMagic(data, f.magic) {
			if c, err := f.config(data); checkSize(c, err) == nil {
				return c.Width, c.Height, nil
			}
		}
	}
	im, err := Decode(data)
	if err != nil {
		return 0, 0, s.badImage(ref, err)
	}
	return im.W, im.H, nil
}

func hasMagic(data []byte, magic string) bool {
	if len(data) < len(magic) {
		return false
	}
	for i := range magic {
		if magic[i] != '?' && magic[i] != data[i] {
			return false
		}
	}
	return true
}

func checkSize(c image.Config, err error) error {
	if err != nil {
		return err
	}
	if c.Width <= 0 || c.Height <= 0 || int64(c.Width)*int64(c.Height) > maxPixels {
		return fmt.Errorf("has %d × %d pixels, want from 1 to %d", c.Width, c.Height, maxPixels)
	}
	return nil
}

// fromImage converts what the decoders of the standard library return, but for YCbCr, whose
// meaning depends on the format.
func fromImage(m image.Image) (*RGB, error) {
	r := m.Bounds()
	switch m := m.(type) {
	case *image.Gray:
		return gather(r, m.Pix, m.Stride, 1, 0), nil
	case *image.Gray16:
		return fromGray16(m), nil
	case *image.Paletted:
		return fromPaletted(m, r, 0), nil
	case *image.RGBA: // opaque
		return gather(r, m.Pix, m.Stride, 4, 1), nil
	case *image.NRGBA:
		return gather(r, m.Pix, m.Stride, 4, 1), nil
	case *image.RGBA64: // opaque
		return gather(r, m.Pix, m.Stride, 8, 2), nil
	case *image.NRGBA64:
		return gather(r, m.Pix, m.Stride, 8, 2), nil
	case *image.CMYK:
		return fromCMYK(m), nil
	}
	return nil, errors.New("the colours are of a kind that has no rule here")
}

// gather takes three bytes of every pixel: those at 0, step and 2·step.
func gather(r image.Rectangle, pix []uint8, stride, pixel, step int) *RGB {
	im := newRGB(r.Dx(), r.Dy())
	dst := im.Pix
	for y := range im.H {
		src := pix[y*stride:]
		for x := range im.W {
			p := src[x*pixel:]
			dst[0], dst[1], dst[2] = p[0], p[step], p[2*step]
			dst = dst[3:]
		}
	}
	return im
}

// fromGray16 cuts off at 255, as Pillow does, and notes it where that makes most of the picture white.
func fromGray16(m *image.Gray16) *RGB {
	im := newRGB(m.Rect.Dx(), m.Rect.Dy())
	cut := 0
	for y := range im.H {
		row := m.Pix[y*m.Stride:]
		for x := range im.W {
			v := row[2*x+1]
			if row[2*x] > 0 {
				v = 0xff
				cut++
			}
			p := im.Pix[3*(y*im.W+x):]
			p[0], p[1], p[2] = v, v, v
		}
	}
	if 2*cut > im.W*im.H {
		im.Note = fmt.Sprintf("most of a picture in 16-bit grey is cut off at 255, as Pillow does, and would "+
			"have to be scaled to 8 bits to be seen: "+
			"%d of %d pixels", cut, im.W*im.H)
	}
	return im
}

// fromPaletted places m on a canvas filled with one of its colours.
func fromPaletted(m *image.Paletted, canvas image.Rectangle, fill int) *RGB {
	var rgb [256][3]uint8
	for i, c := range m.Palette[:min(len(m.Palette), len(rgb))] {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		rgb[i] = [3]uint8{n.R, n.G, n.B}
	}
	im := newRGB(canvas.Dx(), canvas.Dy())
	if m.Rect != canvas {
		for i := 0; i < len(im.Pix); i += 3 {
			copy(im.Pix[i:], rgb[fill][:])
		}
	}
	for y := m.Rect.Min.Y; y < m.Rect.Max.Y; y++ {
		dst := im.Pix[3*(y*im.W+m.Rect.Min.X):]
		for x, c := range m.Pix[m.PixOffset(m.Rect.Min.X, y):][:m.Rect.Dx()] {
			copy(dst[3*x:], rgb[c][:])
		}
	}
	return im
}

func fromCMYK(m *image.CMYK) *RGB {
	im := newRGB(m.Rect.Dx(), m.Rect.Dy())
	dst := im.Pix
	for y := range im.H {
		row := m.Pix[y*m.Stride:]
		for x := range im.W {
			white := 0xff - int(row[4*x+3])
			for c := range 3 {
				v := int(row[4*x+c])*white + 0x80
				dst[c] = uint8(white - (v>>8+v)>>8) // v/255, rounded
			}
			dst = dst[3:]
		}
	}
	return im
}
