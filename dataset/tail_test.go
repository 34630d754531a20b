package dataset

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"runtime"
	"testing"
)

// imageHead is a whole image file and how many bytes at its beginning say its size and lay out its pixels.
type imageHead struct {
	name string
	data []byte
	head int
}

// headedImages are files of every format; what lies behind the heads is pixels.
func headedImages(tb testing.TB) []imageHead {
	baseline := encodeJPEG(tb, texture(33, 17), 80)
	var moving bytes.Buffer
	must(tb, gif.Encode(&moving, image.NewPaletted(image.Rect(0, 0, 9, 5), color.Palette{color.Black, color.White}),
		nil))
	return []imageHead{
		{"JPEG", baseline, bytes.Index(baseline, []byte("\xff\xda")) + 2},
		{"progressive JPEG", jpegProgressive, bytes.Index(jpegProgressive, []byte("\xff\xda")) + 2},
		{"PNG", []byte(pngOf(tb, 40, 30, 9)), 33},
		{"GIF", moving.Bytes(), bytes.IndexByte(moving.Bytes(), ',') + 10},
		{"WebP", webpLossy, 30},
		{"lossless WebP", webpLossless, 25},
		{"BMP", []byte(bmpTwo), 54},
		{"TIFF", []byte(tiffTwo), 118},
		{"PGM", append([]byte("P2 24 16 15 "), bytes.Repeat([]byte("0 9 12 "), 8*16)...), 12},
		{"PPM", append([]byte("P6 8 8 255 "), make([]byte, 192)...), 11},
	}
}

// FuzzTail cuts and overwrites the tails of good images. Each is refused, or decoded at its own size;
// neither takes more memory than the size asks for, and none ends in a panic.
func FuzzTail(f *testing.F) {
	all := headedImages(f)
	for i, im := range all {
		if _, err := Decode(im.data); err != nil {
			f.Fatalf("%s: %v", im.name, err)
		}
		for _, keep := range []uint16{0, 1, 9, uint16(len(im.data)) - uint16(im.head) - 1} {
			f.Add(uint8(i), keep, []byte(nil))
			f.Add(uint8(i), keep, []byte("\xff\xd9"))
			f.Add(uint8(i), keep, make([]byte, 64))
			f.Add(uint8(i), keep, im.data[im.head:])
		}
	}
	f.Fuzz(func(t *testing.T, n uint8, keep uint16, tail []byte) {
		im := all[int(n)%len(all)]
		size, err := configOf(im.data)
		must(t, err)
		kept := im.head + int(keep)%(len(im.data)-im.head+1)
		damaged := append(bytes.Clone(im.data[:kept]), tail...)

		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := Decode(damaged)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > tailMemory(len(damaged)) {
			t.Errorf("%s, %d bytes kept: %d bytes of memory for a file of %d", im.name, kept, took, len(damaged))
		}
		if err == nil && (got.W != size.Width || got.H != size.Height || len(got.Pix) != 3*got.W*got.H) {
			t.Errorf("%s, %d bytes kept: %d × %d, want %d × %d", im.name, kept, got.W, got.H, size.Width, size.Height)
		}
	})
}

// configOf returns the size that an image file gives itself.
func configOf(data []byte) (image.Config, error) {
	for _, f := range formats {
		if hasMagic(data, f.magic) {
			return f.config(data)
		}
	}
	return image.Config{}, image.ErrFormat
}

// tailMemory is what decoding one of these files of n bytes may allocate in all. The pictures are of at most 1,200
// pixels; the tables of a decoder (Huffman's, LZW's, inflate's window) and of the runtime stay below 2 MiB, and
// a byte of the file makes no more than a table of 1 KiB anew.
func tailMemory(n int) uint64 { return 2<<20 + 1<<10*uint64(n) }

// jpegProgressive is a picture of 17 × 9 pixels by Pillow, in ten scans.
var jpegProgressive = unbase64("" +
	"/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKrarYqMyP/L2u71" +
	"////m8H////6/+b9//j/2wBDASstLTw1PHZBQXb4pYyl+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4" +
	"+Pj4+Pj4+Pj/wgARCAAJABEDASIAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAAAwAE/8QAFgEBAQEAAAAAAAAAAAAAAAAAAgED" +
	"/9oADAMBAAIQAxAAAAEkRCAtFNf/xAAYEAACAwAAAAAAAAAAAAAAAAAAEgECIP/aAAgBAQABBQKKCi4//8QAFxEAAwEAAAAAAAAA" +
	"AAAAAAAAAAECEv/aAAgBAwEBPwGbZtn/xAAWEQEBAQAAAAAAAAAAAAAAAAAAESH/2gAIAQIBAT8BuK//xAAUEAEAAAAAAAAAAAAA" +
	"AAAAAAAg/9oACAEBAAY/Al//xAAYEAACAwAAAAAAAAAAAAAAAAABEAAxYf/aAAgBAQABPyGAyop//9oADAMBAAIAAwAAABCj3//E" +
	"ABQRAQAAAAAAAAAAAAAAAAAAABD/2gAIAQMBAT8QIf/EABYRAQEBAAAAAAAAAAAAAAAAAAARIf/aAAgBAgEBPxDJb//EABsQAAIB" +
	"BQAAAAAAAAAAAAAAAAABEBExQVFh/9oACAEBAAE/EOAsUaRaFmP/2Q==")
