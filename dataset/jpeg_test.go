package dataset

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"slices"
	"testing"

	"mgd3/dataset/internal/kernel"
)

var ratios = map[image.YCbCrSubsampleRatio][2]int{ // pixels per chroma sample, across and down
	image.YCbCrSubsampleRatio444: {1, 1}, image.YCbCrSubsampleRatio422: {2, 1}, image.YCbCrSubsampleRatio420: {2, 2},
	image.YCbCrSubsampleRatio440: {1, 2}, image.YCbCrSubsampleRatio411: {4, 1}, image.YCbCrSubsampleRatio410: {4, 2},
}

// TestUpsample compares every size up to 9 × 9 with the triangle filter written out per pixel.
func TestUpsample(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for ratio, r := range ratios {
		for w := range 9 {
			for h := range 9 {
				m := image.NewYCbCr(image.Rect(0, 0, 16, 16), ratio).SubImage(image.Rect(0, 0, w+1, h+1)).(*image.YCbCr)
				for i := range m.Cb {
					m.Cb[i] = uint8(rng.IntN(256))
				}
				up := newUpsampler(m)
				row := make([]uint8, up.width)
				for y := range h + 1 {
					up.row(row, m.Cb, y)
					for x := range w + 1 {
						want := triangle(m, r, x, y)
						if got := float64(row[x]); got < want-0.5 || got > want+0.5 {
							t.Fatalf("%v of %d × %d at %d, %d: %v, want %v ± 0.5", ratio, w+1, h+1, x, y, got, want)
						}
					}
				}
			}
		}
	}
}

// triangle interpolates Cb for one pixel, not rounded.
func triangle(m *image.YCbCr, ratio [2]int, x, y int) float64 {
	columns, rows := (m.Rect.Dx()+ratio[0]-1)/ratio[0], (m.Rect.Dy()+ratio[1]-1)/ratio[1]
	if ratio[0] == 4 || ratio[0] == 2 && columns <= 2 {
		return float64(m.Cb[m.COffset(x, y)])
	}
	near := func(i, pixels, samples int) (at, beside int) {
		at = i / pixels
		if pixels == 1 {
			return at, at
		}
		return at, min(max(at+i%2*2-1, 0), samples-1)
	}
	i, i2 := near(x, ratio[0], columns)
	j, j2 := near(y, ratio[1], rows)
	at := func(i, j int) float64 { return float64(m.Cb[j*m.CStride+i]) }
	return 9./16*at(i, j) + 3./16*at(i2, j) + 3./16*at(i, j2) + 1./16*at(i2, j2)
}

// TestUpsampleRounding pins libjpeg's biases, which take turns so that they cancel.
func TestUpsampleRounding(t *testing.T) {
	plane := []uint8{0, 2, 4, 6} // 3/4 and 1/4 of neighbours: halves everywhere
	wide := make([]uint8, 8)
	widen(wide, plane)
	wantBytes(t, "h2v1", wide, 0, 1, 1, 3, 3, 5, 5, 6) // 0.5 up, 1.5 down
	high := make([]uint8, 4)
	blend(high, plane, []uint8{2, 4, 6, 8}, 1)
	wantBytes(t, "h1v2, upper", high, 0, 2, 4, 6)
	blend(high, plane, []uint8{2, 4, 6, 8}, 2)
	wantBytes(t, "h1v2, lower", high, 1, 3, 5, 7)
	kernel.Widen(wide, plane, plane)
	wantBytes(t, "h2v2", wide, 0, 0, 2, 2, 4, 4, 6, 6)
}

func wantBytes(t *testing.T, name string, got []uint8, want ...uint8) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s: %v, want %v", name, got, want)
			return
		}
	}
}

// TestWholeJPEG: a file cut anywhere before its end-of-image marker is cut short, also one whose thumbnail has such a
// marker of its own; without the marker alone it is read, with a note.
func TestWholeJPEG(t *testing.T) {
	whole := encodeJPEG(t, texture(40, 24), 90)
	thumbnail := append([]byte("\xff\xe1\x00\x0aExif\x00\x00"), 0xff, 0xd9)
	withThumbnail := slices.Concat(whole[:2], thumbnail, whole[2:])
	for name, file := range map[string][]byte{"plain": whole, "with a thumbnail": withThumbnail} {
		want, err := Decode(file)
		must(t, err)
		if want.Note != "" {
			t.Errorf("%s: note %q", name, want.Note)
		}
		for n := range len(file) {
			for end, tail := range map[string][]byte{"cut": nil, "zeros": make([]byte, len(file)-n)} {
				im, err := Decode(slices.Concat(file[:n], tail))
				if all := n >= len(file)-2; (err == nil) != all {
					t.Fatalf("%s: %s after %d of %d bytes: error %v", name, end, n, len(file), err)
				}
				if err == nil && (im.Note == "" || !near(im, want, 3)) {
					t.Errorf("%s: %s after %d of %d bytes: note %q, or other pixels", name, end, n, len(file), im.Note)
				}
			}
		}
	}
}

// texture is an image of smooth colours with something on them, the same each time.
func texture(w, h int) *RGB {
	rng := rand.New(rand.NewPCG(uint64(w), uint64(h)))
	im := newRGB(w, h)
	for i := range im.Pix {
		x, y := i/3%w, i/3/w
		im.Pix[i] = uint8(40*(i%3) + 80*x/w + 60*y/h + rng.IntN(9))
	}
	return im
}

// near says whether two images differ by so many levels at most.
func near(a, b *RGB, levels int) bool {
	if a.W != b.W || a.H != b.H {
		return false
	}
	for i := range a.Pix {
		if d := int(a.Pix[i]) - int(b.Pix[i]); d > levels || d < -levels {
			return false
		}
	}
	return true
}

// TestStoppedJPEG: data that stop before an end-of-image marker, wherever, are no picture; whole ones are, also where
// they end in one colour.
func TestStoppedJPEG(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, side := range []int{96, 90} {
		colours, greys := image.NewRGBA(image.Rect(0, 0, side, side)), image.NewGray(image.Rect(0, 0, side, side))
		for i := range colours.Pix {
			colours.Pix[i] = uint8(r.Uint32())
		}
		for i := range greys.Pix {
			greys.Pix[i] = uint8(r.Uint32())
		}
		flat := image.NewRGBA(colours.Rect)
		copy(flat.Pix, colours.Pix[:len(colours.Pix)/2])
		for name, m := range map[string]image.Image{"colours": colours, "greys": greys, "half is black": flat} {
			var b bytes.Buffer
			if err := jpeg.Encode(&b, m, nil); err != nil {
				t.Fatal(err)
			}
			whole := b.Bytes()
			if _, err := Decode(whole); err != nil {
				t.Errorf("%s, whole: %v", name, err)
			}
			start := bytes.Index(whole, []byte{0xff, 0xda}) + 14
			for k := range 9 {
				at := start + (len(whole)-2-start)*(k+1)/10
				if whole[at-1] == 0xff { // a stuffed byte stays whole
					at++
				}
				cut := append(bytes.Clone(whole[:at]), 0xff, 0xd9)
				if _, err := Decode(cut); !errors.Is(err, errCut) {
					t.Errorf("%s of %d, stopped after %d of %d bytes: %v, want that it is cut", name, side, at,
						len(whole), err)
				}
			}
		}
	}
}

// TestStandardTables: frames of Motion JPEG, which have no Huffman tables, are read with those of T.81, annex K.3, by
// both ways to the pixels. In progressive files they have no meaning (libjpeg refuses them, too).
func TestStandardTables(t *testing.T) {
	grey, colours := image.NewGray(image.Rect(0, 0, 40, 24)), texture(40, 24)
	for i := range grey.Pix {
		grey.Pix[i] = colours.Pix[3*i]
	}
	var greyFile bytes.Buffer
	must(t, jpeg.Encode(&greyFile, grey, nil))
	colour := encodeJPEG(t, colours, 90)
	for name, whole := range map[string][]byte{
		"grey": greyFile.Bytes(), "colour": colour, "colour without an end": colour[:len(colour)-2],
	} {
		bare := withoutTables(whole)
		if len(bare) >= len(whole) {
			t.Fatalf("%s: no table was cut out", name)
		}
		want, err := Decode(whole)
		must(t, err)
		got, err := Decode(bare)
		if err != nil || !near(got, want, 0) || got.Note != want.Note {
			t.Errorf("%s: error %v, or other pixels or another note", name, err)
		}
	}
	if _, err := Decode(withoutTables(jpegProgressive)); err == nil {
		t.Error("progressive: no error")
	}
}

// withoutTables returns a JPEG file without its Huffman tables.
func withoutTables(data []byte) []byte {
	out := bytes.Clone(data[:2])
	for pos := 2; pos+4 <= len(data); {
		end := pos + 2 + int(data[pos+2])<<8 + int(data[pos+3])
		if data[pos+1] == 0xda { // a scan follows, and perhaps more tables
			next := bytes.Index(data[pos:], []byte{0xff, 0xc4})
			if next < 0 {
				return append(out, data[pos:]...)
			}
			end = pos + next
		}
		if data[pos+1] != 0xc4 {
			out = append(out, data[pos:end]...)
		}
		pos = end
	}
	return out
}
