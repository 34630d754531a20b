package distill

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mgd3/dataset"
	"mgd3/internal/fixtures/storetest"
)

// ownNumbers are what a file of a stage has of the place its images came from: its key, in which images go by their
// times on disk and by their MD5s or times in a bucket, and the checksum over it.
var ownNumbers = regexp.MustCompile(`"(key|crc32c)": ?"[0-9a-f]+"`)

// TestBucketSameBytes is the law of docs/cluster.md, "What may differ": a run whose data or output is in a bucket has
// the files of one on disk, byte for byte; where the data are objects instead of files, latents, modes and samples
// differ in their keys and the checksums of these, images and the manifest in nothing.
func TestBucketSameBytes(t *testing.T) {
	r := tinyRun(t, 3)
	if _, err := r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := files(t, r.Out)
	s := storetest.New(t)
	set := filepath.Join(filepath.Dir(r.Out), "set")
	for name, data := range files(t, set) {
		s.Put("set/"+filepath.ToSlash(name), data)
	}
	fromBucket, err := dataset.Open(t.Context(), s.Path("set"), dataset.OpenOptions{Split: "train"})
	if err != nil {
		t.Fatal(err)
	}
	defer fromBucket.Close()
	onDisk, out := r.Data, r.Out
	for _, c := range []struct {
		name      string
		data, out string
	}{
		{"only the output in a bucket", "disk", "bucket"},
		{"only the data in a bucket", "bucket", "disk"},
		{"both in a bucket", "bucket", "bucket"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.Data, r.Out = onDisk, filepath.Join(filepath.Dir(out), "other")
			if c.data == "bucket" {
				r.Data = fromBucket
			}
			if c.out == "bucket" {
				r.Out = s.Path("out")
			}
			if _, err := r.Do(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(r.Out)
			have := map[string][]byte{}
			if c.out == "disk" {
				have = files(t, r.Out)
			}
			s.Lock()
			maps.DeleteFunc(s.Objects, func(key string, data []byte) bool {
				name, of := strings.CutPrefix(key, "out/")
				if of {
					have[filepath.FromSlash(name)] = data
				}
				return of // for the next
			})
			s.Unlock()
			sameRun(t, want, have, c.data == "disk")
		})
	}
}

// sameRun compares the visible files of two runs: to the byte, or but for the keys of stages.
func sameRun(t *testing.T, want, have map[string][]byte, exact bool) {
	t.Helper()
	visible := func(all map[string][]byte) []string {
		return slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(name string) bool {
			return !fs.ValidPath(filepath.ToSlash(name)) || strings.HasPrefix(filepath.Base(name), ".")
		})
	}
	if got, want := visible(have), visible(want); !slices.Equal(got, want) {
		t.Fatalf("the files %q, want %q", got, want)
	}
	keyed := 0
	for _, name := range visible(want) {
		a, b := want[name], have[name]
		stage, _, _ := strings.Cut(filepath.ToSlash(name), "/")
		if !exact && slices.Contains([]string{"latents", "modes", "samples"}, stage) && !bytes.Equal(a, b) {
			keyed++
			a, b = ownNumbers.ReplaceAll(a, nil), ownNumbers.ReplaceAll(b, nil)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs", name)
		}
	}
	if !exact && keyed == 0 {
		t.Error("no key differs: this test compares a run with itself")
	}
}
