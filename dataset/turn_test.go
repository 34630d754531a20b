package dataset

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"
)

// labels returns an image of one byte per pixel, the others 0, from a drawing of its rows.
func labels(rows ...string) *RGB {
	im := newRGB(len(rows[0]), len(rows))
	for y, row := range rows {
		for x := range row {
			im.Pix[3*(y*im.W+x)] = row[x]
		}
	}
	return im
}

// TestOrient turns the letters that a camera held in each of the eight ways has stored.
func TestOrient(t *testing.T) {
	want := labels("abc", "def")
	for o, stored := range map[int]*RGB{
		0: want, 9: want,
		1: want,
		2: labels("cba", "fed"),
		3: labels("fed", "cba"),
		4: labels("def", "abc"),
		5: labels("ad", "be", "cf"),
		6: labels("cf", "be", "ad"),
		7: labels("fc", "eb", "da"),
		8: labels("da", "eb", "fc"),
	} {
		if got := Orient(stored, o); got.W != want.W || got.H != want.H || !slices.Equal(got.Pix, want.Pix) {
			t.Errorf("orientation %d: got %d × %d, %v; want %d × %d, %v", o, got.W, got.H, got.Pix, want.W, want.H,
				want.Pix)
		}
	}
}

func TestFlip(t *testing.T) {
	im := labels("abc", "def")
	wantImage(t, "flipped", Flip(im), labels("cba", "fed"))
	wantImage(t, "flipped twice", Flip(Flip(im)), im)
}

// tiff returns EXIF data of two entries, the second being the orientation.
func tiff(order binary.AppendByteOrder, mark string, o uint16) []byte {
	b := order.AppendUint32(order.AppendUint16([]byte(mark), 42), 8)
	b = order.AppendUint16(b, 2)
	for _, entry := range [][2]uint16{{0x010f, 7}, {0x0112, o}} {
		b = order.AppendUint16(order.AppendUint16(b, entry[0]), 3)
		b = order.AppendUint32(b, 1)
		b = order.AppendUint16(order.AppendUint16(b, entry[1]), 0)
	}
	return order.AppendUint32(b, 0)
}

func TestOrientation(t *testing.T) {
	six := tiff(binary.LittleEndian, "II", 6)
	jpegWith := func(segments ...[]byte) []byte {
		file := []byte("\xff\xd8")
		for _, s := range segments {
			file = append(file, 0xff, s[0])
			file = append(binary.BigEndian.AppendUint16(file, uint16(len(s)+1)), s[1:]...)
		}
		return append(file, 0xff, 0xda)
	}
	app1 := func(content ...[]byte) []byte { return append([]byte{0xe1}, bytes.Join(content, nil)...) }
	jfif := append([]byte{0xe0}, "JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"...)
	chunk := append([]byte("eXIf"), six...)
	pngWith := binary.BigEndian.AppendUint32(pngHeader(1, 1), uint32(len(six)))
	pngWith = binary.BigEndian.AppendUint32(append(pngWith, chunk...), crc32.ChecksumIEEE(chunk))
	webpWith := append(slices.Clone(webpAlpha), "EXIF"...)
	webpWith = append(binary.LittleEndian.AppendUint32(webpWith, uint32(len(six))), six...)

	for _, c := range []struct {
		name string
		data []byte
		want int
	}{
		{"nothing", nil, 1},
		{"GIF", []byte("GIF89a"), 1},
		{"JPEG without", jpegWith(jfif), 1},
		{"JPEG", jpegWith(jfif, app1(exifHead, six)), 6},
		{"JPEG, big endian", jpegWith(app1(exifHead, tiff(binary.BigEndian, "MM", 8))), 8},
		{"JPEG after XMP", jpegWith(app1([]byte("http://ns.adobe.com/xap/1.0/\x00")), app1(exifHead, six)), 6},
		{"JPEG out of range", jpegWith(app1(exifHead, tiff(binary.LittleEndian, "II", 9))), 1},
		{"JPEG cut", jpegWith(app1(exifHead, six))[:40], 1},
		{"JPEG with a directory beyond its end", jpegWith(app1(exifHead, []byte("II*\x00\xff\xff\xff\xff"))), 1},
		{"JPEG with more entries than bytes", jpegWith(app1(exifHead, []byte("II*\x00\x08\x00\x00\x00\xff\xff"))), 1},
		{"PNG", pngWith, 6},
		{"WebP", webpWith, 6},
	} {
		if got := Orientation(c.data); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
