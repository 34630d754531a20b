package latent

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/internal/fixtures/storetest"
	"mgd3/store"
)

var shape = []int{2, 1, 3}

// names lists n file names.
func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("image %d.png", i)
	}
	return list
}

// row is the i-th latent of the tests.
func row(i int) []float32 {
	r := make([]float32, 6)
	for j := range r {
		r[j] = float32(10*i + j)
	}
	return r
}

// write makes a cache file of n images, of which every third is skipped; after each record it calls
// after, which may close the writer and return another.
func write(t *testing.T, path string, n int, after func(w *Writer) *Writer) {
	t.Helper()
	w := newWriter(t, path, "key", n)
	for w.Done() < n {
		i := w.Done()
		err := error(nil)
		if i%3 == 2 {
			err = w.Skip("unreadable")
		} else {
			err = w.Add(row(i))
		}
		if err != nil {
			t.Fatal(err)
		}
		w = after(w)
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
}

func newWriter(t *testing.T, path, key string, n int) *Writer {
	t.Helper()
	w, err := NewWriter(path, key, names(n), shape)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func straight(w *Writer) *Writer { return w }

func TestCacheRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 10} {
		path := filepath.Join(t.TempDir(), "new", "class.safetensors")
		write(t, path, n, straight)
		c, err := OpenClass(path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var wantNames []string
		var wantSkipped []Skipped
		var want []float32
		for i, name := range names(n) {
			if i%3 == 2 {
				wantSkipped = append(wantSkipped, Skipped{name, "unreadable"})
			} else {
				wantNames, want = append(wantNames, name), append(want, row(i)...)
			}
		}
		got, err := c.Matrix()
		if err != nil || !slices.Equal(got.Data, want) {
			t.Errorf("%d images: got rows %v, %v, want %v", n, got, err, want)
		}
		if c.Key != "key" || !slices.Equal(c.Names, wantNames) || !slices.Equal(c.Skipped, wantSkipped) ||
			!slices.Equal(c.Shape, shape) {
			t.Errorf("%d images: got key %q, names %v, skipped %v, shape %v", n, c.Key, c.Names, c.Skipped, c.Shape)
		}
		if _, err := os.Stat(path + ".part"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%d images: the journal is still there: %v", n, err)
		}
	}
}

// TestCacheSurvivesInterruptions is the law of the journal: whatever happens to its end, the file comes
// out byte for byte as without.
func TestCacheSurvivesInterruptions(t *testing.T) {
	const n = 8
	dir := t.TempDir()
	want := filepath.Join(dir, "want")
	write(t, want, n, straight)
	for name, damage := range map[string]func(journal []byte) []byte{
		"closed":             func(j []byte) []byte { return j },
		"last byte lost":     func(j []byte) []byte { return j[:len(j)-1] },
		"half a record lost": func(j []byte) []byte { return j[:len(j)-10] },
		"garbage at the end": func(j []byte) []byte { return append(j, "lgarbage that is no record at all"...) },
		"last byte flipped":  func(j []byte) []byte { j[len(j)-1] ^= 1; return j },
		"a number flipped":   func(j []byte) []byte { j[len(j)-6] ^= 1; return j },
		"huge length at end": func(j []byte) []byte { return binary.LittleEndian.AppendUint32(append(j, 'l'), 1<<31) },
		"empty":              func([]byte) []byte { return nil },
		"half a magic line":  func(j []byte) []byte { return j[:7] },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			damaged := 0
			write(t, path, n, func(w *Writer) *Writer {
				if damaged == 20 {
					return w
				}
				damaged++
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				journal, err := os.ReadFile(path + ".part")
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path+".part", damage(journal), 0o644); err != nil {
					t.Fatal(err)
				}
				return newWriter(t, path, "key", n)
			})
			sameFile(t, path, want)
		})
	}
}

// TestTakeJournal: who takes over a journal has what is in it, and who wrote to it and wakes up ends with the same
// bytes and disturbs nobody, whichever of them ends first.
func TestTakeJournal(t *testing.T) {
	const n = 4
	add := func(w *Writer, i int) error {
		if i == 2 {
			return w.Skip("unreadable")
		}
		return w.Add(row(i))
	}
	for _, sleeperFirst := range []bool{true, false} {
		dir := t.TempDir()
		want, path := filepath.Join(dir, "want"), filepath.Join(dir, "class")
		write(t, want, n, func(w *Writer) *Writer { return w })
		if err := TakeJournal(path); err != nil { // there is none
			t.Fatal(err)
		}
		sleeper := newWriter(t, path, "key", n)
		if err := add(sleeper, 0); err != nil {
			t.Fatal(err)
		}
		if err := TakeJournal(path); err != nil {
			t.Fatal(err)
		}
		next := newWriter(t, path, "key", n)
		if next.Done() != 1 {
			t.Errorf("the next has %d of the rows, want 1", next.Done())
		}
		order := []*Writer{next, sleeper}
		if sleeperFirst {
			order = []*Writer{sleeper, next}
		}
		for i := 1; i < n; i++ { // by turns
			for _, w := range order {
				if err := add(w, i); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, w := range order {
			if err := w.Finish(); err != nil {
				t.Fatal(err)
			}
			sameFile(t, path, want)
		}
		if _, err := os.Stat(path + ".part"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a journal is left: %v", err)
		}
	}
}

// TestJournalInBucket: in a bucket too, where a journal is a folder of parts, one may go on with what another still
// writes to, and both end with the same bytes.
func TestJournalInBucket(t *testing.T) {
	const n = 4
	want := filepath.Join(t.TempDir(), "want")
	write(t, want, n, func(w *Writer) *Writer { return w })
	bytesWanted, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	s := storetest.New(t)
	path := s.Path("run/latents/class")
	add := func(w *Writer, i int) error {
		if i == 2 {
			return w.Skip("unreadable")
		}
		return w.Add(row(i))
	}
	gone := newWriter(t, path, "key", n) // it leaves a part behind
	if err := errors.Join(add(gone, 0), gone.Close()); err != nil {
		t.Fatal(err)
	}
	var writers []*Writer
	for range 2 {
		if err := TakeJournal(path); err != nil {
			t.Fatal(err)
		}
		w := newWriter(t, path, "key", n)
		if w.Done() != 1 {
			t.Errorf("%d of the rows are there, want 1", w.Done())
		}
		writers = append(writers, w)
	}
	for i := 1; i < n; i++ {
		for _, w := range writers {
			if err := add(w, i); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, w := range writers {
		if err := w.Finish(); err != nil {
			t.Fatal(err)
		}
		if got, err := store.Read(path, 1<<20); err != nil || !bytes.Equal(got, bytesWanted) {
			t.Errorf("got other bytes than on disk: %v", err)
		}
	}
	for key := range s.Objects {
		if strings.Contains(key, ".part") {
			t.Errorf("%q is left", key)
		}
	}
}

func TestCacheOfAnotherKeyStartsAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "class")
	w := newWriter(t, path, "old key", 3)
	if err := errors.Join(w.Add(row(9)), w.Close()); err != nil {
		t.Fatal(err)
	}
	if w := newWriter(t, path, "key", 3); w.Done() != 0 {
		t.Errorf("%d images are done, want none", w.Done())
	}
}

func TestCacheWriterErrors(t *testing.T) {
	w := newWriter(t, filepath.Join(t.TempDir(), "class"), "key", 1)
	if err := w.Finish(); err == nil {
		t.Error("finished without its image, want an error")
	}
	if err := w.Add(row(0)); err != nil {
		t.Fatal(err)
	}
	if err := w.Add(row(1)); err == nil {
		t.Error("took a second image of one, want an error")
	}
	if err := w.Add(row(1)[:2]); err == nil {
		t.Error("took a latent of another length, want an error")
	}
}

func sameFile(t *testing.T, got, want string) {
	t.Helper()
	a, errA := os.ReadFile(got)
	b, errB := os.ReadFile(want)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a, b) {
		t.Errorf("%s differs from %s", got, want)
	}
}

// FuzzJournal feeds arbitrary journals: whatever is there, the writer takes no more records than it
// has names for, and the file that comes of it can be read.
func FuzzJournal(f *testing.F) {
	dir := f.TempDir()
	path := filepath.Join(dir, "seed")
	w, err := NewWriter(path, "key", names(3), shape)
	if err != nil {
		f.Fatal(err)
	}
	if err := errors.Join(w.Add(row(0)), w.Skip("no"), w.Close()); err != nil {
		f.Fatal(err)
	}
	journal, err := os.ReadFile(path + ".part")
	if err != nil {
		f.Fatal(err)
	}
	for i := range len(journal) + 1 {
		f.Add(journal[:i])
	}
	f.Fuzz(func(t *testing.T, journal []byte) {
		path := filepath.Join(t.TempDir(), "class")
		if err := os.WriteFile(path+".part", journal, 0o644); err != nil {
			t.Fatal(err)
		}
		w := newWriter(t, path, "key", 3)
		for w.Done() < 3 {
			if err := w.Add(row(w.Done())); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Finish(); err != nil {
			t.Fatal(err)
		}
		c, err := OpenClass(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Names)+len(c.Skipped) != 3 {
			t.Errorf("got %d names and %d skipped, want 3 together", len(c.Names), len(c.Skipped))
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestRemoveJournal: what a kill between the last two steps of Finish leaves, and that there may be nothing.
func TestRemoveJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cat.safetensors")
	for _, there := range []bool{false, true} {
		if there {
			if err := os.WriteFile(path+".part", []byte("whole"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := RemoveJournal(path); err != nil {
			t.Errorf("there %v: %v", there, err)
		}
		if _, err := os.Stat(path + ".part"); !os.IsNotExist(err) {
			t.Errorf("the journal is still there: %v", err)
		}
	}
}
