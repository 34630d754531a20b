package export

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/stage"
)

// FuzzNames takes names of classes through a set, its manifest, verify and all forms of export: whatever opens comes
// back.
func FuzzNames(f *testing.F) {
	for _, name := range []string{"cat", "n01.tench å", "a b", "caf\xe9", "caf\u00e9", "\ufeffa", "a ", "\x1b[2J",
		"CON", "-x", "#a", "1", "\u202eb", "A", "e\u0301", "a,b", `a"b`, "..", "a.tar",
		"manifest.json", "images", "train", "007", "true", "NaN", "cat.", "nul", "\u00a0a", "\u200b", "%s", "~",
		strings.Repeat("x", 200)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		real := filepath.Join(t.TempDir(), "real")
		for _, class := range []string{name, "zz"} {
			dir := filepath.Join(real, class)
			if filepath.Dir(dir) != real || os.MkdirAll(dir, 0o777) != nil ||
				os.WriteFile(filepath.Join(dir, "0.png"), picturePNG(t, 0, 0), 0o666) != nil {
				return // no name of a folder here
			}
		}
		set, err := dataset.Open(t.Context(), real, dataset.OpenOptions{})
		if err != nil {
			return // refused, which is all that is asked
		}
		names := set.ClassNames()
		set.Close()
		if len(names) < 2 { // a hidden one
			return
		}
		made := filepath.Join(t.TempDir(), "made")
		m := distill.Manifest{Format: 1, Version: stage.Version}
		for i, class := range names {
			file, data := distill.ImageFile(class, 0), picturePNG(t, i, 0)
			m.Classes = append(m.Classes, distill.ManifestClass{Name: class, Label: int32(i), Real: 1,
				Images: []distill.ManifestImage{{File: file, SHA256: fmt.Sprintf("%x", sha256.Sum256(data))}}})
			put(t, filepath.Join(made, file), data)
		}
		data, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(made, manifestName), data)
		faults, _, err := distill.Verify(t.Context(), made)
		if err != nil || len(faults) > 0 {
			t.Fatalf("verify of %q: %v %q", names, err, faults)
		}
		for _, format := range []Format{Folder, WebDataset, Parquet, Zip} { // tensors have no files with names
			out := filepath.Join(t.TempDir(), "out")
			if format == Zip {
				out += ".zip"
			}
			if _, err := Write(t.Context(), made, out, Options{Format: format}); err != nil {
				t.Fatalf("%s of %q: %v", format, names, err)
			}
			again, err := dataset.Open(t.Context(), out, dataset.OpenOptions{})
			if err != nil {
				t.Fatalf("%s of %q: %v", format, names, err)
			}
			if got := again.ClassNames(); !slices.Equal(got, names) {
				t.Errorf("%s: got %q, want %q", format, got, names)
			}
			again.Close()
		}
	})
}
