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
	made tailMemory
}

// tailMemory is what the bytes of a tail can make a decoder allocate besides the pixels, whose number the head says:
// bytes for each byte of the tail, and once.
type tailMemory struct{ each, once uint64 }

// What tails can say, and the least bytes that say it.
var (
	// Huffman tables: 18 bytes make one of jpegplane, of 17·3·4 + 24 + 1024·4 bytes.
	jpegTail = tailMemory{each: (17*3*4 + 24 + 1024*4) / 18}
	// A block of inflate: lengths of 286 and 30 codes, which take 40 bytes or more. Of codes longer than 9 bits, two or
	// more share a table of 64·4 bytes and a place of 24 in each of 512. Mending a PNG also takes a compressor: its
	// tables are of 2¹⁷ + 2¹⁵ + 2¹⁴ numbers of 4 bytes and a window of 2¹⁶.
	pngTail = tailMemory{each: (286+30)/2*64*4/40 + 2*512*24/40, once: (1<<17+1<<15+1<<14)*4 + 1<<16}
	// A palette: 3 bytes a colour, each an interface of 16 bytes and a colour of 4, which takes 8.
	gifTail = tailMemory{each: 8}
	// Trees of a lossless WebP: five a group, of an alphabet of up to 2328 symbols (256 + 24 + 2¹¹) in 4 bytes or more:
	// lengths and codes of 4 bytes, two nodes of 8. The groups, up to 2¹⁶, are made at once, each tree with a slice's
	// 24 bytes and 128·4 of a table: 32 bytes of a file can ask for that.
	vp8lTail = tailMemory{each: 2328 * (4 + 4 + 2*8) / 4, once: 1 << 16 * 5 * (24 + 128*4)}
)

// of returns what decoding im with another tail, n bytes in all, may allocate: twice what the whole file takes, because
// PNG and JPEG have a second way to the pixels, twice the file, which WebP and GIF copy, what the tail can say, and 64
// KiB that the runtime may take meanwhile.
func (m tailMemory) of(whole uint64, n int) uint64 {
	return 2*whole + (2+m.each)*uint64(n) + m.once + 1<<16
}

// allocated returns the bytes of memory that decoding takes, freed ones included.
func allocated(data []byte) (took uint64, im *RGB, err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	im, err = Decode(data)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, im, err
}

// headedImages are files of every format; what lies behind the heads is pixels.
func headedImages(tb testing.TB) []imageHead {
	baseline := encodeJPEG(tb, texture(33, 17), 80)
	var moving bytes.Buffer
	must(tb, gif.Encode(&moving, image.NewPaletted(image.Rect(0, 0, 9, 5), color.Palette{color.Black, color.White}),
		nil))
	return []imageHead{
		{"JPEG", baseline, bytes.Index(baseline, []byte("\xff\xda")) + 2, jpegTail},
		{"progressive JPEG", jpegProgressive, bytes.Index(jpegProgressive, []byte("\xff\xda")) + 2, jpegTail},
		{"PNG", []byte(pngOf(tb, 40, 30, 9)), 33, pngTail},
		{"GIF", moving.Bytes(), bytes.IndexByte(moving.Bytes(), ',') + 10, gifTail},
		{"WebP", webpLossy, 30, tailMemory{}},
		{"lossless WebP", webpLossless, 25, vp8lTail},
		{"BMP", []byte(bmpTwo), 54, tailMemory{}},
		{"TIFF", []byte(tiffTwo), 118, tailMemory{}},
		{"PGM", append([]byte("P2 24 16 15 "), bytes.Repeat([]byte("0 9 12 "), 8*16)...), 12, tailMemory{}},
		{"PPM", append([]byte("P6 8 8 255 "), make([]byte, 192)...), 11, tailMemory{}},
	}
}

// FuzzTail cuts and overwrites the tails of good images. Each is refused, or decoded at its own size;
// neither takes more memory than the head and the tail can ask for, and none ends in a panic.
func FuzzTail(f *testing.F) {
	all := headedImages(f)
	wholes := make([]uint64, len(all))
	for i, im := range all {
		if _, err := Decode(im.data); err != nil {
			f.Fatalf("%s: %v", im.name, err)
		}
		wholes[i], _, _ = allocated(im.data)
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

		took, got, err := allocated(damaged)
		if most := im.made.of(wholes[int(n)%len(all)], len(damaged)); took > most {
			t.Errorf("%s, %d bytes kept: %d bytes of memory for a file of %d, want %d at most", im.name, kept, took,
				len(damaged), most)
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
