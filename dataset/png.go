package dataset

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"io"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// pngConfig reads the first chunk, which has the size.
func pngConfig(data []byte) (image.Config, error) {
	if len(data) < 33 || string(data[12:16]) != "IHDR" {
		return image.Config{}, errors.New("png: cut short: want the chunk IHDR first")
	}
	w, h := binary.BigEndian.Uint32(data[16:]), binary.BigEndian.Uint32(data[20:])
	if w > 1<<31-1 || h > 1<<31-1 {
		return image.Config{}, errors.New("png: more than 2147483647 columns or rows")
	}
	return image.Config{Width: int(w), Height: int(h)}, nil
}

// decodePNG decodes with the standard library. What that refuses although all pixels are there comes in a second
// try: see [mendPNG].
func decodePNG(data []byte) (*RGB, error) {
	plain := data
	if bits, colour := data[24], data[25]; bits == 16 && colour == 0 {
		plain = withoutChunk(data, "tRNS") // with it, the decoder would return another form
	}
	m, err := png.Decode(bytes.NewReader(plain))
	note := ""
	if err != nil {
		var mended []byte
		if mended, note, err = mendPNG(data, err); err != nil {
			return nil, err
		}
		if m, err = png.Decode(bytes.NewReader(mended)); err != nil {
			return nil, err
		}
	}
	im, err := fromImage(m)
	if err == nil && note != "" {
		im.Note = note
	}
	return im, err
}

// pngChunk is a chunk; content is what is there of it.
type pngChunk struct {
	kind    string
	content []byte
	whole   bool // all of it is there, and so is its CRC
	intact  bool // and that is right
}

// pngChunks calls yield with each chunk, in order, until that returns false.
func pngChunks(data []byte, yield func(c pngChunk) bool) {
	const around = 12 // a chunk's content: length, type, CRC
	for data = data[min(len(pngSignature), len(data)):]; len(data) >= 8; {
		size := int64(binary.BigEndian.Uint32(data))
		c := pngChunk{kind: string(data[4:8]), content: data[8:min(8+size, int64(len(data)))]}
		if c.whole = int64(len(data)) >= around+size; c.whole {
			c.intact = crc32.ChecksumIEEE(data[4:8+size]) == binary.BigEndian.Uint32(data[8+size:])
		}
		if !yield(c) || !c.whole {
			return
		}
		data = data[around+size:]
	}
}

// withoutChunk returns the file without the chunks of a kind.
func withoutChunk(data []byte, kind string) []byte {
	if !bytes.Contains(data, []byte(kind)) {
		return data
	}
	out := []byte(pngSignature)
	at := len(pngSignature)
	pngChunks(data, func(c pngChunk) bool {
		end := min(at+12+len(c.content), len(data))
		if c.kind != kind {
			out = append(out, data[at:end]...)
		}
		at = end
		return true
	})
	return append(out, data[at:]...)
}

// mendPNG returns a file of the same pixels that the decoder takes, and what was wrong with the file, if all its
// pixels are there: the stream of the pixels has as many bytes as they need, whatever follows it. Where a CRC is
// wrong, the checksum at the end of the stream must be right. Else it returns the decoder's error or one that says
// what is missing.
func mendPNG(data []byte, because error) ([]byte, string, error) {
	var header, palette, stream []byte
	intact, ended, damaged := true, false, false
	pngChunks(data, func(c pngChunk) bool {
		switch c.kind {
		case "IHDR", "PLTE":
			if !c.intact || header != nil && c.kind == "IHDR" || header == nil && c.kind == "PLTE" {
				damaged = true
				return false
			}
			if c.kind == "IHDR" {
				header = c.content
			} else {
				palette = c.content
			}
		case "IDAT":
			stream = append(stream, c.content...)
			intact = intact && (c.intact || !c.whole)
		case "IEND":
			ended = c.whole
			return false
		}
		return true
	})
	if damaged || len(header) != 13 || header[9] == 3 && len(palette) < 3 {
		return nil, "", because
	}
	want := pngStream(header)
	if want < 0 {
		return nil, "", because
	}
	r, err := zlib.NewReader(bytes.NewReader(stream))
	if err != nil {
		return nil, "", fmt.Errorf("png: the file is cut short or damaged: have none of %d bytes of pixels", want)
	}
	var raw bytes.Buffer
	have, err := io.CopyN(&raw, r, want)
	if have < want {
		how := "damaged"
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			how = "cut short"
		}
		return nil, "", fmt.Errorf("png: the file is %s: have %d of %d bytes of pixels", how, have, want)
	}
	more, err := io.Copy(io.Discard, io.LimitReader(r, maxFile))
	if errors.Is(err, zlib.ErrChecksum) || !intact && err != nil {
		return nil, "", fmt.Errorf("png: the pixels are damaged: their checksum is wrong")
	}
	why := fmt.Sprintf("its decoder says %q", because)
	switch {
	case more > 0:
		why = fmt.Sprintf("%d bytes follow the last pixel", more)
	case !intact:
		why = "a CRC is wrong, but the checksum of the pixels is right"
	case !ended:
		why = "it ends before the chunk IEND"
	}
	return joinPNG(header, palette, raw.Bytes()), "the file is damaged, but all pixels are there: " + why, nil
}

// pngStream returns how many bytes the pixels need, the filter's byte of each row included, or -1.
func pngStream(header []byte) int64 {
	w, h := int64(binary.BigEndian.Uint32(header)), int64(binary.BigEndian.Uint32(header[4:]))
	samples := map[byte]int64{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[header[9]]
	if samples == 0 || header[12] > 1 {
		return -1
	}
	bits := int64(header[8]) * samples
	size := func(w, h int64) int64 {
		if w <= 0 || h <= 0 {
			return 0
		}
		return h * (1 + (w*bits+7)/8)
	}
	if header[12] == 0 {
		return size(w, h)
	}
	total := int64(0)
	// Adam7
	for _, p := range [][4]int64{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2},
		{0, 1, 1, 2}} {
		total += size((w-p[0]+p[2]-1)/p[2], (h-p[1]+p[3]-1)/p[3])
	}
	return total
}

func joinPNG(header, palette, raw []byte) []byte {
	var stream bytes.Buffer
	z, _ := zlib.NewWriterLevel(&stream, zlib.NoCompression) // the level is one
	z.Write(raw)
	z.Close()
	out := []byte(pngSignature)
	add := func(kind string, content []byte) {
		out = binary.BigEndian.AppendUint32(out, uint32(len(content)))
		at := len(out)
		out = append(append(out, kind...), content...)
		out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[at:]))
	}
	add("IHDR", header)
	if header[9] == 3 {
		add("PLTE", palette)
	}
	add("IDAT", stream.Bytes())
	add("IEND", nil)
	return out
}
