package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/stage"
)

// classNames are those of the set of newSet; a dot, a space and any letter may be in the name of a folder.
var classNames = []string{"owl", "cat", "n01.tench å"}

const perClass = 3

// testTime is not now.
var testTime = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)

// newSet writes a set as distill leaves it behind, and returns its folder and its images by their file.
func newSet(t testing.TB) (dir string, images map[string][]byte) {
	t.Helper()
	dir, images = filepath.Join(t.TempDir(), "set"), map[string][]byte{}
	m := distill.Manifest{Format: 1, Version: stage.Version}
	for i, name := range classNames {
		class := distill.ManifestClass{Name: name, Label: int32(10 - i), Real: 5}
		for j := range perClass {
			file, data := distill.ImageFile(name, j), picturePNG(t, i, j)
			class.Images = append(class.Images, distill.ManifestImage{File: file,
				SHA256: fmt.Sprintf("%x", sha256.Sum256(data)), Mode: j, ClusterSize: int64(i)})
			images[file] = data
			put(t, filepath.Join(dir, file), data)
		}
		m.Classes = append(m.Classes, class)
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, manifestName), append(data, '\n'))
	put(t, filepath.Join(dir, "latents", "cat.safetensors"), []byte("not of the set"))
	return dir, images
}

func picturePNG(t testing.TB, i, j int) []byte {
	im := image.NewGray(image.Rect(0, 0, 5, 4))
	im.Pix[i] = byte(100 + j)
	var b bytes.Buffer
	if err := png.Encode(&b, im); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func put(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, data, 0o644)); err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// write exports a set to a place of its own.
func write(t testing.TB, dir string, o Options) string {
	t.Helper()
	out := o.Format.Path(filepath.Join(t.TempDir(), "out"))
	w, err := Write(t.Context(), dir, out, o)
	if err != nil {
		t.Fatal(err)
	}
	if w.Images != perClass*len(classNames) || w.Classes != len(classNames) || w.Files < 1 || w.Bytes < 1 ||
		w.Out != out {
		t.Errorf("%s: got %+v", o.Format, w)
	}
	wantAlone(t, out)
	return out
}

// wantAlone demands that nothing was left beside out.
func wantAlone(t testing.TB, out string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(out))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(out) {
		t.Errorf("beside %s there is %v, %v", out, entries, err)
	}
}

// TestRoundTrip: dataset.Open finds the same classes and images in every format.
func TestRoundTrip(t *testing.T) {
	dir, images := newSet(t)
	for _, o := range []Options{{Format: Folder}, {Format: Zip}, {Format: Parquet}, {Format: WebDataset},
		{Format: WebDataset, Shard: 150}} {
		t.Run(fmt.Sprintf("%s %d", o.Format, o.Shard), func(t *testing.T) {
			set, err := dataset.Open(t.Context(), write(t, dir, o), dataset.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer set.Close()
			if got, want := set.ClassNames(), slices.Sorted(slices.Values(classNames)); !slices.Equal(got, want) {
				t.Fatalf("got classes %q, want %q", got, want)
			}
			for _, class := range set.Classes {
				if len(class.Images) != perClass {
					t.Fatalf("class %s has %d images, want %d", class.Name, len(class.Images), perClass)
				}
				for j, ref := range class.Images {
					data, err := set.Read(ref)
					if err != nil || !bytes.Equal(data, images[distill.ImageFile(class.Name, j)]) {
						t.Errorf("class %s, image %d (%s) is another: %v", class.Name, j, ref.Name, err)
					}
				}
			}
		})
	}
}

// TestSameBytes: a set gives the same bytes at any time, in any place.
func TestSameBytes(t *testing.T) {
	a, _ := newSet(t)
	b, _ := newSet(t)
	for name := range map[string]bool{manifestName: true, distill.ImageFile("cat", 1): true} {
		if err := os.Chtimes(filepath.Join(b, name), testTime, testTime); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range Formats {
		if same, err := sameTree(write(t, a, Options{Format: f}), write(t, b, Options{Format: f})); err != nil ||
			!same {
			t.Errorf("%s: two exports of one set differ (%v)", f, err)
		}
	}
}

// TestFolder: the folder is a set itself, which distill.Verify finds whole, and exports as the first did.
func TestFolder(t *testing.T) {
	dir, _ := newSet(t)
	out := write(t, dir, Options{Format: Folder})
	if faults, _, err := distill.Verify(t.Context(), out); err != nil || len(faults) > 0 {
		t.Errorf("verify: %v, %v", faults, err)
	}
	if same, err := sameTree(write(t, out, Options{Format: Zip}), write(t, dir, Options{Format: Zip})); err != nil ||
		!same {
		t.Errorf("the zip of the copy is another (%v)", err)
	}
}

// TestChanged: an image that is not as the manifest says is named, and nothing is written.
func TestChanged(t *testing.T) {
	for name, change := range map[string]func(string) error{
		"other": func(name string) error { return os.WriteFile(name, []byte("other"), 0o644) },
		"gone":  os.Remove,
	} {
		dir, _ := newSet(t)
		file := filepath.Join(dir, distill.ImageFile("cat", 1))
		if err := change(file); err != nil {
			t.Fatal(err)
		}
		for _, f := range Formats {
			out := filepath.Join(t.TempDir(), "out")
			_, err := Write(t.Context(), dir, out, Options{Format: f, Shard: 1})
			if !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), file) {
				t.Errorf("%s, %s: got error %v, want an ErrChanged that names %s", name, f, err, file)
			}
			if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
				t.Errorf("%s, %s: left %v behind", name, f, left)
			}
		}
	}
}

// TestStops: an interrupted call leaves nothing behind.
func TestStops(t *testing.T) {
	dir, _ := newSet(t)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	for _, f := range Formats {
		out := filepath.Join(t.TempDir(), "out")
		if _, err := Write(ctx, dir, out, Options{Format: f}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got error %v, want %v", f, err, context.Canceled)
		}
		if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
			t.Errorf("%s: left %v behind", f, left)
		}
	}
}

// TestBadManifests: names that would lead out of the set or the output are refused.
func TestBadManifests(t *testing.T) {
	one := func(class, file string) string {
		return fmt.Sprintf(`{"format": 1, "classes": [{"name": %s, "images": [{"file": %s, "sha256": ""}]}]}`,
			quoted(class), quoted(file))
	}
	for name, c := range map[string]struct{ manifest, want string }{
		"no JSON":         {`{`, "unexpected end"},
		"other format":    {`{"format": 2}`, "has format 2"},
		"no images":       {`{"format": 1, "classes": [{"name": "cat"}]}`, "no images"},
		"image no object": {`{"format": 1, "classes": [{"name": "cat", "images": [7]}]}`, "cannot be number"},
		"class twice":     {`{"format": 1, "classes": [{"name": "a", "images": [{}]}, {"name": "a"}]}`, `"a"`},
		"no class":        {one("", "images/0000.png"), `class ""`},
		"two lines":       {one("a\nb", "images/a\nb/0000.png"), `class "a\nb"`},
		"zero byte":       {one("cat", "images/cat/a\x00.png"), "want one in images/cat"},
		"long name":       {one(strings.Repeat("x", 300), "images/x/0000.png"), "class \"xxx"},
		"class up":        {one("..", "0000.png"), `class ".."`},
		"class here":      {one(".", "images/0000.png"), `class "."`},
		"file up":         {one("cat", "images/cat/../../../secret"), "secret"},
		"other folder":    {one("cat", "images/dog/0000.png"), "want one in images/cat"},
		"absolute":        {one("cat", "/images/cat/0000.png"), "want one in images/cat"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, filepath.Join(dir, manifestName), []byte(c.manifest))
			out := filepath.Join(t.TempDir(), "out")
			if _, err := Write(t.Context(), dir, out, Options{Format: Folder}); !errors.Is(err, ErrSet) ||
				!strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want an ErrSet with %q", err, c.want)
			}
			if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
				t.Errorf("left %v behind", left)
			}
		})
	}
	dir, _ := newSet(t)
	if _, err := Write(t.Context(), dir, filepath.Join(t.TempDir(), "out"), Options{Format: "rar"}); err == nil ||
		!strings.Contains(err.Error(), "rar") {
		t.Errorf("format rar: got error %v", err)
	}
}

// quoted is s as JSON.
func quoted(s string) []byte {
	data, _ := json.Marshal(s)
	return data
}
