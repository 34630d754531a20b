package distill

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mgd3/stage"
	"mgd3/stage/lease"
)

// TestAny: workers who share a run, some of whom are told to stop in the middle, make the bytes of one process, and all
// that end well have the manifest.
func TestAny(t *testing.T) {
	r := tinyRun(t, 4)
	want := undisturbed(t, r)
	r.Out = t.TempDir()
	var stops atomic.Int32
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			own := *r
			own.Any = &lease.Any{Pieces: 5, Name: fmt.Sprint("worker", i), Term: time.Minute}
			own.Report = func(e stage.Event) {
				if i == 3 && e.Stage == StageSample && e.Done > 0 { // one is told to stop after its first images
					stops.Add(1)
					cancel()
				}
			}
			if m, err := own.Do(ctx); ctx.Err() == nil && (m == nil || err != nil) {
				t.Errorf("worker %d: %v, %v", i, m, err)
			}
		})
	}
	group.Wait()
	m, err := ReadManifest(r.Out)
	if got := hashes(t, m, err); !slices.Equal(got, want) {
		t.Error("workers who share a run make other bytes")
	}
	if faults, unchecked, err := Verify(t.Context(), r.Out); err != nil || len(faults)+len(unchecked) > 0 {
		t.Errorf("faults %q, unchecked %q, %v", faults, unchecked, err)
	}
	if left, err := filepath.Glob(filepath.Join(lease.Dir(r.Out), "*")); err != nil || len(left) != 3 {
		t.Errorf("the leases left %q, error %v, want a word of the end of modes, sample and merge", left, err)
	}
	t.Logf("stopped %d times", stops.Load())
}

// TestAnyTakenAway: an image that somebody takes away while workers share a run is made again.
func TestAnyTakenAway(t *testing.T) {
	r := tinyRun(t, 4)
	want := undisturbed(t, r)
	r.Out = t.TempDir()
	r.Any = &lease.Any{Pieces: 3, Name: "worker", Term: time.Minute}
	taken := false
	r.Report = func(e stage.Event) {
		if e.Stage == StageSample && e.Done == e.Total && !taken {
			taken = true
			if err := os.Remove(image{class: "dog", index: 1}.png(r.Out)); err != nil {
				t.Error(err)
			}
		}
	}
	m, err := r.Do(t.Context())
	if got := hashes(t, m, err); !taken || !slices.Equal(got, want) {
		t.Errorf("taken: %v; other bytes", taken)
	}
}

// TestLostImagesAreNotWritten: a worker whose lease is over writes nothing.
func TestLostImagesAreNotWritten(t *testing.T) {
	r := tinyRun(t, 4)
	store := lease.Folder(t.TempDir())
	w := lease.Worker{Store: store, Name: "asleep", Term: 50 * time.Millisecond}
	first := true
	err := w.Each(t.Context(), "sample", 1, func(ctx context.Context, _ int) error {
		if !first {
			return nil
		}
		first = false
		if _, err := store.Create(ctx, "sample-1.1-0000.2", "another"); err != nil {
			return err
		}
		<-ctx.Done() // it is told
		s := sampling{run: r}
		if err := s.write(ctx, &drawn{images: []image{{class: "dog"}}, keys: []string{"key"}}); err == nil {
			t.Error("it wrote an image")
		}
		return ctx.Err()
	})
	if err != nil {
		t.Error(err)
	}
}
