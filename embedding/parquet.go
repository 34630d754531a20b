package embedding

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"mgd3/matrix"
)

var (
	nameColumns    = []string{"file_name", "filename", "file", "path", "image_path", "image", "name"}
	featureColumns = []string{"embedding", "embeddings", "features", "feature", "vector"}
)

// record is a row as it is written.
type record struct {
	FileName  string    `parquet:"file_name"`
	Embedding []float32 `parquet:"embedding,list"`
}

func writeParquet(w io.Writer, names []string, features matrix.Matrix) error {
	rows := parquet.NewGenericWriter[record](w)
	for i, name := range names {
		if _, err := rows.Write([]record{{name, features.Row(i)}}); err != nil {
			return err
		}
	}
	return rows.Close()
}

// readParquet reads the rows of a Parquet file. Its columns are the first of each list that the file has, whatever
// their case: of names one that is no list, of features one that is. So "image", which may also be a struct of bytes,
// is taken only where it is a plain column.
func (t *Table) readParquet(ctx context.Context, data []byte) (err error) {
	defer func() { // of a damaged file the library may fail so
		if p := recover(); p != nil {
			err = fmt.Errorf("it is damaged: %v", p)
		}
	}()
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	columns := f.Schema().Columns()
	find := func(names []string, repeated bool) int {
		for _, name := range names {
			for i, column := range columns {
				leaf, _ := f.Schema().Lookup(column...)
				if strings.EqualFold(column[0], name) && (leaf.MaxRepetitionLevel > 0) == repeated {
					return i
				}
			}
		}
		return -1
	}
	names, features := find(nameColumns, false), find(featureColumns, true)
	if names < 0 || features < 0 {
		var have []string
		for _, column := range columns {
			have = append(have, column[0])
		}
		return fmt.Errorf("it has columns %q, want names in one of %q and lists of numbers in one of %q",
			slices.Compact(have), nameColumns, featureColumns)
	}
	reader := parquet.NewReader(f)
	defer reader.Close()
	buffer := make([]parquet.Row, 64)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := reader.ReadRows(buffer)
		for _, row := range buffer[:n] {
			if err := t.add(row, names, features); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// add takes a row's name and features. It counts rows and columns itself: lengths of lists are not in the schema.
func (t *Table) add(row parquet.Row, names, features int) error {
	name, before := "", len(t.Features.Data)
	for _, v := range row {
		switch {
		case v.Column() == names && !v.IsNull():
			name = strings.Clone(v.String())
		case v.Column() == features && v.IsNull():
			return fmt.Errorf("row %d has no features", len(t.Names))
		case v.Column() == features && v.Kind() == parquet.Float:
			t.Features.Data = append(t.Features.Data, v.Float())
		case v.Column() == features && v.Kind() == parquet.Double:
			t.Features.Data = append(t.Features.Data, float32(v.Double()))
		case v.Column() == features:
			return fmt.Errorf("the features are of type %v, want FLOAT or DOUBLE", v.Kind())
		}
	}
	d := len(t.Features.Data) - before
	if t.Features.Rows > 0 && d != t.Features.Cols {
		return fmt.Errorf("%q has %d features, and %q has %d", t.Names[0], t.Features.Cols, name, d)
	}
	t.Names, t.Features.Rows, t.Features.Cols = append(t.Names, name), t.Features.Rows+1, d
	return nil
}
