package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	writer "github.com/parquet-go/parquet-go"
)

// The rows of a set of images, in the encodings that writers choose.
type (
	plainRow struct {
		Image *plainImage `parquet:"image,optional"`
		Label *int64      `parquet:"label,optional,plain"`
		Small int32       `parquet:"small,plain"`
	}
	plainImage struct {
		Bytes []byte  `parquet:"bytes,optional,plain"`
		Path  *string `parquet:"path,optional"`
	}
	dictRow struct {
		Image *dictImage `parquet:"image,optional"`
		Label *int64     `parquet:"label,optional,dict"`
		Small int32      `parquet:"small,dict"`
	}
	dictImage struct {
		Bytes []byte  `parquet:"bytes,optional,dict"`
		Path  *string `parquet:"path,optional"`
	}
)

// want is what a row holds.
type want struct {
	bytes []byte // nil is null
	label *int64
	small int32
}

// rows returns n rows, in which some values repeat, are empty or null.
func rows(n int) []want {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	out := make([]want, n)
	for i := range out {
		out[i].small = int32(rng.Uint32())
		if rng.IntN(5) > 0 {
			label := rng.Int64() >> rng.IntN(64)
			out[i].label = &label
		}
		switch rng.IntN(8) {
		case 0:
		case 1:
			out[i].bytes = []byte{}
		case 2:
			out[i].bytes = []byte("the same")
		default:
			b := make([]byte, rng.IntN(200))
			for j := range b {
				b[j] = byte(rng.IntN(4))
			}
			out[i].bytes = b
		}
	}
	return out
}

// write returns a file of rows made by another program's writer.
func write[T any](tb testing.TB, make func(want) T, rows []want, options ...writer.WriterOption) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := writer.NewGenericWriter[T](&b, append(options, writer.KeyValueMetadata("huggingface", "{}"))...)
	for _, row := range rows {
		if _, err := w.Write([]T{make(row)}); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

var encodings = map[string]func(testing.TB, []want, ...writer.WriterOption) []byte{
	"plain": func(tb testing.TB, rows []want, o ...writer.WriterOption) []byte {
		return write(tb, func(w want) plainRow { return plainRow{&plainImage{w.bytes, nil}, w.label, w.small} }, rows,
			o...)
	},
	"dictionary": func(tb testing.TB, rows []want, o ...writer.WriterOption) []byte {
		return write(tb, func(w want) dictRow { return dictRow{&dictImage{w.bytes, nil}, w.label, w.small} }, rows,
			o...)
	},
	"delta": func(tb testing.TB, rows []want, o ...writer.WriterOption) []byte {
		return write(tb, func(w want) plainRow { return plainRow{&plainImage{w.bytes, nil}, w.label, w.small} }, rows,
			append(o, deltaSchema)...)
	},
}

// deltaSchema is that of plainRow with the encodings that tags do not name.
var deltaSchema = writer.NewSchema("rows", writer.Group{
	"image": writer.Optional(writer.Group{
		"bytes": writer.Optional(writer.Encoded(writer.Leaf(writer.ByteArrayType), &writer.DeltaLengthByteArray)),
		"path":  writer.Optional(writer.String()),
	}),
	"label": writer.Optional(writer.Encoded(writer.Int(64), &writer.DeltaBinaryPacked)),
	"small": writer.Encoded(writer.Int(32), &writer.DeltaBinaryPacked),
})

// column reads all values of a column.
func column(f *File, name string) (Values, error) {
	var all Values
	c := f.Column(name)
	if c < 0 {
		return all, fmt.Errorf("no column %s", name)
	}
	for g, rows := range f.Groups {
		pages, err := f.Pages(g, c)
		if err != nil {
			return all, err
		}
		next := 0
		for _, p := range pages {
			if p.First != next {
				return all, fmt.Errorf("page at row %d, want %d", p.First, next)
			}
			next += p.Rows
			v, err := f.ReadPage(g, c, p)
			if err != nil {
				return all, err
			}
			if len(v.Null) != p.Rows || len(v.Ints)+len(v.Bytes)+len(v.Floats) != p.Rows {
				return all, fmt.Errorf("page of %d rows has %d values", p.Rows, len(v.Ints)+len(v.Bytes))
			}
			all.Null, all.Ints, all.Bytes = append(all.Null, v.Null...), append(all.Ints, v.Ints...),
				append(all.Bytes, v.Bytes...)
		}
		if next != rows {
			return all, fmt.Errorf("row group %d: %d rows, want %d", g, next, rows)
		}
	}
	return all, nil
}

func TestRead(t *testing.T) {
	codecs := map[string]writer.WriterOption{
		"none": writer.Compression(&writer.Uncompressed), "snappy": writer.Compression(&writer.Snappy),
		"gzip": writer.Compression(&writer.Gzip), "zstd": writer.Compression(&writer.Zstd),
		"brotli": writer.Compression(&writer.Brotli), "lz4": writer.Compression(&writer.Lz4Raw),
	}
	for _, n := range []int{0, 1, 7, 8, 9, 300} {
		rows := rows(n)
		for encoding, make := range encodings {
			for codec, compression := range codecs {
				for _, version := range []int{1, 2} {
					t.Run(fmt.Sprintf("%d/%s/%s/%d", n, encoding, codec, version), func(t *testing.T) {
						data := make(t, rows, compression, writer.DataPageVersion(version), writer.PageBufferSize(1000),
							writer.MaxRowsPerRowGroup(130))
						f, err := Open(bytes.NewReader(data), int64(len(data)))
						if err != nil {
							t.Fatal(err)
						}
						if text, ok := f.Text("huggingface"); text != "{}" || !ok {
							t.Errorf("text %q, %v", text, ok)
						}
						if n == 300 && len(f.Groups) != 3 {
							t.Errorf("%d row groups, want 3", len(f.Groups))
						}
						check(t, f, rows)
					})
				}
			}
		}
	}
}

func check(t *testing.T, f *File, rows []want) {
	t.Helper()
	images, errI := column(f, "image.bytes")
	labels, errL := column(f, "label")
	small, errS := column(f, "small")
	if err := errors.Join(errI, errL, errS); err != nil {
		t.Fatal(err)
	}
	if len(images.Null) != len(rows) || len(labels.Null) != len(rows) || len(small.Null) != len(rows) {
		t.Fatalf("%d images, %d labels, %d small, want %d", len(images.Null), len(labels.Null), len(small.Null),
			len(rows))
	}
	for i, row := range rows {
		if images.Null[i] != (row.bytes == nil) || !bytes.Equal(images.Bytes[i], row.bytes) {
			t.Errorf("row %d: image %q, null %v, want %q", i, images.Bytes[i], images.Null[i], row.bytes)
		}
		if labels.Null[i] != (row.label == nil) || row.label != nil && labels.Ints[i] != *row.label {
			t.Errorf("row %d: label %d, null %v, want %v", i, labels.Ints[i], labels.Null[i], row.label)
		}
		if small.Null[i] || small.Ints[i] != int64(row.small) {
			t.Errorf("row %d: small %d, want %d", i, small.Ints[i], row.small)
		}
	}
}

func TestHostile(t *testing.T) {
	good := encodings["plain"](t, rows(20), writer.Compression(&writer.Snappy), writer.DataPageVersion(1))
	footer := func(n uint32) []byte {
		b := slices.Clone(good)
		for i := range 4 {
			b[len(b)-8+i] = byte(n >> (8 * i))
		}
		return b
	}
	for _, c := range []struct {
		name string
		data []byte
		err  string
	}{
		{"empty", nil, "has 0 bytes"},
		{"text", []byte("this is not such a file"), "want PAR1"},
		{"cut", good[:len(good)-1], "want PAR1"},
		{"footer longer than the file", footer(uint32(len(good))), "a footer of"},
		{"footer of 4 GiB", footer(1<<32 - 1), "a footer of 4294967295 bytes"},
		{"footer of nothing", footer(0), "footer: ends early"},
		{"list of more elements than bytes", append(append([]byte(Magic), 0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x7f),
			append([]byte{7, 0, 0, 0}, Magic...)...), "footer: ends early"},
	} {
		_, err := Open(bytes.NewReader(c.data), int64(len(c.data)))
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.err)
		}
	}
}

func TestHeaderCheck(t *testing.T) {
	ok := header{kind: dataPage, compressed: 10, uncompressed: 20, values: 5}
	if err := ok.check(10, 5); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*header){
		"longer than the chunk":   func(h *header) { h.compressed = 11 },
		"negative length":         func(h *header) { h.compressed = -1 },
		"negative size":           func(h *header) { h.uncompressed = -1 },
		"a bomb":                  func(h *header) { h.uncompressed = freePage + 1 },
		"more values than rows":   func(h *header) { h.values = 6 },
		"negative values":         func(h *header) { h.values = -1 },
		"levels beyond the page":  func(h *header) { h.defLength = 11 },
		"an unknown kind":         func(h *header) { h.kind = 9 },
		"a dictionary of nothing": func(h *header) { h.kind, h.values = dictionaryPage, 21 },
	} {
		h := ok
		change(&h)
		if err := h.check(10, 5); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// FuzzOpen reads all columns of a file. Whatever it is, memory is bounded by its size, and what is null has no value.
func FuzzOpen(f *testing.F) {
	for _, encoding := range []string{"plain", "dictionary", "delta"} {
		for _, o := range [][]writer.WriterOption{
			{writer.DataPageVersion(1), writer.Compression(&writer.Snappy)},
			{writer.DataPageVersion(2), writer.Compression(&writer.Zstd), writer.MaxRowsPerRowGroup(5)},
			{writer.DataPageVersion(2), writer.Compression(&writer.Lz4Raw)},
			{writer.DataPageVersion(1), writer.Compression(&writer.Brotli)},
			{writer.DataPageVersion(2), writer.Compression(&writer.Uncompressed)},
		} {
			f.Add(encodings[encoding](f, rows(12), o...))
		}
	}
	for _, version := range []int{1, 2} {
		f.Add(writeLists(f, version, &writer.Plain, 3))
		f.Add(writeLists(f, version, &writer.RLEDictionary, 3))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for i, c := range file.Columns {
			for g := range file.Groups {
				_ = file.Numbers(g, i, func(shape []int, numbers []float64) error {
					n := 1
					for _, length := range shape {
						n *= length
					}
					if n != len(numbers) || len(shape) != c.Lists() {
						t.Errorf("column %s: %d numbers of the shape %v", c.Name, len(numbers), shape)
					}
					return nil
				})
			}
			v, err := column(file, c.Name)
			if err != nil {
				continue
			}
			for i, null := range v.Null {
				if null && v.Bytes != nil && v.Bytes[i] != nil {
					t.Errorf("column %s, row %d: null, and %q", c.Name, i, v.Bytes[i])
				}
			}
		}
	})
}
