package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Page is a data page of a column.
type Page struct {
	First, Rows int // in the row group

	header     header
	at         int64 // of the bytes after the header
	dictionary *Page // nil if there is none before it
}

// Values are those of a page, one a row. Bytes are parts of few large pieces of memory.
type Values struct {
	Null   []bool
	Ints   []int64   // of Int32 and Int64, and of Boolean 0 and 1
	Floats []float64 // of Float, Double and FLOAT16
	Bytes  [][]byte  // of ByteArray
	Size   int       // the memory it takes, in bytes, about
}

// header is that of a page. Sizes are in bytes; in version 2 they include the levels, which are not compressed.
type header struct {
	kind, uncompressed, compressed int64
	crc                            int64
	hasCRC                         bool
	values, nulls, encoding        int64
	defLength, repLength           int64 // of version 2
	plain                          bool  // of version 2: the values are not compressed
}

// Kinds of pages.
const (
	dataPage       = 0
	indexPage      = 1
	dictionaryPage = 2
	dataPageV2     = 3
)

// header reads a PageHeader; its fields 5, 7 and 8 are the headers of a data page, a dictionary and a data page of
// version 2.
func (t *thrift) header() (h header) {
	t.fields(func(id int, kind byte) bool {
		switch {
		case id == 1 && kind == i32:
			h.kind = t.int()
		case id == 2 && kind == i32:
			h.uncompressed = t.int()
		case id == 3 && kind == i32:
			h.compressed = t.int()
		case id == 4 && kind == i32:
			h.crc, h.hasCRC = t.int(), true
		case (id == 5 || id == 7) && kind == structure:
			t.fields(func(id int, kind byte) bool { return t.counts(&h, id, kind) })
		case id == 8 && kind == structure:
			t.fields(func(id int, kind byte) bool { return t.countsV2(&h, id, kind) })
		default:
			return false
		}
		return true
	})
	return h
}

// counts reads a field of DataPageHeader or DictionaryPageHeader, which begin alike.
func (t *thrift) counts(h *header, id int, kind byte) bool {
	switch {
	case id == 1 && kind == i32:
		h.values = t.int()
	case id == 2 && kind == i32:
		h.encoding = t.int()
	default:
		return false
	}
	return true
}

// countsV2 reads a field of DataPageHeaderV2. is_compressed is true where it is left out.
func (t *thrift) countsV2(h *header, id int, kind byte) bool {
	switch {
	case id == 1 && kind == i32:
		h.values = t.int()
	case id == 2 && kind == i32:
		h.nulls = t.int()
	case id == 4 && kind == i32:
		h.encoding = t.int()
	case id == 5 && kind == i32:
		h.defLength = t.int()
	case id == 6 && kind == i32:
		h.repLength = t.int()
	case id == 7 && kind == boolFalse:
		h.plain = true
	default:
		return false
	}
	return true
}

const (
	maxPage   = 1 << 30  // bytes of a page
	freePage  = 64 << 20 // up to which a page may be compressed at will
	maxRatio  = 64       // of a larger one
	maxHeader = 1 << 20  // bytes; statistics may be long
)

// Pages returns the data pages of a column in a row group, by reading their headers alone: 1 KiB each, more where
// statistics are long. It ends: every page moves pos on by at least its header, and [header.check] holds it within the
// chunk. A dictionary serves the pages after it. Of a column with lists, whose pages have any number of values for a
// row, First and Rows count values.
func (f *File) Pages(group, column int) ([]Page, error) {
	c, rows := f.chunks[group][column], f.Groups[group]
	if f.Columns[column].Repeated() {
		rows = int(max(0, c.values))
	}
	fault := func(err error) error {
		return fmt.Errorf("row group %d, column %s: %w", group, f.Columns[column].Name, err)
	}
	var pages []Page
	var dictionary *Page
	pos, end, row := c.start, c.start+c.size, 0
	for row < rows {
		h, length, err := f.readHeader(pos, end)
		if err == nil {
			err = h.check(end-pos-int64(length), rows-row)
		}
		if err != nil {
			return nil, fault(err)
		}
		p := Page{row, int(h.values), h, pos + int64(length), dictionary}
		switch h.kind {
		case dataPage, dataPageV2:
			pages = append(pages, p)
			row += p.Rows
		case dictionaryPage:
			dictionary = &p
		}
		pos = p.at + h.compressed
	}
	return pages, nil
}

// readHeader reads the header of the page at pos, and returns its length, which nothing says beforehand: it is tried
// with 1 KiB, then with 16 times as much, up to the end of the chunk.
func (f *File) readHeader(pos, end int64) (header, int, error) {
	for size := int64(1 << 10); ; size *= 16 {
		data := make([]byte, min(size, end-pos))
		if _, err := f.r.ReadAt(data, pos); err != nil && err != io.EOF {
			return header{}, 0, err
		}
		t := &thrift{b: data}
		h := t.header()
		if t.err == nil {
			return h, len(data) - len(t.b), nil
		}
		if !errors.Is(t.err, errShort) || int64(len(data)) == end-pos || size >= maxHeader {
			return header{}, 0, bad("page header at %d: %w", pos, t.err)
		}
	}
}

// check holds what a header says against the bytes and rows that are left.
func (h header) check(left int64, rows int) error {
	switch {
	case h.compressed < 0 || h.compressed > left:
		return bad("a page of %d bytes, of which %d are there", h.compressed, left)
	case h.uncompressed < 0 || h.uncompressed > maxPage || h.uncompressed > max(freePage, maxRatio*h.compressed):
		return bad("a page of %d bytes, %d compressed, want at most 1 GiB, and %d times the compressed ones",
			h.uncompressed, h.compressed, maxRatio)
	case h.kind == dictionaryPage && (h.values < 0 || h.values > h.uncompressed):
		return bad("a dictionary of %d values in %d bytes", h.values, h.uncompressed)
	case h.kind == indexPage || h.kind == dictionaryPage:
	case h.kind != dataPage && h.kind != dataPageV2:
		return bad("a page of kind %d", h.kind)
	case h.values < 0 || h.values > int64(rows) || h.nulls < 0:
		return bad("a page of %d values, but %d rows are left", h.values, rows)
	case h.defLength < 0 || h.repLength < 0 || h.defLength+h.repLength > min(h.compressed, h.uncompressed):
		return bad("levels of %d and %d bytes in a page of %d", h.repLength, h.defLength, h.compressed)
	}
	return nil
}

// ReadPage returns the values of a page of a column in a row group. Values of rows that are null are 0 or nil. The
// checksum is compared where the page has one.
func (f *File) ReadPage(group, column int, p Page) (Values, error) {
	c := f.Columns[column]
	codec := f.chunks[group][column].codec
	v, err := f.readPage(c, codec, p)
	if err != nil {
		return Values{}, fmt.Errorf("row group %d, column %s, page of row %d: %w", group, c.Name, p.First, err)
	}
	return v, nil
}

func (f *File) readPage(c Column, codec int, p Page) (Values, error) {
	if c.Repeated() {
		return Values{}, bad("the column repeats values, want one a row")
	}
	_, levels, data, err := f.pageData(c, codec, p)
	if err != nil {
		return Values{}, err
	}
	v := Values{Null: make([]bool, p.Rows), Size: len(data)}
	n := p.Rows
	for i, level := range levels {
		if int(level) < c.levels {
			v.Null[i] = true
			n--
		}
	}
	d, size, err := f.decoded(c, codec, p, n, data)
	if err != nil {
		return Values{}, err
	}
	v.Size += size
	v.spread(d)
	return v, nil
}

// decoded decodes the n values of a page that are not null, and returns the size of the dictionary they were found in.
func (f *File) decoded(c Column, codec int, p Page, n int, data []byte) (d decoder, size int, err error) {
	d = decoder{kind: c.Type, half: c.half, n: n}
	if p.header.encoding != encDictionary && p.header.encoding != encPlainDictionary {
		return d, 0, d.decode(p.header.encoding, data)
	}
	if p.dictionary == nil {
		return d, 0, bad("a page that needs a dictionary, and none is before it")
	}
	entries, err := f.dictionary(c, codec, *p.dictionary)
	if err != nil {
		return d, 0, err
	}
	return d, entries.size, d.lookUp(entries, data)
}

// spread puts the values in the rows that are not null.
func (v *Values) spread(d decoder) {
	at := 0
	rows := len(v.Null)
	switch d.kind {
	case ByteArray:
		v.Bytes = make([][]byte, rows)
		v.Size += rows * 24
	case Float, Double, Fixed:
		v.Floats = make([]float64, rows)
		v.Size += rows * 8
	default:
		v.Ints = make([]int64, rows)
		v.Size += rows * 8
	}
	for i, null := range v.Null {
		switch {
		case null:
			continue
		case v.Bytes != nil:
			v.Bytes[i] = d.bytes[at]
		case v.Floats != nil:
			v.Floats[i] = d.floats[at]
		default:
			v.Ints[i] = d.ints[at]
		}
		at++
	}
}

// pageData returns the levels of repetition and of definition of a page, nil if the column has none, and its values as
// they are encoded.
func (f *File) pageData(c Column, codec int, p Page) (reps, defs []uint32, data []byte, err error) {
	h := p.header
	if data, err = f.readRaw(p); err != nil {
		return nil, nil, nil, err
	}
	if h.kind == dataPageV2 {
		codedReps, codedDefs := data[:h.repLength], data[h.repLength:][:h.defLength]
		data = data[h.repLength+h.defLength:]
		if !h.plain {
			if data, err = decompress(codec, data, int(h.uncompressed-h.repLength-h.defLength)); err != nil {
				return nil, nil, nil, err
			}
		}
		if c.lists > 0 {
			if reps, err = hybrid(codedReps, bitWidth(c.lists), p.Rows); err != nil {
				return nil, nil, nil, err
			}
		}
		if c.levels > 0 {
			defs, err = hybrid(codedDefs, bitWidth(c.levels), p.Rows)
		}
		return reps, defs, data, err
	}
	if data, err = decompress(codec, data, int(h.uncompressed)); err != nil {
		return nil, nil, nil, err
	}
	if reps, data, err = levelsOf(c.lists, p.Rows, data); err == nil {
		defs, data, err = levelsOf(c.levels, p.Rows, data)
	}
	return reps, defs, data, err
}

// levelsOf reads n levels of a page of version 1, which have their length before them, and returns what comes after. A
// column whose highest level is 0 has none.
func levelsOf(most, n int, data []byte) (levels []uint32, rest []byte, err error) {
	if most == 0 {
		return nil, data, nil
	}
	if len(data) < 4 || uint64(binary.LittleEndian.Uint32(data)) > uint64(len(data)-4) {
		return nil, nil, bad("levels end early")
	}
	end := 4 + int(binary.LittleEndian.Uint32(data))
	levels, err = hybrid(data[4:end], bitWidth(most), n)
	return levels, data[end:], err
}

// readRaw reads the bytes of a page as they are in the file.
func (f *File) readRaw(p Page) ([]byte, error) {
	data := make([]byte, p.header.compressed)
	if n, err := f.r.ReadAt(data, p.at); n < len(data) {
		return nil, fmt.Errorf("page at %d: %w", p.at, err)
	}
	if p.header.hasCRC && uint32(p.header.crc) != crc32.ChecksumIEEE(data) {
		return nil, bad("page at %d: its checksum is another", p.at)
	}
	return data, nil
}

// dictionary reads the values of a dictionary page, which are always PLAIN, whichever of its two numbers is given.
func (f *File) dictionary(c Column, codec int, p Page) (entries, error) {
	data, err := f.readRaw(p)
	if err == nil {
		data, err = decompress(codec, data, int(p.header.uncompressed))
	}
	if err != nil {
		return entries{}, fmt.Errorf("dictionary: %w", err)
	}
	if p.header.encoding != encPlain && p.header.encoding != encPlainDictionary {
		return entries{}, bad("dictionary: encoding %d, want PLAIN", p.header.encoding)
	}
	d := decoder{kind: c.Type, half: c.half, n: int(p.header.values)}
	if err := d.decode(encPlain, data); err != nil {
		return entries{}, fmt.Errorf("dictionary: %w", err)
	}
	return entries{d.ints, d.floats, d.bytes, len(data)}, nil
}
