package export

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/distill"
)

// TestWebDataset: keys without dots, three files of each, labels in the order of classes.txt, and no shard above its
// limit but those of one image.
func TestWebDataset(t *testing.T) {
	dir, images := newSet(t)
	const limit = 200
	out := write(t, dir, Options{Format: WebDataset, Shard: limit})
	if got, want := string(get(t, filepath.Join(out, classesName))), strings.Join(classNames, "\n")+"\n"; got != want {
		t.Errorf("classes.txt is %q, want %q", got, want)
	}
	if !bytes.Equal(get(t, filepath.Join(out, manifestName)), get(t, filepath.Join(dir, manifestName))) {
		t.Error("the manifest is another")
	}
	shards, err := filepath.Glob(filepath.Join(out, "*.tar"))
	if err != nil || len(shards) < 3 || filepath.Base(shards[0]) != "train-000000.tar" ||
		filepath.Base(shards[2]) != "train-000002.tar" {
		t.Fatalf("got shards %v, %v", shards, err)
	}
	key := 0
	for _, shard := range shards {
		bytesOf, inShard := 0, 0
		for files := range samples(t, shard) {
			label, j := key/perClass, key%perClass
			file := distill.ImageFile(classNames[label], j)
			if got := files["cls"]; got != fmt.Sprint(label) {
				t.Errorf("%d.cls is %q, want %d", key, got, label)
			}
			if files["png"] != string(images[file]) {
				t.Errorf("%d.png is not %s", key, file)
			}
			var about struct {
				Label int
				Class string
				Image distill.ManifestImage
			}
			if err := json.Unmarshal([]byte(files["json"]), &about); err != nil || about.Label != label ||
				about.Class != classNames[label] || about.Image.File != file || about.Image.Mode != j {
				t.Errorf("%d.json is %s, %v", key, files["json"], err)
			}
			if files["key"] != fmt.Sprintf("%08d", key) {
				t.Errorf("got key %s, want %08d", files["key"], key)
			}
			key, inShard, bytesOf = key+1, inShard+1, bytesOf+len(files["png"])
		}
		if inShard == 0 || inShard > 1 && bytesOf > limit {
			t.Errorf("%s has %d images of %d bytes, want at most %d bytes", shard, inShard, bytesOf, limit)
		}
	}
	if key != len(images) {
		t.Errorf("got %d images, want %d", key, len(images))
	}
}

// samples groups the members of a tar as WebDataset does: those next to each other with the same key.
func samples(t *testing.T, name string) func(yield func(map[string]string) bool) {
	return func(yield func(map[string]string) bool) {
		r := tar.NewReader(bytes.NewReader(get(t, name)))
		files := map[string]string{}
		for {
			h, err := r.Next()
			if err == io.EOF {
				yield(files)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(r)
			if err != nil || h.Typeflag != tar.TypeReg || h.ModTime.Unix() != 0 || h.Uid != 0 || h.Uname != "" ||
				h.Mode != 0o644 {
				t.Fatalf("%s: got header %+v, %v", h.Name, h, err)
			}
			key, ending, _ := strings.Cut(h.Name, ".")
			if files["key"] != "" && files["key"] != key {
				if !yield(files) {
					return
				}
				files = map[string]string{}
			}
			files["key"], files[ending] = key, string(data)
		}
	}
}
