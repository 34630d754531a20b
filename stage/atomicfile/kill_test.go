package atomicfile

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestKilledPut: SIGKILL at any moment of a write leaves the old file or the new one, never a part, and what it
// leaves beside it
// goes with the next write.
func TestKilledPut(t *testing.T) {
	contents := [][]byte{bytes.Repeat([]byte("old"), 300_000), bytes.Repeat([]byte("new!"), 400_000)}
	if path := os.Getenv("MGD3_TEST_PUT"); path != "" { // the process that is killed
		for i := 0; ; i++ {
			if err := WriteBytes(path, contents[i%2]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if testing.Short() {
		t.Skip("starts itself several times")
	}
	path := filepath.Join(t.TempDir(), "file")
	found := 0
	for i := range 12 {
		// CommandContext kills with SIGKILL.
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(20+7*i)*time.Millisecond)
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestKilledPut$")
		cmd.Env = append(os.Environ(), "MGD3_TEST_PUT="+path)
		_ = cmd.Run()
		cancel()
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // killed before its first write
		}
		found++
		if err != nil || !bytes.Equal(data, contents[0]) && !bytes.Equal(data, contents[1]) {
			t.Fatalf("after kill %d there are %d bytes, error %v: neither the old file nor the new one", i,
				len(data), err)
		}
	}
	if found == 0 {
		t.Error("no process lived to its first write: the test shows nothing")
	}
	swept.Clear() // as a new process
	if err := WriteBytes(path, nil); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("beside the file there is %v, error %v", left, err)
	}
}

// TestList: the files below a folder, without those in the making; a folder that is not there is told from an
// empty one.
func TestList(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b", "sub/a", ".mgd3-0123456789abcdef.tmp"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if files, err := List(t.Context(), dir); err != nil || len(files) != 2 || files[0] != "b" || files[1] != "sub/a" {
		t.Errorf("got %q, error %v, want b and sub/a", files, err)
	}
	if _, err := List(t.Context(), filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: got error %v, want an ErrNotExist", err)
	}
	for name, want := range map[string]bool{"b": true, "sub": true, "none": false} {
		if there, err := Exists(filepath.Join(dir, name)); err != nil || there != want {
			t.Errorf("%s: got %v, error %v, want %v", name, there, err, want)
		}
	}
}
