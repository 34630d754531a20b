package page

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/parquet-go/parquet-go"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/internal/fixtures/tinyrun"
)

// TestTable: a row for each image, with the bytes of its file, its place on the map, its distances and its flags.
func TestTable(t *testing.T) {
	r := tinyrun.Make(t)
	set, err := dataset.Open(t.Context(), distill.ImagesDir(r.Out), dataset.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	m, err := distill.ReadManifest(r.Out)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "view.parquet")
	o := Options{Sources: []Source{{Name: "run", Dir: r.Out, Images: set, Manifest: m}}, Real: r.Data}
	if n, err := WriteTable(t.Context(), o, out); n != 9 || err != nil {
		t.Fatal(n, err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := parquet.Read[entry](bytes.NewReader(data), int64(len(data)))
	if err != nil || len(rows) != 9 {
		t.Fatal(len(rows), err)
	}
	found, _, err := Write(t.Context(), o, filepath.Join(t.TempDir(), "page.html"))
	if err != nil || len(found) == 0 {
		t.Fatal(found, err)
	}
	for i, row := range rows {
		want := m.Classes[i/3].Images[i%3]
		file, err := os.ReadFile(filepath.Join(r.Out, want.File))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(row.Image.Bytes, file) || "images/"+row.Image.Path != want.File || *row.Label != int64(i/3) ||
			row.Mode != int64(want.Mode) || row.Real != want.ClusterSize || *row.Own != want.Distance.Own {
			t.Errorf("row %d is %s, label %d, mode %d, want %+v", i, row.Image.Path, *row.Label, row.Mode, want)
		}
		if row.X == nil || row.Y == nil || row.NearD == nil || *row.Percentile < 0 || *row.Percentile > 100 {
			t.Errorf("row %d lacks numbers: %+v", i, row)
		}
		few := false
		for _, flag := range row.Flags {
			few = few || flag == "few-real"
		}
		if !few { // four real images, three modes
			t.Errorf("row %d has the flags %q, want few-real", i, row.Flags)
		}
	}
}
