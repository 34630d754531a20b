package dataset

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"slices"
	"testing"
)

// TestDecodePNG checks Pillow's rules on images of two pixels.
func TestDecodePNG(t *testing.T) {
	two := image.Rect(0, 0, 2, 1)
	clear, half := color.NRGBA{10, 20, 30, 0}, color.NRGBA{40, 50, 60, 128}
	for _, c := range []struct {
		name string
		in   image.Image
		want []uint8
	}{
		{"grey", &image.Gray{Pix: []uint8{7, 200}, Stride: 2, Rect: two}, []uint8{7, 7, 7, 200, 200, 200}},
		{"grey of 16 bits is cut off", &image.Gray16{Pix: []uint8{0, 200, 1, 0}, Stride: 4, Rect: two},
			[]uint8{200, 200, 200, 255, 255, 255}},
		{"alpha is dropped", &image.NRGBA{Pix: []uint8{10, 20, 30, 0, 40, 50, 60, 128}, Stride: 8, Rect: two},
			[]uint8{10, 20, 30, 40, 50, 60}},
		{"opaque", &image.RGBA{Pix: []uint8{1, 2, 3, 255, 4, 5, 6, 255}, Stride: 8, Rect: two},
			[]uint8{1, 2, 3, 4, 5, 6}},
		{"16 bits lose the lower 8", &image.NRGBA64{Pix: []uint8{1, 255, 2, 0, 3, 9, 0, 0, 4, 0, 5, 0, 6, 0, 255, 255},
			Stride: 16, Rect: two}, []uint8{1, 2, 3, 4, 5, 6}},
		{"opaque of 16 bits", &image.RGBA64{Pix: []uint8{1, 255, 2, 0, 3, 9, 255, 255, 4, 0, 5, 0, 6, 0, 255, 255},
			Stride: 16, Rect: two}, []uint8{1, 2, 3, 4, 5, 6}},
		{"palette with transparent colours", &image.Paletted{Pix: []uint8{1, 0}, Stride: 2, Rect: two,
			Palette: color.Palette{clear, half}}, []uint8{40, 50, 60, 10, 20, 30}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var file bytes.Buffer
			must(t, png.Encode(&file, c.in))
			im, err := Decode(file.Bytes())
			must(t, err)
			if im.W != 2 || im.H != 1 || !slices.Equal(im.Pix, c.want) {
				t.Errorf("got %d × %d, %v; want 2 × 1, %v", im.W, im.H, im.Pix, c.want)
			}
		})
	}
}

func TestCMYK(t *testing.T) {
	m := &image.CMYK{Pix: []uint8{0, 128, 255, 0, 0, 128, 255, 128, 3, 4, 5, 255}, Stride: 12,
		Rect: image.Rect(0, 0, 3, 1)}
	// 127·127/255 = 63.25; black leaves nothing
	want := []uint8{255, 127, 0, 127, 63, 0, 0, 0, 0}
	if got := fromCMYK(m).Pix; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDecodeGIF(t *testing.T) {
	palette := color.Palette{color.RGBA{1, 2, 3, 255}, color.RGBA{4, 5, 6, 255}, color.RGBA{7, 8, 9, 255}}
	transparent := slices.Clone(palette)
	transparent[2] = color.RGBA{}
	for _, c := range []struct {
		name    string
		palette color.Palette
		frame   image.Rectangle
		want    []uint8
	}{
		{"whole", palette, image.Rect(0, 0, 2, 1), []uint8{4, 5, 6, 4, 5, 6}},
		{"part, the rest in the first colour", palette, image.Rect(1, 0, 2, 1), []uint8{1, 2, 3, 4, 5, 6}},
		// The encoder writes a transparent colour as black.
		{"part, the rest in the transparent colour", transparent, image.Rect(1, 0, 2, 1), []uint8{0, 0, 0, 4, 5, 6}},
	} {
		t.Run(c.name, func(t *testing.T) {
			first := image.NewPaletted(c.frame, c.palette)
			for i := range first.Pix {
				first.Pix[i] = 1
			}
			second := image.NewPaletted(image.Rect(0, 0, 2, 1), palette)
			var file bytes.Buffer
			must(t, gif.EncodeAll(&file, &gif.GIF{
				Image: []*image.Paletted{first, second}, Delay: []int{1, 1},
				Disposal: []byte{gif.DisposalNone, gif.DisposalNone},
				Config:   image.Config{ColorModel: c.palette, Width: 2, Height: 1},
			}))
			im, err := Decode(file.Bytes())
			must(t, err)
			if im.W != 2 || im.H != 1 || !slices.Equal(im.Pix, c.want) {
				t.Errorf("got %d × %d, %v; want 2 × 1, %v", im.W, im.H, im.Pix, c.want)
			}
		})
	}
}

// TestTransparentGIF has a transparent colour that is not black, which Pillow keeps.
func TestTransparentGIF(t *testing.T) {
	m := image.NewPaletted(image.Rect(0, 0, 2, 1), color.Palette{color.RGBA{1, 2, 3, 255}, color.RGBA{}})
	m.Pix[1] = 1
	var file bytes.Buffer
	must(t, gif.Encode(&file, m, nil))
	data := file.Bytes()
	i := bytes.Index(data, []byte{1, 2, 3, 0, 0, 0}) // the palette
	if i < 0 {
		t.Fatal("the palette is not where it was")
	}
	copy(data[i+3:], []byte{4, 5, 6})
	im, err := Decode(data)
	must(t, err)
	if want := []uint8{1, 2, 3, 4, 5, 6}; !slices.Equal(im.Pix, want) {
		t.Errorf("got %v, want %v", im.Pix, want)
	}
}

// The smallest WebP files there are, of one pixel each.
var (
	webpLossy    = unbase64("UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAwA0JaQAA3AA/vuUAAA=")
	webpLossless = unbase64("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
	webpAlpha    = unbase64("UklGRkoAAABXRUJQVlA4WAoAAAAQAAAAAAAAAAAAQUxQSAwAAAARBxAR" +
		"/Q9ERP8DAABWUDggGAAAABQBAJ0BKgEAAQAAAP4AAA3AAP7mtQAAAA==")
	webpAnimation = unbase64("UklGRlIAAABXRUJQVlA4WAoAAAASAAAAAAAAAAAAQU5JTQYAAAD" +
		"/////AABBTk1GJgAAAAAAAAAAAAAAAAAAAGQAAABWUDhMDQAAAC8AAAAQBxAREYiI/gcA")
)

func unbase64(s string) []byte {
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return data
}

// TestHostileImages decodes files that are cut, mislabelled or too large. Their errors are those
// of Load, too, which adds names: see TestLoadErrors.
func TestHostileImages(t *testing.T) {
	whole := photo(t, 0)
	for _, c := range []struct {
		name string
		data []byte
		err  bool
	}{
		{"empty", nil, true},
		{"text", []byte("not an image"), true},
		{"BMP", []byte("BM\x1a\x00\x00\x00\x00\x00\x00\x00"), true},
		{"PNG bomb", pngHeader(60000, 60000), true},
		{"PNG bomb near 2³¹", pngHeader(1<<31-1, 1<<31-1), true},
		{"PNG without pixels", pngHeader(0, 1), true},
		{"PNG without data", pngHeader(16, 16), true},
		{"GIF bomb", append([]byte("GIF89a\xff\xff\xff\xff\x80"+
			"\x00\x00\x00\x00\x00\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02"), 0), true},
		{"JPEG", whole, false},
		{"JPEG without its end", whole[:len(whole)/2], true},
		{"JPEG without its picture", whole[:20], true},
		{"JPEG and something after it", append(slices.Clone(whole), "more"...), false},
		{"WebP lossy", webpLossy, false},
		{"WebP lossless", webpLossless, false},
		{"WebP with alpha", webpAlpha, false},
		{"WebP animation", webpAnimation, false},
		{"WebP cut", webpLossy[:len(webpLossy)-6], true},
		{"WebP picture larger than its canvas", webpPicture(16383, 16383), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			im, err := Decode(c.data)
			if (err != nil) != c.err {
				t.Errorf("error %v, want one: %v", err, c.err)
			}
			if err == nil && len(im.Pix) != 3*im.W*im.H {
				t.Errorf("%d × %d in %d bytes", im.W, im.H, len(im.Pix))
			}
		})
	}
}

// pngHeader is the beginning of a PNG file of 8-bit RGB.
func pngHeader(w, h uint32) []byte {
	ihdr := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)...)
	ihdr = append(ihdr, 8, 2, 0, 0, 0)
	file := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), ihdr...)
	return binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(ihdr))
}

// webpPicture is webpAlpha, whose canvas has one pixel, with another size of the picture in it.
func webpPicture(w, h uint16) []byte {
	data := slices.Clone(webpAlpha)
	start := bytes.Index(data, []byte("\x9d\x01\x2a")) + 3
	binary.LittleEndian.PutUint16(data[start:], w)
	binary.LittleEndian.PutUint16(data[start+2:], h)
	return data
}

// TestVP8 converts the corners of BT.601: black, white and the three primaries, whose Y, U, V are
// rounded, so that they come back within two levels.
func TestVP8(t *testing.T) {
	for _, c := range []struct{ yuv, want [3]uint8 }{
		{[3]uint8{16, 128, 128}, [3]uint8{0, 0, 0}},
		{[3]uint8{235, 128, 128}, [3]uint8{255, 255, 255}},
		{[3]uint8{81, 90, 240}, [3]uint8{255, 0, 0}},
		{[3]uint8{145, 54, 34}, [3]uint8{0, 255, 0}},
		{[3]uint8{41, 240, 110}, [3]uint8{0, 0, 255}},
	} {
		m := image.NewYCbCr(image.Rect(0, 0, 3, 3), image.YCbCrSubsampleRatio420)
		for i := range m.Y {
			m.Y[i] = c.yuv[0]
		}
		for i := range m.Cb {
			m.Cb[i], m.Cr[i] = c.yuv[1], c.yuv[2]
		}
		im := fromVP8(m)
		for i, p := range im.Pix {
			if want := c.want[i%3]; max(p, want)-min(p, want) > 2 {
				t.Fatalf("Y, U, V = %v: byte %d is %d, want %v ± 2", c.yuv, i, p, c.want)
			}
		}
	}
}

func TestVP8Chroma(t *testing.T) {
	m := image.NewYCbCr(image.Rect(0, 0, 4, 4), image.YCbCrSubsampleRatio420)
	copy(m.Cb, []uint8{0, 160, 80, 240}) // 2 × 2
	want := [][]uint8{
		{0, 40, 120, 160},
		{20, 60, 140, 180},
		{60, 100, 180, 220},
		{80, 120, 200, 240},
	}
	for y, row := range want {
		for x, v := range row {
			if got := vp8Chroma(m, m.Cb, x, y); got != v {
				t.Errorf("at %d, %d: %d, want %d", x, y, got, v)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, data := range [][]byte{webpLossy, webpLossless, webpAlpha, webpAnimation, pngHeader(3, 3),
		[]byte(pngOf(f, 3, 2, 9)), encodeJPEG(f, newRGB(9, 7), 50)} {
		f.Add(data)
	}
	for _, seed := range []string{bmpTwo, tiffTwo, "P2 2 1 9 3 4", "P4 2 1 \x40",
		"P6 1 1 1000 \x00\x00\x01\xf4\x03\xe8"} {
		f.Add([]byte(seed))
	}
	for _, data := range [][]byte{encodeJPEG(f, texture(17, 9), 80), []byte(pngOf(f, 3, 2, 9))} { // tails
		for cut := 1; cut < 30 && cut < len(data); cut++ {
			f.Add(data[:len(data)-cut])
		}
	}
	var file bytes.Buffer
	must(f, gif.Encode(&file, image.NewPaletted(image.Rect(0, 0, 3, 2),
		color.Palette{color.Black, color.Transparent}), nil))
	f.Add(file.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		if c, err := configOf(data); err == nil && c.Width*c.Height > 1<<18 && c.Width*c.Height <= maxPixels {
			return // a small file of a large picture, which only takes time
		}
		im, err := Decode(data)
		if o := Orientation(data); o < 1 || o > 8 {
			t.Errorf("orientation %d", o)
		}
		if !bytes.Equal(before, data) {
			t.Error("the file's bytes were changed")
		}
		if err != nil {
			return
		}
		if im.W <= 0 || im.H <= 0 || im.W*im.H > maxPixels || len(im.Pix) != 3*im.W*im.H {
			t.Errorf("%d × %d in %d bytes", im.W, im.H, len(im.Pix))
		}
	})
}

// Two pixels, 1, 2, 3 and 4, 5, 6, in a BMP and a TIFF file.
const (
	bmpTwo = "BM>\x00\x00\x00\x00\x00\x00\x006\x00\x00\x00" +
		"(\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x01\x00\x18\x00" +
		"\x00\x00\x00\x00\x08" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x02\x01\x06\x05\x04\x00\x00"
	tiffTwo = "II*\x00\x10\x00\x00\x00\x08\x00\x08\x00\x08\x00\x00\x00\x08\x00" +
		"\x00\x01\x03\x00\x01\x00\x00\x00\x02\x00\x00\x00\x01\x01\x03\x00\x01\x00\x00\x00\x01\x00\x00\x00" +
		"\x02\x01\x03\x00\x03\x00\x00\x00\x08\x00\x00\x00\x03\x01\x03\x00\x01\x00\x00\x00\x01\x00\x00\x00" +
		"\x06\x01\x03\x00\x01\x00\x00\x00\x02\x00\x00\x00\x11\x01\x03\x00\x01\x00\x00\x00\x76\x00\x00\x00" +
		"\x12\x01\x03\x00\x01\x00\x00\x00\x03\x00\x00\x00\x17\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00" +
		"\x00\x00\x00\x00\x01\x02\x03\x04\x05\x06"
)

func TestBMPAndTIFF(t *testing.T) {
	for _, c := range []struct {
		name, file string
		want       []uint8
	}{
		{"BMP", bmpTwo, []uint8{1, 2, 3, 4, 5, 6}},
		{"TIFF", tiffTwo, []uint8{4, 5, 6, 1, 2, 3}}, // its orientation is 3
	} {
		im, err := Decode([]byte(c.file))
		if err != nil || im.W != 2 || !slices.Equal(im.Pix, c.want) {
			t.Errorf("%s: %v, error %v", c.name, im, err)
		}
		if _, err := Decode([]byte(c.file[:len(c.file)-4])); err == nil {
			t.Errorf("%s without its last pixel is taken", c.name)
		}
	}
	if o := Orientation([]byte(tiffTwo)); o != 1 {
		t.Errorf("orientation %d of the TIFF, want 1: it is turned already", o)
	}
	rle := []byte(bmpTwo[:54]) // two pixels of the same colour in a run
	rle[10], rle[28], rle[30], rle[46] = 62, 8, 1, 2
	rle = append(rle, "\x03\x02\x01\x00\x06\x05\x04\x00\x02\x01\x00\x01"...)
	im, err := Decode(rle)
	if err != nil || !slices.Equal(im.Pix, []uint8{4, 5, 6, 4, 5, 6}) {
		t.Errorf("RLE8: %v, error %v", im, err)
	}
}

// TestPNGTails cuts a PNG everywhere: it is read, with a note, where all pixels are there.
func TestPNGTails(t *testing.T) {
	whole := []byte(pngOf(t, 3, 2, 9))
	want, err := Decode(whole)
	must(t, err)
	taken := 0
	for n := range whole {
		im, err := Decode(whole[:n])
		if err != nil {
			if taken > 0 {
				t.Errorf("%d of %d bytes are refused: %v", n, len(whole), err)
			}
			continue
		}
		taken++
		if im.Note == "" && n < len(whole) || !near(im, want, 0) {
			t.Errorf("%d of %d bytes: note %q or other pixels", n, len(whole), im.Note)
		}
	}
	if taken < 12 { // IEND
		t.Errorf("%d tails are taken, want 12 at least", taken)
	}
}

// TestOrientationTypes: a number of any type counts, as in Pillow, but no BYTE; and XMP where EXIF has none.
func TestOrientationTypes(t *testing.T) {
	for kind, want := range map[byte]int{1: 1, 3: 6, 4: 6, 7: 1, 8: 6, 9: 6, 13: 6} {
		tiff := "II*\x00\x08\x00\x00\x00\x01\x00\x12\x01" + string(kind) +
			"\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"
		file := "\xff\xd8\xff\xe1\x00\x22Exif\x00\x00" + tiff + "\xff\xda"
		if got := Orientation([]byte(file)); got != want {
			t.Errorf("type %d: orientation %d, want %d", kind, got, want)
		}
	}
	xmp := "http://ns.adobe.com/xap/1.0/\x00<x tiff:Orientation=\"8\"/>"
	if got := Orientation([]byte("\xff\xd8\xff\xe1\x00" + string(rune(len(xmp)+2)) + xmp + "\xff\xda")); got != 8 {
		t.Errorf("XMP: orientation %d, want 8", got)
	}
}
