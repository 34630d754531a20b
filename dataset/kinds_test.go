package dataset

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNotSets opens files that are no sets, and folders that have nothing else: what they are is said, and what to do.
func TestNotSets(t *testing.T) {
	lmdb := strings.Repeat("\x00", 16) + "\xde\xc0\xef\xbe" + strings.Repeat("\x00", 4096)
	for _, c := range []struct{ name, data, want string }{
		{"gzip", "\x1f\x8b\x08\x00", "compressed with gzip, which cannot be read in place: unpack it"},
		{"lz4", "\x04\x22\x4d\x18", "lz4"},
		{"LZMA", "\x5d\x00\x00\x80\x00", "LZMA"},
		{"7-Zip", "7z\xbc\xaf\x27\x1c\x00\x04", "an archive of 7-Zip"},
		{"RAR", "Rar!\x1a\x07\x01\x00", "an archive of RAR"},
		{"a program", "MZ\x90\x00", "a program of Windows"},
		{"Arrow", "ARROW1\x00\x00", "a table of Arrow, which is not read: write it as Parquet"},
		{"Arrow as a stream", "\xff\xff\xff\xff\x10\x00", "a table of Arrow"},
		{"Feather", "FEA1", "a table of Feather"},
		{"encrypted Parquet", "PARE", "an encrypted Parquet file"},
		{"HDF5", "\x89HDF\r\n\x1a\n", "a file of HDF5"},
		{"MAT", "MATLAB 5.0 MAT-file", "a MAT-file"},
		{"NumPy", "\x93NUMPY\x01\x00", "an array of NumPy"},
		{"pickle", "\x80\x04\x95", "a pickle of Python"},
		{"LMDB", lmdb, "a database of LMDB"},
		{"MNIST's", "\x00\x00\x08\x03\x00\x00", "a file of MNIST's format"},
		{"an image", "\xff\xd8\xff\xe0", "one image"},
		{"a list", "a,b\n1,2\n", "a text: give the folder"},
		{"nothing", "", "it is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "set")
			if err := os.WriteFile(path, []byte(c.data), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(t.Context(), path, OpenOptions{})
			wantError(t, err, ErrSet, c.want)
		})
	}
	for name, want := range map[string]string{
		"data-00000-of-00001.arrow": "a table of Arrow", "train.h5": "a file of HDF5",
		"pathmnist.npz": "an array of NumPy", "train-00000-of-01024": "a TFRecord",
		"train.beton": "a set of FFCV", "train/data.mdb": "a database of LMDB", "cat.7z": "unpack it",
		"a.rar": "unpack it", "dog/0.jpg.gz": "unpack it",
		"dog/0.heic": `there are "0.heic"`, "train/notes.txt": `there are "notes.txt"`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), makeFolder(t, files{name: "x"}), OpenOptions{})
			wantError(t, err, ErrSet, want)
		})
	}
}

// TestNotPaths opens what is no path: what it looks like is said.
func TestNotPaths(t *testing.T) {
	t.Chdir(t.TempDir())
	for path, want := range map[string]string{
		"train-{000000..000009}.tar": "a pattern", "shards/*.tar": "a pattern",
		"https://example.org/a.tar": "an address",
		"hf://datasets/a/b":         "an address", "pipe:cat a.tar": "an address", "owner/name": `"mgd3 pull"`,
		"nowhere": "no such file",
	} {
		_, err := Open(t.Context(), path, OpenOptions{})
		wantError(t, err, ErrSet, want)
	}
}

// TestForeignParts opens sets of several files of which one is not what its name says.
func TestForeignParts(t *testing.T) {
	const html, lfs = "<!DOCTYPE html><html>", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"
	shard := tarText(t, files{"0.jpg": "x", "0.cls": "0", "1.jpg": "y", "1.cls": "1"})
	table := hubFile(t, nil, hubRow("x", 0), hubRow("y", 1))
	pixels := idx(idxImages, "pp", 2, 1, 1)
	for _, c := range []struct {
		name  string
		files files
		want  string
	}{
		{"a shard", files{"a-0.tar": shard, "a-1.tar": html}, `"a-1.tar" is not a part of the set but a page of HTML`},
		{"an empty shard", files{"a-0.tar": shard, "a-1.tar": ""}, `"a-1.tar" is empty`},
		{"a table", files{"0000.parquet": table, "0001.parquet": lfs},
			`"0001.parquet" is not a part of the set but a pointer of Git LFS`},
		{"labels of MNIST", files{"train-images-idx3-ubyte": pixels, "train-labels-idx1-ubyte": lfs},
			`"train-labels-idx1-ubyte" is not`},
		{"a batch of CIFAR", files{"data_batch_1.bin": html}, `"data_batch_1.bin" is not`},
		{"pixels of STL-10", files{"train_X.bin": lfs, "train_y.bin": "\x01"}, `"train_X.bin" is not`},
		{"digits of SVHN", files{"train_32x32.mat": html}, `"train_32x32.mat" is not`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(t.Context(), makeFolder(t, c.files), OpenOptions{})
			wantError(t, err, ErrSet, c.want)
		})
	}
}

// TestPartsOfTars opens tars of which something was left out without a word.
func TestPartsOfTars(t *testing.T) {
	one := tarText(t, files{"0.jpg": "x"})
	two := files{"cat/0.jpg": "x", "dog/0.jpg": "y"}
	link := func(kind byte) []byte {
		linked := tarOf(t, nil, &tar.Header{Name: "emu", Typeflag: kind, Linkname: "cat"})
		return append(linked, tarText(t, two)...)
	}
	for _, c := range []struct {
		name         string
		files        files
		split        string
		want, passed string
	}{
		{"images beside inner tars", files{"a.tar": tarText(t, files{"n1.tar": one, "0.jpg": "z", "README": "r"})}, "",
			"n1: 0.jpg",
			passedEnding + `: "README"; ` + passedRest + `: "0.jpg"`},
		{"a tar beside folders of images",
			files{"a.tar": tarText(t, files{"n1.tar": one, "cat/0.jpg": "x", "dog/0.jpg": "y"})}, "",
			"cat: 0.jpg; dog: 0.jpg",
			passedEnding + `: "n1.tar"`},
		{"a packed tar among inner ones", files{"a.tar": tarText(t, files{"n1.tar": one, "n2.tar.gz": "z"})}, "",
			"n1: 0.jpg", passedEnding + `: "n2.tar.gz"`},
		{"labels beside images in folders",
			files{"a.tar": tarText(t, files{"cat/0.jpg": "x", "dog/0.jpg": "y", "dog/0.json": "{}"})}, "",
			"cat: 0.jpg; dog: 0.jpg",
			passedEnding + `: "dog/0.json"`},
		{"packed class tars", files{"n1.tar": one, "n2.tar": one, "n3.tar.gz": "z", "list.txt": "t"}, "",
			"n1: 0.jpg; n2: 0.jpg", passedBeside + `: "n3.tar.gz"`},
		{"other files in class tars", files{"n1.tar": one, "n2.tar": tarText(t, files{"0.jpg": "x", "1.heic": "h"})},
			"", "n1: 0.jpg; n2: 0.jpg",
			passedFormat + `: "n2.tar/1.heic"`},
		{"a link", files{"a.tar": string(link(tar.TypeSymlink))}, "", "cat: 0.jpg; dog: 0.jpg", passedLinks +
			`: "emu"`},
		{"a hard link", files{"a.tar": string(link(tar.TypeLink))}, "", "cat: 0.jpg; dog: 0.jpg", passedLinks +
			`: "emu"`},
		{"a tar for each split", files{"train.tar": tarText(t, two), "val.tar": one}, "train", "cat: 0.jpg; dog: 0.jpg",
			""},
		{"a split in the tar of the split",
			files{"train.tar": tarText(t, files{"train/cat/0.jpg": "x", "train/dog/0.jpg": "y"})}, "train",
			"cat: 0.jpg; dog: 0.jpg", ""},
		{"an empty shard first", files{"a-0.tar": tarText(t, nil),
			"a-1.tar": tarText(t, files{"0.jpg": "x", "0.cls": "0", "1.jpg": "x", "1.cls": "1"})}, "",
			"0000: 0.jpg; 0001: 1.jpg", passedShards + `: "a-0.tar"`},
		{"a label without an image", files{"a-0.tar": tarText(t, files{"0.jpg": "x", "0.json": `{"label":1}`,
			"1.heic": "x", "1.json": `{"label":2}`, "2.jpg": "x", "2.json": `{"label":0.0}`})}, "",
			"0000: 2.jpg; 0001: 0.jpg", passedLabels + `: "1.json"`},
		{"shards of two sets", files{"a-0.tar": tarText(t, files{"0.jpg": "x", "0.cls": "0"}),
			"b-0.tar": tarText(t, files{"1.jpg": "x", "1.cls": "1"})}, "",
			"0000: 0.jpg; 0001: 1.jpg", takenMixed + `: 2, "a-0.tar" for one`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(t.Context(), makeFolder(t, c.files), OpenOptions{Split: c.split})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if got := summary(s); got != c.want {
				t.Errorf("have %s, want %s", got, c.want)
			}
			if got := passedLines(s); got != c.passed {
				t.Errorf("got  %s\nwant %s", got, c.passed)
			}
		})
	}
}

// TestNamesOfTables opens folders of Parquet files by what their names say.
func TestNamesOfTables(t *testing.T) {
	table := hubFile(t, nil, hubRow("x", 0), hubRow("y", 1))
	for _, c := range []struct {
		name        string
		files       []string
		passed, err string
	}{
		{"hashes", []string{"train-00000-of-00002-6ab8b3d17e4ed1d6.parquet",
			"train-00001-of-00002-0123456789abcdef.parquet"}, "", ""},
		{"hashes, one missing", []string{"train-00000-of-00002-6ab8b3d17e4ed1d6.parquet"}, "",
			`1 is missing, "train-00001-of-00002.parquet"`},
		{"no zeros", []string{"a-9.parquet", "a-11.parquet"}, passedGap + `: 9, "a-1.parquet" for one`, ""},
		{"a split and another", []string{"train-0.parquet", "holdout-0.parquet"}, "",
			`files of the split "train" and others, "holdout-0.parquet"`},
		{"several", []string{"full-0.parquet", "small-0.parquet"}, takenMixed + `: 2, "full-0.parquet" for one`, ""},
		{"above", []string{"data/0000.parquet", "more.parquet"}, passedAbove + `: "more.parquet"`, ""},
		{"the hub's cache", []string{"blobs/aa", "refs/main", "snapshots/0a1b/data/train-00000-of-00001.parquet"}, "",
			""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := files{}
			for _, name := range c.files {
				in[name] = table
			}
			s, err := Open(t.Context(), makeFolder(t, in), OpenOptions{})
			wantError(t, err, ErrSet, c.err)
			if err == nil {
				defer s.Close()
				if got := passedLines(s); got != c.passed {
					t.Errorf("got %s, want %s", got, c.passed)
				}
			}
		})
	}
}

// TestTablesWithoutImages opens Parquet files in which the images are elsewhere.
func TestTablesWithoutImages(t *testing.T) {
	for image, want := range map[string]string{"cat/0.jpg": "paths or addresses",
		"https://example.org/0": "paths or addresses", "P2\n1 1\n9\n4": ""} {
		_, err := Open(t.Context(), makeFolder(t,
			files{"a.parquet": hubFile(t, nil, hubRow(image, 0), hubRow(image, 1))}), OpenOptions{})
		wantError(t, err, ErrSet, want)
	}
	nulls := hubFile(t, nil, parquetRow{parquetImage{Path: "0.jpg"}, label(0)},
		parquetRow{parquetImage{Path: "1.jpg"}, label(1)})
	_, err := Open(t.Context(), makeFolder(t, files{"a.parquet": nulls}), OpenOptions{})
	wantError(t, err, ErrSet, `"image.bytes" has no bytes`)
}

// TestPartOfZip opens the last of several parts, and a link to a folder, which is no file of another kind.
func TestPartOfZip(t *testing.T) {
	data, err := os.ReadFile(makeZip(t, files{"cat/0.jpg": "x", "dog/0.jpg": "y"}))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(data, []byte("PK\x05\x06"))
	binary.LittleEndian.PutUint16(data[at+4:], 2)
	path := filepath.Join(t.TempDir(), "set.zip")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), path, OpenOptions{})
	wantError(t, err, ErrSet, "the last of 3 parts")

	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	h := &zip.FileHeader{Name: "emu"}
	h.SetMode(os.ModeSymlink | 0o777)
	for _, name := range []string{"cat/0.jpg", "dog/0.jpg"} {
		if _, err := z.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := z.CreateHeader(h); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got, want := passedLines(s), passedLinks+`: "emu"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestLabelsOfOneKind asks for labels by name where there is one kind of them only: it is no word to pass over.
func TestLabelsOfOneKind(t *testing.T) {
	one := tarText(t, files{"0.jpg": "x"})
	two := files{"cat/0.jpg": "x", "dog/0.jpg": "y"}
	for name, path := range map[string]string{
		"folder": makeFolder(t, two), "zip": makeZip(t, two), "tar": makeTar(t, two),
		"class tars": makeFolder(t, files{"n1.tar": one, "n2.tar": one}),
		"shards": makeFolder(t, files{"a-0.tar": tarText(t, files{"0.jpg": "x", "0.cls": "0", "1.jpg": "x",
			"1.cls": "1"})}),
		"CIFAR-10": makeFolder(t, files{"data_batch_1.bin": cifarRow(1, 0) + cifarRow(2, 1)}),
	} {
		if _, err := Open(t.Context(), path, OpenOptions{Labels: "fine"}); !errors.Is(err, ErrOneKind) {
			t.Errorf("%s: error %v, want %v", name, err, ErrOneKind)
		}
	}
}
