package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "folder", "file")
	for _, want := range []string{"first", "second, longer", ""} {
		if err := Write(path, text(want)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("after writing %q the file holds %q, %v", want, got, err)
		}
	}
	wantAlone(t, path)
}

func TestWriteKeepsTheOldFileOnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := Write(path, text("old")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err := Write(path, func(w io.Writer) error { return errors.Join(text("half")(w), broken) })
	if !errors.Is(err, broken) {
		t.Errorf("got error %v, want %v", err, broken)
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("the file holds %q, want the old content", got)
	}
	wantAlone(t, path)
}

func TestWriteTakesOverWhatAKilledCallLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	left := filepath.Join(filepath.Dir(path), ".file.tmp")
	if err := os.WriteFile(left, []byte("half of something much longer"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, text("new")); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "new" {
		t.Errorf("the file holds %q, want %q", got, "new")
	}
	wantAlone(t, path)
}

func TestWriteIntoAFolderThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := Write(file, text("")); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(file, "below"), text("")); err == nil {
		t.Error("writing below a file succeeded, want an error")
	}
}

// wantAlone demands that nothing is beside path.
func wantAlone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("the folder holds %v, want %s alone", entries, filepath.Base(path))
	}
}

// TestRemoveTogether: of several who remove a file at once none has an error.
func TestRemoveTogether(t *testing.T) {
	dir := t.TempDir()
	for i := range 300 {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		begin := make(chan struct{})
		for range 8 {
			group.Go(func() {
				<-begin
				if err := Remove(path); err != nil {
					t.Error(err)
				}
			})
		}
		close(begin)
		group.Wait()
	}
}
