// Package parquet reads single columns of Parquet files, a page at a time.
//
// The format is that of https://parquet.apache.org/docs/file-format:
//
//	file    "PAR1" pages… footer, its length (uint32), "PAR1"
//	footer  schema, row groups with their column chunks, texts by name; Thrift, compact protocol
//	chunk   the values of one column in one row group: perhaps a page with a dictionary, then data pages
//	page    header (Thrift), then definition levels and values, compressed
//
// Read are columns of BOOLEAN, INT32, INT64, FLOAT, DOUBLE, FLOAT16 and BYTE_ARRAY, and lists of numbers, encoded
// PLAIN, by dictionary, DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY or BYTE_STREAM_SPLIT, in pages of version 1 or 2
// that are uncompressed or compressed with Snappy, gzip, zstd, Brotli or LZ4. This is what pyarrow, polars, DuckDB and
// parquet-go write of images and labels.
//
// It is written here because no library bounds the memory for a file that lies: every size and count
// is held against the bytes that are there before room is made for it. No page may have more than 1 GiB,
// nor more than 64 MiB and 64 times its compressed size; no file more rows than bytes.
package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// ErrFormat says that a file is damaged, or not of the kind that is read here.
var ErrFormat = errors.New("not a readable Parquet file")

// Magic is at both ends of a file.
const Magic = "PAR1"

// maxFooter is the size up to which a footer is read, in bytes.
const maxFooter = 256 << 20

// File is an open Parquet file. It may be used from several goroutines as its reader may.
type File struct {
	Columns []Column
	Groups  []int // rows of each row group

	r      io.ReaderAt
	size   int64
	texts  map[string]string
	chunks [][]chunk // of each group, by column
}

// Column is a leaf of the schema.
type Column struct {
	Name string // from the top, "image.bytes" say
	Type Type
	// what its numbers stand for, where they do not count: DATE, TIME, TIMESTAMP, DECIMAL or INTERVAL; else ""
	Meaning string

	// Definition levels: the optional fields on the way from the top. A value is stored with how many of them are
	// there; one with fewer than all is null and has no bytes (Dremel, Melnik et al. 2010, section 4.1).
	levels int
	lists  int  // on the way from the top: if there is one, a row may have any number of values
	half   bool // FLOAT16, which is FIXED_LEN_BYTE_ARRAY of 2 bytes
}

// Repeated tells whether a row may have several values.
func (c Column) Repeated() bool { return c.lists > 0 }

// Type is the kind of a column's values.
type Type int

// The types that are read.
const (
	Boolean   Type = 0
	Int32     Type = 1
	Int64     Type = 2
	Float     Type = 4
	Double    Type = 5
	ByteArray Type = 6
	Fixed     Type = 7 // bytes of one length: of them only FLOAT16 is read
)

// String is its name in the format's specification.
func (t Type) String() string {
	names := []string{"BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"}
	if t < 0 || int(t) >= len(names) {
		return fmt.Sprintf("number %d", int(t))
	}
	return names[t]
}

// chunk is where the values of one column of one row group are.
type chunk struct {
	codec       int
	start, size int64
	values      int64 // all that its pages have, those that are null too
}

// Open reads the footer of a file of size bytes: three reads, whatever the size. Numbers of fields below are those of
// FileMetaData in parquet.thrift; fields that are not named are skipped. Every error is an [ErrFormat], but for those
// of r.
func Open(r io.ReaderAt, size int64) (*File, error) {
	data, err := readFooter(r, size)
	if err != nil {
		return nil, err
	}
	f := &File{r: r, size: size, texts: map[string]string{}}
	t := &thrift{b: data}
	var schema []element
	var groups []group
	t.fields(func(id int, kind byte) bool {
		switch {
		case id == 2 && kind == list:
			t.list(func() { schema = append(schema, t.element()) })
		case id == 4 && kind == list:
			t.list(func() { groups = append(groups, t.group()) })
		case id == 5 && kind == list:
			t.list(func() { t.text(f.texts) })
		default:
			return false
		}
		return true
	})
	if t.err != nil {
		return nil, bad("footer: %w", t.err)
	}
	if f.Columns, err = leaves(schema); err != nil {
		return nil, err
	}
	return f, f.addGroups(groups)
}

// bad is an ErrFormat that says what is wrong.
func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrFormat, fmt.Errorf(format, args...))
}

// readFooter reads the footer's bytes, whose length comes before the magic at the end. An encrypted file has "PARE"
// there.
func readFooter(r io.ReaderAt, size int64) ([]byte, error) {
	const frame = int64(len(Magic)) + 8
	if size < frame {
		return nil, bad("has %d bytes", size)
	}
	var head [4]byte
	var tail [8]byte
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return nil, err
	}
	if _, err := r.ReadAt(tail[:], size-8); err != nil && err != io.EOF {
		return nil, err
	}
	if string(head[:]) != Magic || string(tail[4:]) != Magic {
		return nil, bad("begins with %q and ends with %q, want %s: cut short, or encrypted", head, tail[4:], Magic)
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	if n > min(size-frame, maxFooter) {
		return nil, bad("a footer of %d bytes in a file of %d", n, size)
	}
	data := make([]byte, n)
	_, err := io.ReadFull(io.NewSectionReader(r, size-8-n, n), data)
	return data, err
}

// element is one node of the schema, which is a list of them, each before its children.
type element struct {
	name             string
	kind, repetition int64
	children         int64
	width            int64  // of FIXED_LEN_BYTE_ARRAY, in bytes
	meaning          string // see Column
	half             bool
}

// The meanings of numbers, by the older field (ConvertedType) and the newer one (LogicalType) of the specification,
// github.com/apache/parquet-format, parquet.thrift.
var (
	converted = map[int64]string{5: "DECIMAL", 6: "DATE", 7: "TIME", 8: "TIME", 9: "TIMESTAMP", 10: "TIMESTAMP",
		21: "INTERVAL"}
	logical = map[int]string{5: "DECIMAL", 6: "DATE", 7: "TIME", 8: "TIMESTAMP"}
)

// logicalHalf is the LogicalType FLOAT16.
const logicalHalf = 15

// element reads a SchemaElement. repetition is 0 (required), 1 (optional) or 2 (repeated); kind is −1 of a group.
func (t *thrift) element() (e element) {
	e.kind = -1
	t.fields(func(id int, kind byte) bool {
		switch {
		case id == 1 && kind == i32:
			e.kind = t.int()
		case id == 2 && kind == i32:
			e.width = t.int()
		case id == 3 && kind == i32:
			e.repetition = t.int()
		case id == 4 && kind == binaryKind:
			e.name = string(t.bytes())
		case id == 5 && kind == i32:
			e.children = t.int()
		case id == 6 && kind == i32:
			if m := converted[t.int()]; m != "" {
				e.meaning = m
			}
		case id == 10 && kind == structure: // a union: one field, whose number says which
			t.fields(func(id int, _ byte) bool {
				if m := logical[id]; m != "" {
					e.meaning = m
				}
				e.half = e.half || id == logicalHalf
				return false
			})
		default:
			return false
		}
		return true
	})
	return e
}

// leaves returns the columns of a schema, which is a tree written before its children (depth first): each element says
// how many of the following subtrees are its own. The walk ends, since every call takes an element, and its depth is
// bounded; elements that are left over make the file wrong.
func leaves(schema []element) ([]Column, error) {
	var columns []Column
	next := 0
	var walk func(path []string, levels, lists int) error
	walk = func(path []string, levels, lists int) error {
		if next >= len(schema) || len(path) > maxDepth {
			return bad("schema: ends early, or nests more than %d deep", maxDepth)
		}
		e := schema[next]
		next++
		if len(path) > 0 || next > 1 { // the root is neither named nor optional
			path = append(path[:len(path):len(path)], e.name)
			levels += int(min(e.repetition, 1))
			if e.repetition > 1 {
				lists++
			}
		}
		if e.repetition < 0 || e.children < 0 {
			return bad("schema: field %s: negative numbers", e.name)
		}
		if e.children == 0 && len(path) > 0 {
			half := e.half && Type(e.kind) == Fixed && e.width == 2
			columns = append(columns, Column{strings.Join(path, "."), Type(e.kind), e.meaning, levels, lists, half})
		}
		for range e.children {
			if err := walk(path, levels, lists); err != nil {
				return err
			}
		}
		return nil
	}
	if err := walk(nil, 0, 0); err != nil {
		return nil, err
	}
	if next != len(schema) {
		return nil, bad("schema: %d fields belong to none", len(schema)-next)
	}
	return columns, nil
}

// group is a row group as the footer has it.
type group struct {
	rows   int64
	chunks []columnChunk
}

// columnChunk is a ColumnChunk as the footer has it, with its ColumnMetaData.
type columnChunk struct {
	inside               bool // in this file, and not encrypted
	codec                int
	data, dictionary, of int64 // offsets, and the size of all pages
	values               int64
}

// group reads a RowGroup.
func (t *thrift) group() (g group) {
	t.fields(func(id int, kind byte) bool {
		switch {
		case id == 1 && kind == list:
			t.list(func() { g.chunks = append(g.chunks, t.columnChunk()) })
		case id == 3 && kind == i64:
			g.rows = t.int()
		default:
			return false
		}
		return true
	})
	return g
}

// columnChunk reads a ColumnChunk. One with a file_path lies in another file, one without meta_data is encrypted:
// neither is inside.
func (t *thrift) columnChunk() (c columnChunk) {
	elsewhere := false
	t.fields(func(id int, kind byte) bool {
		switch {
		case id == 1 && kind == binaryKind:
			elsewhere = len(t.bytes()) > 0
		case id == 3 && kind == structure:
			c.inside = true
			t.fields(func(id int, kind byte) bool { return t.columnMeta(&c, id, kind) })
		default:
			return false
		}
		return true
	})
	c.inside = c.inside && !elsewhere
	return c
}

// columnMeta reads a field of ColumnMetaData: codec, num_values, total_compressed_size, data_page_offset,
// dictionary_page_offset.
func (t *thrift) columnMeta(c *columnChunk, id int, kind byte) bool {
	switch {
	case id == 4 && kind == i32:
		c.codec = int(t.int())
	case id == 5 && kind == i64:
		c.values = t.int()
	case id == 7 && kind == i64:
		c.of = t.int()
	case id == 9 && kind == i64:
		c.data = t.int()
	case id == 11 && kind == i64:
		c.dictionary = t.int()
	default:
		return false
	}
	return true
}

// text reads one of the texts by name.
func (t *thrift) text(into map[string]string) {
	var key, value string
	t.fields(func(id int, kind byte) bool {
		switch {
		case id == 1 && kind == binaryKind:
			key = string(t.bytes())
		case id == 2 && kind == binaryKind:
			value = string(t.bytes())
		default:
			return false
		}
		return true
	})
	into[key] = value
}

// addGroups checks the row groups and keeps them: chunks lie in the file, and rows are no more than bytes, which bounds
// what any later reader makes room for. A chunk begins at its dictionary, where it has one before its data; writers
// that have none leave the offset out or write 0.
func (f *File) addGroups(groups []group) error {
	total := int64(0)
	for i, g := range groups {
		if total += g.rows; g.rows < 0 || g.rows > math.MaxInt32 || total > f.size {
			return bad("row group %d: %d rows in a file of %d bytes", i, g.rows, f.size)
		}
		if len(g.chunks) != len(f.Columns) {
			return bad("row group %d: has %d columns, the schema %d", i, len(g.chunks), len(f.Columns))
		}
		chunks := make([]chunk, len(g.chunks))
		for j, c := range g.chunks {
			start := c.data
			if c.dictionary > 0 && c.dictionary < start {
				start = c.dictionary
			}
			if !c.inside || start < 0 || c.of < 0 || start > f.size || c.of > f.size-start {
				return bad("row group %d, column %s: lies outside the file, or is encrypted", i, f.Columns[j].Name)
			}
			chunks[j] = chunk{c.codec, start, c.of, c.values}
		}
		f.Groups = append(f.Groups, int(g.rows))
		f.chunks = append(f.chunks, chunks)
	}
	return nil
}

// Text returns what the file says under a name.
func (f *File) Text(name string) (string, bool) {
	text, ok := f.texts[name]
	return text, ok
}

// Column returns the index of the column of a name, or -1.
func (f *File) Column(name string) int {
	for i, c := range f.Columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}
