//go:build unix

package dataset

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSpecialFiles opens sets with pipes, which must not be waited for.
func TestSpecialFiles(t *testing.T) {
	pipe := func(t *testing.T, name string) {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Skip(err)
		}
	}
	dir := makeFolder(t, files{"a/0.jpg": "x", "b/0.jpg": "y"})
	pipe(t, filepath.Join(dir, "a", "events"))
	s, err := Open(t.Context(), dir, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got, want := passedLines(s), passedSpecial+`: "a/events"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, name := range []string{"a/1.jpg", "set"} {
		pipe(t, filepath.Join(dir, name))
		_, err := Open(t.Context(), strings.TrimSuffix(filepath.Join(dir, name), "/a/1.jpg"), OpenOptions{})
		wantError(t, err, ErrSet, "a pipe, a socket or a device")
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}
