package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"
)

// tarText is a tar of files, in byte order of their names.
func tarText(t testing.TB, in files) string {
	t.Helper()
	data, err := os.ReadFile(makeTar(t, in))
	must(t, err)
	return string(data)
}

// parquetRow is a row as the hub has it.
type parquetRow struct {
	Image parquetImage `parquet:"image,optional"`
	Label *int64       `parquet:"label,optional"`
}

type parquetImage struct {
	Bytes []byte `parquet:"bytes,optional"`
	Path  string `parquet:"path,optional"`
}

func label(n int64) *int64 { return &n }

// hubRow is the row of an image.
func hubRow(image string, n int64) parquetRow {
	return parquetRow{parquetImage{[]byte(image), "image.jpg"}, label(n)}
}

// hubFile is a Parquet file of rows, with the names of the labels unless there are none.
func hubFile(t testing.TB, names []string, rows ...parquetRow) string {
	t.Helper()
	return parquetFile(t, names, "label", rows)
}

func parquetFile[T any](t testing.TB, names []string, column string, rows []T, options ...pq.WriterOption) string {
	t.Helper()
	if names != nil {
		text, err := json.Marshal(map[string]any{"info": map[string]any{"features": map[string]any{
			"image": map[string]any{"_type": "Image"}, column: map[string]any{"names": names, "_type": "ClassLabel"}}}})
		must(t, err)
		options = append(options, pq.KeyValueMetadata("huggingface", string(text)))
	}
	var b bytes.Buffer
	w := pq.NewGenericWriter[T](&b, append(options, pq.Compression(&pq.Snappy), pq.MaxRowsPerRowGroup(3))...)
	for _, row := range rows { // one by one, or row groups are longer
		_, err := w.Write([]T{row})
		must(t, err)
	}
	must(t, w.Close())
	return b.String()
}

// cifarRow is a row of CIFAR: labels, and a picture in which pixel i is (i, i+1, i+2)·k.
func cifarRow(k int, labels ...byte) string {
	row := slices.Clone(labels)
	for c := range 3 {
		for i := range cifarSide * cifarSide {
			row = append(row, byte((i+c)*k))
		}
	}
	return string(row)
}

// idx is a file of bytes in some dimensions.
func idx(magic uint32, content string, dims ...uint32) string {
	b := binary.BigEndian.AppendUint32(nil, magic)
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return string(b) + content
}

func zipped(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(content))
	must(t, err)
	must(t, w.Close())
	return b.String()
}

// cifarOfSet writes a set of 32 × 32 pixels as CIFAR's binary version does.
func cifarOfSet(t *testing.T, s *Set) files {
	t.Helper()
	var rows []byte
	for n, class := range s.Classes {
		for sample := range s.Load(t.Context(), class.Images, LoadOptions{}) {
			must(t, sample.Err)
			rows = append(rows, byte(n))
			for c := range 3 {
				for i := range cifarSide * cifarSide {
					rows = append(rows, sample.Image.Pix[3*i+c])
				}
			}
		}
	}
	return files{"data_batch_1.bin": string(rows), "batches.meta.txt": strings.Join(s.ClassNames(), "\n") + "\n\n"}
}
