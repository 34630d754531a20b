package stage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLook: what is finished under a key is found; all else is told apart.
func TestLook(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name  string
		key   string
		err   error
		is    Found
		fault bool
		want  error
	}{
		{"made under the key", "one", nil, Ours, false, nil},
		{"made under another", "two", nil, Other, false, nil},
		{"made under none", "", nil, Other, false, nil},
		{"nothing", "", fmt.Errorf("open: %w", fs.ErrNotExist), Missing, false, nil},
		{"damaged, the key or not", "one", fmt.Errorf("x: %w", ErrDamaged), Damaged, true, nil},
		{"not to be read", "", broken, Missing, false, broken},
	} {
		is, fault, err := Look("one", func() (string, error) { return c.key, c.err })
		if is != c.is || (fault != nil) != c.fault || !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: got %v, fault %v, error %v", c.name, is, fault, err)
		}
	}
}

// TestRecord: a record is read whole or not at all.
func TestRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "record.json")
	var r struct {
		Key string `json:"key"`
	}
	if err := ReadRecord(path, &r); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got error %v, want an ErrNotExist", err)
	}
	const text = `{"key": "one"}`
	for n := range len(text) + 1 {
		if err := os.WriteFile(path, []byte(text[:n]), 0o644); err != nil {
			t.Fatal(err)
		}
		err := ReadRecord(path, &r)
		if whole := n == len(text); (err == nil) != whole || !whole &&
			(!errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path)) {
			t.Errorf("%d bytes of %d: got error %v", n, len(text), err)
		}
	}
	if r.Key != "one" {
		t.Errorf("got the key %q, want %q", r.Key, "one")
	}
}
