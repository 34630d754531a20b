package weights

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"
	"testing/fstest"

	"mgd3/store"
)

// failingFS fails with EIO after some operations.
type failingFS struct {
	fs.FS
	left *int
}

func (f failingFS) fails(name string) error {
	if *f.left--; *f.left < 0 {
		return &fs.PathError{Op: "read", Path: name, Err: syscall.EIO}
	}
	return nil
}

func (f failingFS) Stat(name string) (fs.FileInfo, error) {
	if err := f.fails(name); err != nil {
		return nil, err
	}
	return fs.Stat(f.FS, name)
}

func (f failingFS) Open(name string) (fs.File, error) {
	if err := f.fails(name); err != nil {
		return nil, err
	}
	file, err := f.FS.Open(name)
	if _, ok := file.(fs.ReadDirFile); ok || err != nil {
		return file, err
	}
	return failingFile{file, f, name}, nil
}

type failingFile struct {
	fs.File
	in   failingFS
	name string
}

func (f failingFile) Read(p []byte) (int, error) {
	if err := f.in.fails(f.name); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

// TestOutage: a file system that fails while weights are opened is never a file that is damaged, nor one that is not
// there.
func TestOutage(t *testing.T) {
	var text bytes.Buffer
	if err := Write(&text, []Tensor{rising("a", 1, 2)}, nil); err != nil {
		t.Fatal(err)
	}
	file := text.Bytes()
	index := `{"weight_map": {"a": "one.safetensors"}}`
	torchZip, errZip := os.ReadFile("testdata/torchsave/plain-zip-2.pt")
	torchOld, errOld := os.ReadFile("testdata/torchsave/plain-old-2.pt")
	if err := errors.Join(errZip, errOld); err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string]fstest.MapFS{
		"model.pt":          {"model.pt": {Data: torchZip}},
		"old":               {"old/pytorch_model.bin": {Data: torchOld}},
		"model.safetensors": {"model.safetensors": {Data: file}},
		"model":             {"model/model.safetensors": {Data: file}},
		"m.index.json":      {"m.index.json": {Data: []byte(index)}, "one.safetensors": {Data: file}},
	} {
		const most = 200
		n := 0
		for ; n < most; n++ {
			left := n
			f, err := OpenFS(failingFS{files, &left}, name)
			if err == nil {
				if left < 0 {
					t.Errorf("%s: opened, though operation %d failed", name, n)
				}
				f.Close()
				break
			}
			if !store.Failed(err) || errors.Is(err, ErrFormat) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: operation %d failed: got %v, want an error of the file system alone", name, n, err)
			}
		}
		if n == 0 || n == most {
			t.Errorf("%s: opened after %d operations", name, n)
		}
	}
}
