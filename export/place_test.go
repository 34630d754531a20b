package export

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"mgd3/distill"
	"mgd3/stage"
)

// TestPlace: the same output may stand there already, an empty folder too; anything else stays as it is.
func TestPlace(t *testing.T) {
	dir, _ := newSet(t)
	for _, f := range Formats {
		t.Run(string(f), func(t *testing.T) {
			o := Options{Format: f}
			out := write(t, dir, o)
			before, err := filesOf(out)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Write(t.Context(), dir, out, o); err != nil {
				t.Errorf("again: %v", err)
			}
			for name, size := range before {
				data := get(t, filepath.Join(out, name))
				data[size/2] ^= 1
				put(t, filepath.Join(out, name), data)
				if _, err := Write(t.Context(), dir, out, o); !errors.Is(err, ErrExists) ||
					!strings.Contains(err.Error(), out) {
					t.Errorf("over another %s: got error %v, want an ErrExists that names %s", name, err, out)
				}
				if !bytes.Equal(get(t, filepath.Join(out, name)), data) {
					t.Errorf("%s was written over", name)
				}
				wantAlone(t, out)
				break
			}
			empty := filepath.Join(t.TempDir(), "out")
			if err := os.Mkdir(empty, 0o755); err != nil {
				t.Fatal(err)
			}
			if _, err := Write(t.Context(), dir, empty, o); err != nil {
				t.Errorf("to an empty folder: %v", err)
			}
		})
	}
	if _, err := Write(t.Context(), dir, dir, Options{Format: Folder}); !errors.Is(err, ErrExists) {
		t.Errorf("over the set itself: got error %v, want an ErrExists", err)
	}
	if _, err := Write(t.Context(), dir, filepath.Join(dir, "images", "x"), Options{Format: Zip}); err == nil {
		t.Error("among the images: got no error")
	}
	if faults, _, err := distill.Verify(t.Context(), dir); err != nil || len(faults) > 0 {
		t.Errorf("the set itself has changed: %v, %v", faults, err)
	}
}

// TestTakesOverWhatAKilledCallLeft: half an output of an earlier call does not come into the next one.
func TestTakesOverWhatAKilledCallLeft(t *testing.T) {
	dir, _ := newSet(t)
	out := filepath.Join(t.TempDir(), "out")
	put(t, filepath.Join(filepath.Dir(out), ".out.part", "images", "stranger", "0000.png"), []byte("half"))
	if _, err := Write(t.Context(), dir, out, Options{Format: Folder}); err != nil {
		t.Fatal(err)
	}
	if faults, _, err := distill.Verify(t.Context(), out); err != nil || len(faults) > 0 {
		t.Errorf("verify: %v, %v", faults, err)
	}
	wantAlone(t, out)
}

// TestTwoAtOnce: of several exports to one place each ends with the whole set there or is busy, and none with files
// missing.
func TestTwoAtOnce(t *testing.T) {
	dir, _ := newSet(t)
	for _, format := range Formats {
		whole := filepath.Join(t.TempDir(), "whole")
		if _, err := Write(t.Context(), dir, whole, Options{Format: format}); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			out := filepath.Join(t.TempDir(), "out")
			var done atomic.Int32
			var group sync.WaitGroup
			for range 4 {
				group.Go(func() {
					switch _, err := Write(t.Context(), dir, out, Options{Format: format}); {
					case err == nil:
						done.Add(1)
						if same, err := sameTree(whole, out); err != nil || !same {
							t.Errorf("%s: done, and the output is not whole (%v)", format, err)
						}
					case !errors.Is(err, stage.ErrBusy):
						t.Errorf("%s: %v", format, err)
					}
				})
			}
			group.Wait()
			if done.Load() == 0 {
				t.Errorf("%s: nobody wrote it", format)
			}
			wantAlone(t, out)
		}
	}
}
