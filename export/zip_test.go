package export

import (
	"archive/zip"
	"bytes"
	"io"
	"path/filepath"
	"testing"

	"mgd3/distill"
)

// TestZip: members are stored with their sizes before them, in the order of the manifest, and unpack to the folder.
func TestZip(t *testing.T) {
	dir, images := newSet(t)
	z, err := zip.OpenReader(write(t, dir, Options{Format: Zip}))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	want := []string{manifestName}
	for _, class := range classNames {
		for j := range perClass {
			want = append(want, distill.ImageFile(class, j))
		}
	}
	images[manifestName] = get(t, filepath.Join(dir, manifestName))
	for i, f := range z.File {
		const descriptor = 0x8 // flag: sizes stand after the data
		if i >= len(want) || f.Name != want[i] || f.Method != zip.Store || f.Flags&descriptor != 0 ||
			f.Mode() != 0o644 {
			t.Fatalf("member %d: got %s, method %d, flags %x, mode %v", i, f.Name, f.Method, f.Flags, f.Mode())
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if data, err := io.ReadAll(r); err != nil || !bytes.Equal(data, images[f.Name]) {
			t.Errorf("%s has other bytes (%v)", f.Name, err)
		}
	}
	if len(z.File) != len(want) {
		t.Errorf("got %d members, want %d", len(z.File), len(want))
	}
}
