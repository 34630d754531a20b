//go:build unix

package weights_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mgd3/weights"
)

// inPlaces are what may stand where a file is wanted, and what is said of it.
var inPlaces = []struct {
	name string
	make func(path string) error
	want string
}{
	{"a pipe", func(path string) error { return syscall.Mkfifo(path, 0o600) }, "it is a pipe, want a file"},
	{"a link to a pipe", func(path string) error {
		pipe := filepath.Join(filepath.Dir(path), "pipe")
		return errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink(pipe, path))
	}, "it is a pipe, want a file"},
	{"a device", func(path string) error { return os.Symlink("/dev/zero", path) }, "it is a device, want a file"},
	{"a folder", func(path string) error { return os.Mkdir(path, 0o700) }, "want a file"},
	{"a large file", func(path string) error { // with a hole: it takes no room
		return errors.Join(os.WriteFile(path, []byte("{"), 0o600), os.Truncate(path, 1<<35))
	}, "34359738368 bytes, want a text of at most"},
}

// TestNotTexts: what is no file, or too large for a text, is refused by its name and is not waited for.
func TestNotTexts(t *testing.T) {
	for _, place := range inPlaces {
		for _, name := range []string{"config.json", "model.safetensors.index.json"} {
			t.Run(place.name+" as "+name, func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, name)
				if err := place.make(path); err != nil {
					t.Fatal(err)
				}
				_, err := weights.ReadText(weights.Disk, path)
				wantUnreadable(t, err, name, place.want)
			})
		}
		t.Run(place.name+" beside a teacher", func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "teacher.safetensors")
			if err := os.WriteFile(path,
				safetensors(t, []weights.Tensor{weights.F32("fc.bias", []int{2}, []float32{1, 2})}),
				0o600); err != nil {
				t.Fatal(err)
			}
			if err := place.make(filepath.Join(dir, "config.json")); err != nil {
				t.Fatal(err)
			}
			f, err := weights.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			_, _, err = f.ClassNames()
			wantUnreadable(t, err, "config.json", place.want)
		})
		t.Run(place.name+" as weights", func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range []string{"model.safetensors", "pytorch_model.bin", "model.safetensors.index.json",
				"one.ckpt"} {
				path := filepath.Join(dir, strings.ReplaceAll(place.name, " ", ""), name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), place.make(path)); err != nil {
					t.Fatal(err)
				}
				at := []string{path, filepath.Dir(path)} // by its name, and by its folder's
				for _, at := range at {
					f, err := weights.Open(at)
					if err == nil {
						t.Errorf("%s was opened", at)
						f.Close()
					}
				}
				if err := os.RemoveAll(filepath.Dir(path)); err != nil {
					t.Fatal(err)
				}
			}
		})
		t.Run(place.name+" as a sealed file", func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "checkpoint.safetensors")
			if err := place.make(path); err != nil {
				t.Fatal(err)
			}
			if _, err := weights.CheckSeal(path); err == nil {
				t.Error("it passes")
			}
		})
	}
}

func wantUnreadable(t *testing.T, err error, words ...string) {
	t.Helper()
	if !errors.Is(err, weights.ErrUnreadable) {
		t.Fatalf("error %v, want one that wraps %q", err, weights.ErrUnreadable)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}
