package dataset

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// files are the contents of a set by their paths; a path with a slash at its end is a folder.
type files map[string]string

// makers build the sets of the same files in all forms.
var makers = map[string]func(testing.TB, files) string{"folder": makeFolder, "zip": makeZip, "tar": makeTar}

func makeFolder(t testing.TB, in files) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range in {
		path := filepath.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			must(t, os.MkdirAll(path, 0o777))
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(path), 0o777))
		must(t, os.WriteFile(path, []byte(content), 0o666))
	}
	return dir
}

func makeZip(t testing.TB, in files) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(in)) {
		m, err := w.Create(name)
		must(t, err)
		_, err = m.Write([]byte(in[name]))
		must(t, err)
	}
	must(t, w.Close())
	return save(t, "set.zip", b.Bytes())
}

func makeTar(t testing.TB, in files) string {
	t.Helper()
	var headers []*tar.Header
	for _, name := range slices.Sorted(maps.Keys(in)) {
		h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(in[name])), Mode: 0o644,
			ModTime: time.Unix(1e9, 0)}
		if strings.HasSuffix(name, "/") {
			h.Typeflag = tar.TypeDir
		}
		headers = append(headers, h)
	}
	return save(t, "set.tar", tarOf(t, in, headers...))
}

func tarOf(t testing.TB, in files, headers ...*tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		must(t, w.WriteHeader(h))
		_, err := w.Write([]byte(in[h.Name]))
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

// save writes a file of its own and returns its path.
func save(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, data, 0o666))
	return path
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// summary is a set as text: "cat: 1.jpg 2.jpg; dog: 1.png".
func summary(s *Set) string {
	var classes []string
	for _, c := range s.Classes {
		line := c.Name + ":"
		for _, im := range c.Images {
			line += " " + im.Name
		}
		classes = append(classes, line)
	}
	return strings.Join(classes, "; ")
}

func TestOpen(t *testing.T) {
	two := files{"cat/1.jpg": "c1", "cat/2.jpg": "c2", "dog/1.png": "d1"}
	below := func(dir string, in files) files {
		out := files{}
		for name, content := range in {
			out[dir+"/"+name] = content
		}
		return out
	}
	split := below("train", two)
	maps.Copy(split, files{"val/cat/9.jpg": "c9", "val/dog/9.jpg": "d9", "README.md": "hi"})
	const both = "cat: 1.jpg 2.jpg; dog: 1.png"

	for _, c := range []struct {
		name    string
		files   files
		options OpenOptions
		want    string // the summary
		err     string
	}{
		{"empty", files{"x/": ""}, OpenOptions{}, "", `class "x": no images in "x"`},
		{"nothing but a file", files{"1.jpg": "x"}, OpenOptions{}, "", "no folders in it"},
		{"one image", files{"cat/1.jpg": "x"}, OpenOptions{}, "cat: 1.jpg", ""},
		{"class without image", files{"cat/1.jpg": "x", "dog/": ""}, OpenOptions{}, "",
			`class "dog": no images in "dog"`},
		{"class with text only", files{"cat/1.jpg": "x", "dog/a.txt": "y"}, OpenOptions{}, "",
			`class "dog": no images in "dog"`},
		{"no split", two, OpenOptions{}, both, ""},
		{"split that is not there", two, OpenOptions{Split: "train"}, "", `no folder "train", have "cat", "dog"`},
		{"split", split, OpenOptions{Split: "train"}, both, ""},
		{"other split", split, OpenOptions{Split: "val"}, "cat: 9.jpg; dog: 9.jpg", ""},
		{"split not asked for", split, OpenOptions{}, "", `the folders are "train", "val", and not those of classes`},
		{"split misspelt", split, OpenOptions{Split: "trian"}, "", `no folder "trian", have "train", "val"`},
		{"the only split", below("train", two), OpenOptions{}, both, ""},
		{"another than the only split", below("train", two), OpenOptions{Split: "val"}, "",
			`no folder "val", have "cat", "dog"`},
		{"below one more folder", below("top", two), OpenOptions{}, both, ""},
		{"split below one more folder", below("top", split), OpenOptions{Split: "train"}, both, ""},
		{"only class has a folder", files{"cat/1.jpg": "x", "cat/small/1.jpg": "y"}, OpenOptions{}, "cat: 1.jpg", ""},
		{"byte order", files{"b/10.jpg": "x", "b/9.jpg": "x", "b/B.jpg": "x", "b/a.jpg": "x", "C/1.jpg": "x"},
			OpenOptions{}, "C: 1.jpg; b: 10.jpg 9.jpg B.jpg a.jpg", ""},
		{"limit", two, OpenOptions{Limit: 1}, "cat: 1.jpg; dog: 1.png", ""},
		{"class list", two, OpenOptions{Classes: []string{"dog", "cat"}}, "dog: 1.png; cat: 1.jpg 2.jpg", ""},
		{"part of the classes", two, OpenOptions{Classes: []string{"dog"}}, "dog: 1.png", ""},
		{"missing class", split, OpenOptions{Split: "val", Classes: []string{"cat", "cow"}}, "",
			`class "cow" is not in the set, which has "cat"`},
		{"class outside", two, OpenOptions{Classes: []string{"../cat"}}, "",
			`class name "../cat" cannot be that of a folder`},
		{"ignored names", files{"cat/1.JPEG": "x", "cat/.1.jpg": "y", "cat/Thumbs.db": "z", ".git/1.jpg": "x",
			"__MACOSX/cat/._1.jpg": "x", "cat/.DS_Store": "x"}, OpenOptions{}, "cat: 1.JPEG", ""},
	} {
		for form, build := range makers {
			t.Run(c.name+"/"+form, func(t *testing.T) {
				path := build(t, c.files)
				s, err := Open(t.Context(), path, c.options)
				wantError(t, err, ErrSet, c.err)
				if err != nil {
					if !strings.Contains(err.Error(), path) {
						t.Errorf("error %v does not name %s", err, path)
					}
					return
				}
				defer s.Close()
				if got := summary(s); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
				for _, class := range s.Classes {
					for _, ref := range class.Images {
						data, err := s.Read(ref)
						if want := c.files[s.pathOf(ref)]; err != nil || string(data) != want ||
							ref.Size != int64(len(want)) {
							t.Errorf("%s: read %q, %v; want %q of %d bytes", s.pathOf(ref), data, err, want, ref.Size)
						}
					}
				}
			})
		}
	}
}

func TestOpenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for form, build := range makers {
		if _, err := Open(ctx, build(t, files{"cat/1.jpg": "x"}), OpenOptions{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v, want that of the context", form, err)
		}
	}
}

// TestID checks that a file's identity changes with the file, and only then.
func TestID(t *testing.T) {
	id := func(build func(testing.TB, files) string, content string) Ref {
		s, err := Open(t.Context(), build(t, files{"cat/1.jpg": content}), OpenOptions{})
		must(t, err)
		defer s.Close()
		return s.Classes[0].Images[0]
	}
	if a, b := id(makeZip, "abc"), id(makeZip, "abc"); a.ID == "" || a != b {
		t.Errorf("zip: one file is %v and %v", a, b)
	}
	if a, b := id(makeZip, "abc"), id(makeZip, "abd"); a.ID == b.ID {
		t.Errorf("zip: two files are %v", a)
	}
	if a, b := id(makeTar, "abc"), id(makeTar, "abc"); a.ID == "" || a != b {
		t.Errorf("tar: one file is %v and %v", a, b)
	}

	dir := makeFolder(t, files{"cat/1.jpg": "abc"})
	file := filepath.Join(dir, "cat", "1.jpg")
	of := func(when time.Time) string {
		must(t, os.Chtimes(file, when, when))
		s, err := Open(t.Context(), dir, OpenOptions{})
		must(t, err)
		defer s.Close()
		return s.Classes[0].Images[0].ID
	}
	now := time.Unix(1e9, 1000)
	if a, b, c := of(now), of(now), of(now.Add(time.Microsecond)); a != b || a == c {
		t.Errorf("folder: IDs %s, %s and after a change %s", a, b, c)
	}
}

// TestChangedFile checks that a file that has changed since Open is an error.
func TestChangedFile(t *testing.T) {
	dir := makeFolder(t, files{"cat/1.jpg": "abc", "cat/2.jpg": "abc", "cat/3.jpg": "abc"})
	s, err := Open(t.Context(), dir, OpenOptions{})
	must(t, err)
	defer s.Close()
	must(t, os.WriteFile(filepath.Join(dir, "cat", "1.jpg"), []byte("longer"), 0o666))
	must(t, os.WriteFile(filepath.Join(dir, "cat", "2.jpg"), nil, 0o666))
	must(t, os.Remove(filepath.Join(dir, "cat", "3.jpg")))
	for i, ref := range s.Classes[0].Images {
		_, err := s.Read(ref)
		wantError(t, err, ErrUnread, fmt.Sprintf("cat/%d.jpg", i+1))
	}
}

// TestLinks opens folders with links, followed anywhere and kept within the folder. Images that are links to nothing
// can be listed and not be read.
func TestLinks(t *testing.T) {
	outside := makeFolder(t, files{"1.jpg": "secret"})
	for _, c := range []struct{ name, link, target, want, err, kept, read string }{
		{"to a file inside", "cat/2.jpg", "1.jpg", "cat: 1.jpg 2.jpg", "", "", ""},
		{"to a folder inside", "dog", "cat", "cat: 1.jpg; dog: 1.jpg", "", "", ""},
		{"to a file outside", "cat/2.jpg", filepath.Join(outside, "1.jpg"), "cat: 1.jpg 2.jpg", "",
			`"cat/2.jpg" is a link that leads out of the folder`, ""},
		{"to a folder outside", "dog", outside, "cat: 1.jpg; dog: 1.jpg", "",
			`"dog" is a link that leads out of the folder`, ""},
		{"to nothing", "cat/2.jpg", "none.jpg", "cat: 1.jpg 2.jpg", "", "",
			`cat/2.jpg" is a link to "none.jpg", which is not there`},
		{"in a circle", "cat/2.jpg", "2.jpg", "cat: 1.jpg 2.jpg", "", "", `links lead in a circle`},
		{"class to nothing", "dog", "none", "", `"dog" is a link to "none", which is not there`, "", ""},
		{"to itself", "dog", "dog", "", `"dog" is a link to "dog", which is not there`, "", ""},
		{"to the top", "cat/top", "..", "cat: 1.jpg", "", "", ""},
		{"text to nothing", "cat/notes.txt", "none", "cat: 1.jpg", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := makeFolder(t, files{"cat/1.jpg": "x"})
			if err := os.Symlink(c.target, filepath.Join(dir, c.link)); err != nil {
				t.Skip(err)
			}
			s, err := Open(t.Context(), dir, OpenOptions{})
			wantError(t, err, ErrSet, c.err)
			if err == nil {
				defer s.Close()
				if got := summary(s); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
				images := s.Classes[0].Images
				_, err := s.Read(images[len(images)-1])
				wantError(t, err, ErrImage, c.read)
			}
			if c.kept != "" {
				_, err := Open(t.Context(), dir, OpenOptions{KeepIn: true})
				wantError(t, err, ErrLeaves, c.kept)
			}
		})
	}
}

// TestArchives opens the real archives, where they are beside the repository, and a drawn one, and reads the first and
// last image of each class.
func TestArchives(t *testing.T) {
	drawn := files{}
	for class := range 10 {
		for i := range 7 {
			drawn[fmt.Sprintf("val/n%08d/%d.png", class, i)] = pngOf(t, 5+i, 4, uint8(25*class))
		}
	}
	for _, c := range []struct {
		file, split, list string
		images            int // per class
	}{
		{makeZip(t, drawn), "val", "", 7},
		{beside("cifar10.zip"), "train", "", 5000},
		{beside("cifar10.zip"), "test", "", 1000},
		{beside("imagenette160-dev.zip"), "train", "nette", 300},
		{beside("imagenette160-dev.zip"), "val", "", 60},
	} {
		if !exists(c.file) {
			continue
		}
		t.Run(filepath.Base(c.file)+"/"+c.split, func(t *testing.T) {
			classes, err := ParseClasses(c.list)
			must(t, err)
			start := time.Now()
			s, err := Open(t.Context(), c.file, OpenOptions{Split: c.split, Classes: classes})
			must(t, err)
			defer s.Close()
			t.Logf("opened in %v", time.Since(start))
			if len(s.Classes) != 10 {
				t.Errorf("%d classes, want 10", len(s.Classes))
			}
			for _, class := range s.Classes {
				n := len(class.Images)
				if n != c.images {
					t.Errorf("class %s: %d images, want %d", class.Name, n, c.images)
				}
				for sample := range s.Load(t.Context(), []Ref{class.Images[0], class.Images[n-1]}, LoadOptions{}) {
					if sample.Err != nil {
						t.Error(sample.Err)
					}
				}
			}
		})
	}
}

// pngOf is a PNG file of w × h pixels of one grey.
func pngOf(t testing.TB, w, h int, grey uint8) string {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = grey
	}
	var b bytes.Buffer
	must(t, png.Encode(&b, m))
	return b.String()
}
