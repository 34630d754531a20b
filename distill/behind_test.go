package distill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/dataset"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
)

// pairs counts the images of a run that are there with their latents.
func pairs(r *Run) (n int) {
	for _, class := range r.Data.ClassNames() {
		for j := range r.Settings.Modes.IPC {
			im := image{class: class, index: j}
			_, errPNG := os.Stat(im.png(r.Out))
			_, errLatent := os.Stat(im.latent(r.Out))
			if errPNG == nil && errLatent == nil {
				n++
			}
		}
	}
	return n
}

// undisturbed is what a run of its own makes.
func undisturbed(t *testing.T, r *Run) []string {
	t.Helper()
	alone := *r
	alone.Out = t.TempDir()
	m, err := alone.Do(t.Context())
	return hashes(t, m, err)
}

// TestWrittenBehind: what progress tells as done is on the disk, though the next batch is at work already; a run that
// is stopped there has lost nothing, nothing is written after it has returned, and it goes on to the same bytes.
func TestWrittenBehind(t *testing.T) {
	r := tinyRun(t, 3) // six images in batches of two
	want := undisturbed(t, r)
	for stopAt := 2; stopAt <= 6; stopAt += 2 {
		r.Out = t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		told := 0
		r.Report = func(e stage.Event) {
			if e.Stage != StageSample || e.Warning != "" {
				return
			}
			if told = e.Done; pairs(r) < told {
				t.Errorf("%d images are told to be done, %d are there", told, pairs(r))
			}
			if told == stopAt {
				cancel()
			}
		}
		_, err := r.Do(ctx)
		cancel()
		if stopAt < 6 && !errors.Is(err, context.Canceled) {
			t.Errorf("stopped at %d: got %v, want the context's error", stopAt, err)
		}
		if there := pairs(r); there != told || told < stopAt {
			t.Errorf("stopped at %d: %d images are told to be done, %d are there", stopAt, told, there)
		}
		r.Report = nil
		m, err := r.Do(t.Context())
		if got := hashes(t, m, err); !slices.Equal(got, want) {
			t.Errorf("stopped at %d: going on, it makes other bytes", stopAt)
		}
	}
}

// TestWriterFails: an image that cannot be written ends the run with an error that names its file, what was written
// before it stays, and nothing half is left.
func TestWriterFails(t *testing.T) {
	r := tinyRun(t, 3)
	want := undisturbed(t, r)
	for i, class := range r.Data.ClassNames() { // of batch i the second image, each time
		r.Out = t.TempDir()
		im := image{class: class, index: 1}
		if err := os.MkdirAll(im.png(r.Out), 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := r.Do(t.Context())
		if !errors.Is(err, atomicfile.ErrWrite) || errors.Is(err, context.Canceled) ||
			!strings.Contains(err.Error(), fmt.Sprintf("%q", im.png(r.Out))) ||
			!strings.Contains(err.Error(), fmt.Sprint(im)) {
			t.Errorf("class %q: got %v, want an ErrWrite that names image and file", class, err)
		}
		if n := pairs(r); n < 2*i+1 {
			t.Errorf("class %q: %d images are there, want at least %d", class, n, 2*i+1)
		}
		left, err := filepath.Glob(filepath.Join(r.Out, "*", "*", ".mgd3-*"))
		if err != nil || len(left) > 0 {
			t.Errorf("class %q: files in the making are left: %v, %v", class, left, err)
		}
		if err := os.Remove(im.png(r.Out)); err != nil {
			t.Fatal(err)
		}
		m, err := r.Do(t.Context())
		if got := hashes(t, m, err); !slices.Equal(got, want) {
			t.Errorf("class %q: going on, it makes other bytes", class)
		}
	}
}

// TestDrawFailsBehindWriter: where a batch cannot be drawn, the one before is written all the same.
func TestDrawFailsBehindWriter(t *testing.T) {
	r := tinyRun(t, 3)
	if err := errors.Join(r.Encode(t.Context()), r.Discover(t.Context())); err != nil {
		t.Fatal(err)
	}
	last := r.Data.ClassNames()[2]
	started := false
	r.Report = func(e stage.Event) {
		if e.Stage == StageSample && !started { // after the modes have been looked at, before they are drawn from
			started = true
			if err := os.Remove(ModesFile(r.Out, last)); err != nil {
				t.Error(err)
			}
		}
	}
	if err := r.Sample(t.Context()); err == nil || !strings.Contains(err.Error(), last) {
		t.Errorf("got %v, want an error that names the class %q", err, last)
	}
	if n := pairs(r); n != 4 {
		t.Errorf("%d images are there, want the four of the classes before", n)
	}
}

// TestEncodeBehindReader: an image that cannot be read ends the encoding with its name; the full batches before it
// are in the journal, and the run goes on to the same latents.
func TestEncodeBehindReader(t *testing.T) {
	r := tinyRun(t, 5)
	want := undisturbed(t, r)
	ref := r.Data.Classes[0].Images[4]
	path := filepath.Join(filepath.Dir(r.Out), "set", "train", r.Data.Classes[0].Name, filepath.FromSlash(ref.Name))
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, good[:len(good)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	done := 0
	r.Report = func(e stage.Event) { done = e.Done }
	err = r.Encode(t.Context())
	if !errors.Is(err, dataset.ErrUnread) || !strings.Contains(err.Error(), filepath.Base(path)) {
		t.Errorf("got %v, want an ErrUnread that names %q", err, path)
	}
	if done != 4 {
		t.Errorf("%d images are told to be encoded, want the two batches before", done)
	}
	if err := os.WriteFile(path, good, 0o644); err != nil {
		t.Fatal(err)
	}
	r.Report = nil
	m, err := r.Do(t.Context())
	if got := hashes(t, m, err); !slices.Equal(got, want) {
		t.Error("going on, it makes other bytes")
	}
}
