package dataset

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"io"
	"regexp"
)

// exifData is what the file of a photograph says of it.
type exifData struct {
	tiff []byte // the TIFF structure of EXIF; nil if there is none
	xmp  []byte // the XML of XMP; nil if there is none
}

// Orientation returns how the file of a photograph says to turn it, from 1 (not at all) to 8; see
// [Orient]. It is 1 where the file says nothing, or nothing sensible. EXIF 2.32, section 4.6.4; where that has no such
// tag, XMP's tiff:Orientation counts. That is the rule of Pillow's ImageOps.exif_transpose.
func Orientation(data []byte) int {
	for _, f := range formats {
		if f.exif == nil || !hasMagic(data, f.magic) {
			continue
		}
		e := f.exif(data)
		o, found := orientation(e.tiff)
		if !found {
			o = xmpOrientation(e.xmp)
		}
		if 1 <= o && o <= 8 {
			return o
		}
	}
	return 1
}

func orientation(tiff []byte) (o int, found bool) { return tiffNumber(tiff, 0x0112) }

// tiffNumber looks for a tag in the first directory of a TIFF structure. Where the tag has another type than a
// number's, or is of several numbers, it is found but says nothing.
func tiffNumber(tiff []byte, tag uint16) (n int, found bool) {
	entry, order := tiffEntry(tiff, tag)
	if entry == nil {
		return 0, false
	}
	return number(tiff, entry, order), true
}

// tiffNumbers returns the numbers of a tag of BYTE, SHORT or LONG, eight at most.
func tiffNumbers(tiff []byte, tag uint16) (all []int) {
	entry, order := tiffEntry(tiff, tag)
	if entry == nil {
		return nil
	}
	size, known := map[uint16]int{1: 1, 3: 2, 4: 4}[order.Uint16(entry[2:])]
	count := min(int64(order.Uint32(entry[4:])), 8)
	values := entry[8:]
	if !known {
		return nil
	}
	if at := int64(order.Uint32(values)); int64(order.Uint32(entry[4:]))*int64(size) > 4 {
		values = tiff[min(at, int64(len(tiff))):]
	}
	for ; count > 0 && len(values) >= size; count-- {
		switch size {
		case 1:
			all = append(all, int(values[0]))
		case 2:
			all = append(all, int(order.Uint16(values)))
		case 4:
			all = append(all, int(order.Uint32(values)))
		}
		values = values[size:]
	}
	return all
}

// tiffEntry returns the entry of a tag in the first directory of a TIFF structure, or nil, and the order of its bytes.
func tiffEntry(tiff []byte, tag uint16) (entry []byte, order binary.ByteOrder) {
	const entryLen = 12 // tag, type, count, value
	if len(tiff) < 8 {
		return nil, nil
	}
	order = binary.LittleEndian
	if tiff[0] == 'M' {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return nil, nil
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < entryLen {
			break
		}
		if order.Uint16(entries) == tag {
			return entries[:entryLen], order
		}
		entries = entries[entryLen:]
	}
	return nil, nil
}

// number returns the one number of an entry, 0 if it is none. Writers take other types than SHORT (3), which is the
// right one.
func number(tiff, entry []byte, order binary.ByteOrder) int {
	count, value := order.Uint32(entry[4:]), order.Uint32(entry[8:])
	switch kind := order.Uint16(entry[2:]); {
	case (kind == 3 || kind == 8) && (count == 1 || count == 2): // SHORT, SSHORT: of two, the first
		return int(order.Uint16(entry[8:]))
	case count != 1:
		return 0
	case kind == 6: // SBYTE
		return int(entry[8])
	case kind == 4 || kind == 9 || kind == 13: // LONG, SLONG, IFD
		return int(value)
	case (kind == 5 || kind == 10) && int64(value)+8 <= int64(len(tiff)): // RATIONAL, SRATIONAL
		numerator, denominator := order.Uint32(tiff[value:]), order.Uint32(tiff[value+4:])
		if denominator != 0 && numerator%denominator == 0 {
			return int(numerator / denominator)
		}
	}
	return 0
}

var inXMP = regexp.MustCompile(`tiff:Orientation(?:="|>)([0-9])`)

func xmpOrientation(xmp []byte) int {
	if m := inXMP.FindSubmatch(xmp); m != nil {
		return int(m[1][0] - '0')
	}
	return 0
}

var exifHead = []byte("Exif\x00\x00")

var xmpHead = []byte("http://ns.adobe.com/xap/1.0/\x00")

// exifJPEG returns what the first APP1 segments of EXIF and XMP hold.
func exifJPEG(data []byte) (e exifData) {
	const startOfScan, app1 = 0xda, 0xe1
	for data = data[2:]; len(data) >= 4 && data[0] == 0xff && data[1] != startOfScan; {
		if data[1] == 0xff { // fill byte
			data = data[1:]
			continue
		}
		end := 2 + int(binary.BigEndian.Uint16(data[2:]))
		if end < 4 || end > len(data) {
			break
		}
		if body := data[4:end]; data[1] == app1 {
			if tiff, found := bytes.CutPrefix(body, exifHead); found && e.tiff == nil {
				e.tiff = tiff
			}
			if xmp, found := bytes.CutPrefix(body, xmpHead); found && e.xmp == nil {
				e.xmp = xmp
			}
		}
		data = data[end:]
	}
	return e
}

// exifPNG returns the content of the first eXIf chunk, or else what ImageMagick writes as text, and XMP.
func exifPNG(data []byte) (e exifData) {
	var profile []byte
	pngChunks(data, func(c pngChunk) bool {
		if !c.whole {
			return false
		}
		switch c.kind {
		case "eXIf":
			if e.tiff == nil {
				e.tiff = bytes.TrimPrefix(c.content, exifHead)
			}
		case "tEXt", "zTXt", "iTXt":
			switch key, text := pngText(c); key {
			case "XML:com.adobe.xmp":
				e.xmp = text
			case "Raw profile type exif", "Raw profile type APP1", "Raw profile type app1":
				profile = rawProfile(text)
			}
		}
		return c.kind != "IEND"
	})
	if xmp, found := bytes.CutPrefix(profile, xmpHead); found && e.xmp == nil {
		e.xmp = xmp
	} else if e.tiff == nil {
		e.tiff = bytes.TrimPrefix(profile, exifHead)
	}
	return e
}

// pngText returns keyword and text of a tEXt, zTXt or iTXt chunk (PNG, section 11.3.3). Compressed text is cut off at a
// megabyte.
func pngText(c pngChunk) (key string, text []byte) {
	name, text, found := bytes.Cut(c.content, []byte{0})
	const longestKey = 79
	if !found || len(name) > longestKey || !bytes.HasPrefix(name, []byte("Raw profile")) &&
		!bytes.HasPrefix(name, []byte("XML:")) {
		return "", nil
	}
	packed := c.kind == "zTXt"
	if packed && len(text) > 0 {
		text = text[1:] // the method
	}
	if c.kind == "iTXt" {
		if len(text) < 2 {
			return "", nil
		}
		packed = text[0] == 1
		_, text, _ = bytes.Cut(text[2:], []byte{0}) // language
		_, text, _ = bytes.Cut(text, []byte{0})     // keyword, translated
	}
	if packed {
		r, err := zlib.NewReader(bytes.NewReader(text))
		if err != nil {
			return "", nil
		}
		text, _ = io.ReadAll(io.LimitReader(r, 1<<20)) // what of it can be read
	}
	return string(name), text
}

// rawProfile returns the bytes of a profile in ImageMagick's form: an empty line, a name, a length, and hexadecimal
// digits.
func rawProfile(text []byte) []byte {
	lines := bytes.SplitN(text, []byte("\n"), 4)
	if len(lines) < 4 {
		return nil
	}
	digits := bytes.Join(bytes.Fields(lines[3]), nil)
	out := make([]byte, len(digits)/2)
	n, _ := hex.Decode(out, digits[:len(digits)/2*2]) // up to the first that is none
	return out[:n]
}

func exifWebP(data []byte) exifData {
	return exifData{bytes.TrimPrefix(webpChunk(data, "EXIF"), exifHead), webpChunk(data, "XMP ")}
}
