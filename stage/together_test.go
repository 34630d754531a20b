package stage

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTogether: one folder is written and others are read, all of them or none: where one is busy, the others are free
// again, and the error names it.
func TestTogether(t *testing.T) {
	dir := t.TempDir()
	out, one, two := filepath.Join(dir, "out"), filepath.Join(dir, "one"), filepath.Join(dir, "two")
	for _, path := range []string{one, two} {
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	unlock, err := LockTogether(out, []string{one, two})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(out, Whole); !errors.Is(err, ErrBusy) {
		t.Errorf("to write what is written: got %v, want an ErrBusy", err)
	}
	if _, err := Lock(one, Whole); !errors.Is(err, ErrBusy) {
		t.Errorf("to write what is read: got %v, want an ErrBusy", err)
	}
	if again, err := LockReading(two); err != nil {
		t.Errorf("to read what is read: %v", err)
	} else {
		again()
	}
	unlock()

	busy, err := Lock(two, Whole)
	if err != nil {
		t.Fatal(err)
	}
	_, err = LockTogether(out, []string{one, two})
	if !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), two) {
		t.Errorf("got %v, want an ErrBusy that names %q", err, two)
	}
	busy()
	for _, path := range []string{out, one, two} {
		free, err := Lock(path, Whole)
		if err != nil {
			t.Fatalf("after that one was busy: %v", err)
		}
		free()
	}
}
