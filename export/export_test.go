package export

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

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
	im := image.NewGray(image.Rect(0, 0, 4+j, 4))
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
	const features = `{"info":{"features":{"image":{"_type":"Image"},"label":{"names":["owl","cat","n01.tench å"],"_type":"ClassLabel"}}}}`
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

// TestPlace: the same output may stand there already, an empty folder too; anything else stays as it is.
func TestPlace(t *testing.T) {
	dir, _ := newSet(t)
	for _, f := range Formats {
		t.Run(string(f), func(t *testing.T) {
			o := Options{Format: f}
			out := write(t, dir, o)
			before, err := filesOf(out)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Write(t.Context(), dir, out, o); err != nil {
				t.Errorf("again: %v", err)
			}
			for name, size := range before {
				data := get(t, filepath.Join(out, name))
				data[size/2] ^= 1
				put(t, filepath.Join(out, name), data)
				if _, err := Write(t.Context(), dir, out, o); !errors.Is(err, ErrExists) ||
					!strings.Contains(err.Error(), out) {
					t.Errorf("over another %s: got error %v, want an ErrExists that names %s", name, err, out)
				}
				if !bytes.Equal(get(t, filepath.Join(out, name)), data) {
					t.Errorf("%s was written over", name)
				}
				wantAlone(t, out)
				break
			}
			empty := filepath.Join(t.TempDir(), "out")
			if err := os.Mkdir(empty, 0o755); err != nil {
				t.Fatal(err)
			}
			if _, err := Write(t.Context(), dir, empty, o); err != nil {
				t.Errorf("to an empty folder: %v", err)
			}
		})
	}
	if _, err := Write(t.Context(), dir, dir, Options{Format: Folder}); !errors.Is(err, ErrExists) {
		t.Errorf("over the set itself: got error %v, want an ErrExists", err)
	}
	if _, err := Write(t.Context(), dir, filepath.Join(dir, "images", "x"), Options{Format: Zip}); err == nil {
		t.Error("among the images: got no error")
	}
	if faults, _, err := distill.Verify(t.Context(), dir); err != nil || len(faults) > 0 {
		t.Errorf("the set itself has changed: %v, %v", faults, err)
	}
}

// TestTakesOverWhatAKilledCallLeft: half an output of an earlier call does not come into the next one.
func TestTakesOverWhatAKilledCallLeft(t *testing.T) {
	dir, _ := newSet(t)
	out := filepath.Join(t.TempDir(), "out")
	put(t, filepath.Join(filepath.Dir(out), ".out.part", "images", "stranger", "0000.png"), []byte("half"))
	if _, err := Write(t.Context(), dir, out, Options{Format: Folder}); err != nil {
		t.Fatal(err)
	}
	if faults, _, err := distill.Verify(t.Context(), out); err != nil || len(faults) > 0 {
		t.Errorf("verify: %v, %v", faults, err)
	}
	wantAlone(t, out)
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

// TestTwoAtOnce: of several exports to one place each ends with the whole set there or is busy, and none with files
// missing.
func TestTwoAtOnce(t *testing.T) {
	dir, _ := newSet(t)
	for _, format := range Formats {
		whole := filepath.Join(t.TempDir(), "whole")
		if _, err := Write(t.Context(), dir, whole, Options{Format: format}); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			out := filepath.Join(t.TempDir(), "out")
			var done atomic.Int32
			var group sync.WaitGroup
			for range 4 {
				group.Go(func() {
					switch _, err := Write(t.Context(), dir, out, Options{Format: format}); {
					case err == nil:
						done.Add(1)
						if same, err := sameTree(whole, out); err != nil || !same {
							t.Errorf("%s: done, and the output is not whole (%v)", format, err)
						}
					case !errors.Is(err, stage.ErrBusy):
						t.Errorf("%s: %v", format, err)
					}
				})
			}
			group.Wait()
			if done.Load() == 0 {
				t.Errorf("%s: nobody wrote it", format)
			}
			wantAlone(t, out)
		}
	}
}
