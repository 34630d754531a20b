package export

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/parquet-go/parquet-go"

	"mgd3/distill"
)

// TestParquet: the columns, their types and the metadata are those that Hugging Face's datasets writes.
func TestParquet(t *testing.T) {
	dir, images := newSet(t)
	data := get(t, write(t, dir, Options{Format: Parquet}))
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	const schema = `message row {
	optional group image {
		optional binary bytes;
		optional binary path (STRING);
	}
	optional int64 label (INT(64,true));
}`
	if got := f.Schema().String(); got != schema {
		t.Errorf("the schema is %s, want %s", got, schema)
	}
	const features = `{"info":{"features":{"image":{"_type":"Image"},"label":{"names":["owl","cat","n01.tench å"],` +
		`"_type":"ClassLabel"}}}}`
	if got, _ := f.Lookup("huggingface"); got != features {
		t.Errorf("the features are %s, want %s", got, features)
	}
	if got, _ := f.Lookup("mgd3"); got != string(get(t, filepath.Join(dir, manifestName))) {
		t.Error("the manifest is another")
	}
	for _, column := range f.Metadata().RowGroups[0].Columns {
		if s := column.MetaData.Statistics; column.MetaData.PathInSchema[0] == "image" && len(s.MaxValue) > 100 {
			t.Errorf("the footer repeats %d bytes of an image", len(s.MaxValue))
		}
	}
	rows, err := parquet.Read[row](bytes.NewReader(data), int64(len(data)))
	if err != nil || len(rows) != len(images) {
		t.Fatalf("got %d rows, %v, want %d", len(rows), err, len(images))
	}
	for i, r := range rows {
		file := distill.ImageFile(classNames[i/perClass], i%perClass)
		if r.Label == nil || *r.Label != int64(i/perClass) || r.Image.Path != file ||
			!bytes.Equal(r.Image.Bytes, images[file]) {
			t.Errorf("row %d has label %v, path %s, %d bytes, want those of %s", i, r.Label, r.Image.Path,
				len(r.Image.Bytes), file)
		}
	}
}
