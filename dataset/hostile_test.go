package dataset

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"io/fs"
	"math"
	"os"
	"strings"
	"testing"
)

// TestHostileArchives opens archives that no honest program makes.
func TestHostileArchives(t *testing.T) {
	reg := func(name string) *tar.Header { return &tar.Header{Name: name, Typeflag: tar.TypeReg, Size: 1} }
	one := func(name string) files { return files{name: "x"} }
	tarWith := func(h *tar.Header) []byte {
		return tarOf(t, files{"cat/0.jpg": "x", h.Name: "x"}, reg("cat/0.jpg"), h)
	}
	whole := tarWith(reg("cat/1.jpg"))
	for _, c := range []struct {
		name string
		data []byte
		err  string
	}{
		{"empty file", nil, "it is empty"},
		{"text", []byte("not an archive, but long enough to hold a header of one" + strings.Repeat(".", 1000)),
			"it is a text"},
		{"gzip", []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00"), "compressed with gzip"},
		{"zstd", []byte("\x28\xb5\x2f\xfd\x00\x00\x00\x00"), "compressed with zstd"},
		{"zip of one byte", []byte("PK"), "cut short"},
		{"zip traversal", zipOf(t, one("../1.jpg")), `member "../1.jpg"`},
		{"zip traversal inside", zipOf(t, one("cat/../../1.jpg")), "want a path within the archive"},
		{"zip absolute", zipOf(t, one("/cat/1.jpg")), `member "/cat/1.jpg"`},
		{"zip backslash traversal", zipOf(t, one(`..\1.jpg`)), "want a path within the archive"},
		{"zip backslash absolute", zipOf(t, one(`\cat\1.jpg`)), "want a path within the archive"},
		{"zip drive", zipOf(t, one(`c:\cat\..\1.jpg`)), "want a path within the archive"},
		{"zip both slashes", zipOf(t, one("dog/1.jpg"), one(`cat\1.jpg`)), "want a path within the archive"},
		{"zip too deep", zipOf(t, one(strings.Repeat("a/", 100)+"1.jpg")), "more than 32 folders"},
		{"zip not UTF-8", zipOf(t, one("cat/\xff.jpg")), "want a path within the archive"},
		{"zip twice", zipOf(t, one("cat/1.jpg"), one("cat/1.jpg")), `image "1.jpg" comes twice`},
		{"zip link", zipWith(t, func(h *zip.FileHeader) { h.SetMode(fs.ModeSymlink | 0o777) }), "is a link"},
		{"zip of Deflate64", zipWith(t, func(h *zip.FileHeader) { h.Method = 9 }),
			`"cat/1.jpg" is compressed with Deflate64`},
		{"zip of LZMA", zipWith(t, func(h *zip.FileHeader) { h.Method = 14 }), "is compressed with LZMA"},
		{"zip of zstd", zipWith(t, func(h *zip.FileHeader) { h.Method = 93 }), "is compressed with zstd"},
		{"zip of an unknown method", zipWith(t, func(h *zip.FileHeader) { h.Method = 77 }),
			"is compressed with method 77"},
		{"zip encrypted with AES", zipWith(t, func(h *zip.FileHeader) { h.Method = 99 }), "is encrypted"},
		{"pointer of Git LFS", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:" +
			strings.Repeat("a", 64) + "\nsize 12345\n"), "Git LFS"},
		{"page of HTML", []byte("<!DOCTYPE html><html><body>Sign in</body></html>"), "a page of HTML"},
		{"zip encrypted", zipWith(t, func(h *zip.FileHeader) { h.Flags |= 1 }), "is encrypted"},
		{"tar traversal", tarWith(reg("../1.jpg")), `member "../1.jpg"`},
		{"tar absolute", tarWith(reg("/cat/1.jpg")), `member "/cat/1.jpg"`},
		{"tar twice", tarWith(reg("cat/0.jpg")), `image "0.jpg" comes twice`},
		{"tar symbolic link", tarOf(t, nil, &tar.Header{Name: "cat/1.jpg", Typeflag: tar.TypeSymlink,
			Linkname: "/etc/passwd"}), "is a link"},
		{"tar hard link", tarOf(t, nil, &tar.Header{Name: "cat/1.jpg", Typeflag: tar.TypeLink, Linkname: "cat/0.jpg"}),
			"is a link"},
		{"tar cut in a header", whole[:1024+100], "ends in the middle of a member"},
		{"tar cut in data", whole[:512], "ends in the middle of a member"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(t.Context(), save(t, "set", c.data), OpenOptions{})
			wantError(t, err, ErrSet, c.err)
		})
	}
	t.Run("dots are no traversal", func(t *testing.T) {
		s, err := Open(t.Context(), save(t, "set", tarOf(t, one("./cat/a..jpg"),
			&tar.Header{Name: "./", Typeflag: tar.TypeDir}, reg("./cat/a..jpg"))), OpenOptions{})
		must(t, err)
		defer s.Close()
		if got := summary(s); got != "cat: a..jpg" {
			t.Errorf("got %s", got)
		}
	})
}

// zipOf returns a zip of files, those of one map after those of the other.
func zipOf(t *testing.T, parts ...files) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, part := range parts {
		for name, content := range part {
			m, err := w.CreateHeader(&zip.FileHeader{Name: name, NonUTF8: true})
			must(t, err)
			_, err = m.Write([]byte(content))
			must(t, err)
		}
	}
	must(t, w.Close())
	return b.Bytes()
}

// zipWith returns a zip of one stored member of one byte, cat/1.jpg, with its header changed.
func zipWith(t *testing.T, change func(*zip.FileHeader)) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "cat/1.jpg", CompressedSize64: 1, UncompressedSize64: 1}
	change(h)
	m, err := w.CreateRaw(h)
	must(t, err)
	_, err = m.Write([]byte("x"))
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

// TestZipBombs reads members that are, or say they are, of another size.
func TestZipBombs(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*zip.FileHeader)
		err    string
	}{
		{"declares 5 GiB", func(h *zip.FileHeader) { h.UncompressedSize64 = 5 << 30 }, "want at most 268435456"},
		{"declares all there is", func(h *zip.FileHeader) { h.UncompressedSize64 = math.MaxUint64 - 1 },
			"want at most 268435456"},
		{"declares 200 MiB", func(h *zip.FileHeader) { h.UncompressedSize64 = 200 << 20 }, "not"},
		{"declares nothing", func(h *zip.FileHeader) { h.UncompressedSize64 = 0 }, ""},
		{"wrong sum", func(h *zip.FileHeader) { h.CRC32 = 1 }, "CRC-32"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(t.Context(), save(t, "set.zip", zipWith(t, c.change)), OpenOptions{})
			must(t, err)
			defer s.Close()
			data, err := s.Read(s.Classes[0].Images[0])
			if c.err != "" {
				wantError(t, err, ErrImage, c.err)
			} else if err == nil && len(data) > 1 {
				t.Errorf("read %d bytes", len(data))
			}
		})
	}
}

// wantTree checks what every scan of an archive promises.
func wantTree(t *testing.T, dirs tree) {
	t.Helper()
	for dir, l := range dirs {
		if !fs.ValidPath(dir) || strings.ContainsAny(dir, `\`) {
			t.Errorf("folder %q", dir)
		}
		for _, f := range l.images {
			if !fs.ValidPath(f.name) || strings.Contains(f.name, "/") || !isImage(f.name) || ignored(f.name) ||
				f.size < 0 {
				t.Errorf("image %+v in %s", f, dir)
			}
		}
		for _, name := range l.folders {
			if dirs[strings.TrimPrefix(dir+"/"+name, "./")] == nil {
				t.Errorf("folder %s of %s is not in the tree", name, dir)
			}
		}
	}
}

func FuzzScanZip(f *testing.F) {
	for _, in := range []files{{"cat/1.jpg": "x"}, {"train/cat/1.png": "", "train/dog/": ""}, {"../1.jpg": "x"}} {
		data, err := os.ReadFile(makeZip(f, in))
		must(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		members, dirs, err := scanZip(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		wantTree(t, dirs)
		for _, l := range dirs {
			for _, im := range l.images {
				if want := members[im.at].UncompressedSize64; uint64(im.size) != min(want, math.MaxInt64) {
					t.Errorf("image %+v has %d bytes in the directory", im, want)
				}
			}
		}
	})
}

func FuzzScanTar(f *testing.F) {
	for _, in := range []files{{"cat/1.jpg": "x"}, {"train/cat/1.png": "", "train/dog/": ""},
		{"./cat/" + strings.Repeat("n", 200) + ".jpg": "x"}} {
		data, err := os.ReadFile(makeTar(f, in))
		must(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := scanTar(t.Context(), bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		wantTree(t, x.dirs)
		for dir, l := range x.dirs {
			for _, im := range l.images {
				if im.at < 512 || im.at+im.size > int64(len(data)) {
					t.Errorf("image %+v of %s lies outside the %d bytes", im, dir, len(data))
				}
			}
		}
	})
}
