package distill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"mgd3/stage"
	"mgd3/stage/lease"
)

// TestTeacherShared: what a teacher chooses is the same in shards, after a stop in the middle, and among workers who
// take pieces as they are free.
func TestTeacherShared(t *testing.T) {
	r := tinyRun(t, 4)
	s := &r.Settings.Sample
	s.PoolOf, s.Choose = 2, ChooseTeacher
	teacher := byBytes{len(r.ClassNames)}
	r.OpenTeacher = func(context.Context, []string, int) (Teacher, error) { return teacher, nil }
	want := undisturbed(t, r)

	stopped := *r
	stopped.Out = t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stopped.Report = func(e stage.Event) {
		if e.Stage == StageSample && e.Done > 0 {
			cancel()
		}
	}
	if _, err := stopped.Do(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped in the middle: %v", err)
	}
	stopped.Report = nil
	m, err := stopped.Do(t.Context())
	if got := hashes(t, m, err); !slices.Equal(got, want) {
		t.Error("stopped in the middle: other bytes")
	}

	cut := *r
	cut.Out = t.TempDir()
	for i := range 2 {
		cut.Shard = stage.Shard{Index: i, Count: 2}
		m, err = cut.Do(t.Context())
	}
	if got := hashes(t, m, err); !slices.Equal(got, want) {
		t.Error("in two shards: other bytes")
	}

	shared := *r
	shared.Out = t.TempDir()
	var group sync.WaitGroup
	for i := range 2 {
		group.Go(func() {
			own := shared
			own.Any = &lease.Any{Pieces: 3, Name: fmt.Sprint("worker", i), Term: time.Minute}
			if m, err := own.Do(t.Context()); m == nil || err != nil {
				t.Errorf("worker %d: %v, %v", i, m, err)
			}
		})
	}
	group.Wait()
	m, err = ReadManifest(shared.Out)
	if got := hashes(t, m, err); !slices.Equal(got, want) {
		t.Error("among workers: other bytes")
	}
}
