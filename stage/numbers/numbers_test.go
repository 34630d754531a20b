package numbers

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/weights"
)

// put writes a file of one number under a key, with a checksum or as an earlier version did.
func put(t *testing.T, path, key string, sealed bool, v float32) {
	t.Helper()
	write := weights.Write
	if sealed {
		write = weights.WriteSealedTensors
	}
	err := atomicfile.Write(path, func(w io.Writer) error {
		return write(w, []weights.Tensor{weights.F32("x", []int{1}, []float32{v})}, map[string]string{"key": key})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// flip changes the last byte of a file.
func flip(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestKept: what is kept is what is under the key as it was written; what is made again is said, with its reason,
// but for what was not there; and files without checksums are kept if their numbers are finite, and counted.
func TestKept(t *testing.T) {
	infinite := float32(math.Inf(1))
	for _, c := range []struct {
		name string
		make func(path string)
		kept bool
		warn string // part of the warning; "" for none
		old  int
	}{
		{"nothing", func(string) {}, false, "", 0},
		{"ours", func(p string) { put(t, p, "k", true, 1) }, true, "", 0},
		{"another key", func(p string) { put(t, p, "other", true, 1) }, false, "was made of something else", 0},
		{"a changed byte", func(p string) { put(t, p, "k", true, 1); flip(t, p) }, false, "is damaged", 0},
		{"no tensors", func(p string) { must(t, os.WriteFile(p, []byte("{}"), 0o644)) }, false, "made again", 0},
		{"an old one", func(p string) { put(t, p, "k", false, 1) }, true, "", 1},
		{"an old one of another key", func(p string) { put(t, p, "other", false, 1) }, false, "something else", 0},
		{"an old one with an infinity", func(p string) { put(t, p, "k", false, infinite) }, false, "+Inf at 0", 0},
		{"with a seal infinity is a number", func(p string) { put(t, p, "k", true, infinite) }, true, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "cat.safetensors")
			c.make(path)
			var warnings []string
			p := NewProgress(func(e stage.Event) {
				if e.Warning != "" {
					warnings = append(warnings, e.Warning)
				}
			}, "modes", 1)
			kept, err := p.Kept("cat", path, "k")
			if err != nil || kept != c.kept || p.Old != c.old {
				t.Errorf("kept %v, %d old, error %v; want kept %v, %d old", kept, p.Old, err, c.kept, c.old)
			}
			said := strings.Join(warnings, "\n")
			if c.warn == "" && said != "" || !strings.Contains(said, c.warn) {
				t.Errorf("the warnings are %q, want %q", said, c.warn)
			}
			warnings = nil
			p.End()
			p.End()
			if len(warnings) != c.old {
				t.Errorf("at the end: warnings %q, want one if a file was old", warnings)
			}
		})
	}
}

// TestTally: a folder is ours if one of its whole files is, or if none is whole.
func TestTally(t *testing.T) {
	dir := t.TempDir()
	ours, other, damaged := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
	put(t, ours, "k", true, 1)
	put(t, other, "other", true, 1)
	put(t, damaged, "k", true, 1)
	flip(t, damaged)
	for _, c := range []struct {
		paths []string
		want  bool
	}{
		{nil, true},
		{[]string{ours, other}, true},
		{[]string{other}, false},
		{[]string{damaged}, true},
		{[]string{damaged, other}, false},
		{[]string{filepath.Join(dir, "missing")}, true},
	} {
		var m Tally
		for _, path := range c.paths {
			must(t, m.Add(path, "k"))
		}
		if m.Ours() != c.want {
			t.Errorf("%q: ours %v, want %v", c.paths, m.Ours(), c.want)
		}
	}
}

// TestOpenNamesTheFault: the error of an old file says which tensor has what where.
func TestOpenNamesTheFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	var b bytes.Buffer
	must(t, weights.Write(&b, []weights.Tensor{weights.F32("centres", []int{3}, []float32{1, 2, float32(math.NaN())})},
		nil))
	must(t, os.WriteFile(path, b.Bytes(), 0o644))
	_, _, err := Open(path)
	if !errors.Is(err, stage.ErrDamaged) || !strings.Contains(err.Error(), `tensor "centres" has NaN at 2`) {
		t.Errorf("got error %v, want an ErrDamaged that names tensor, value and place", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
