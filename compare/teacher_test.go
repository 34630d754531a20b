package compare

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mgd3/dataset"
	"mgd3/evaluate"
	"mgd3/internal/fixtures/maker"
	"mgd3/stage/lease"
)

// TestTeacherShared: of the workers of --shard any one trains the teacher, and all have it; where the one that began
// was lost, the next takes its lease, and makes the same.
func TestTeacherShared(t *testing.T) {
	const size = 8
	o := maker.New(t, 6)
	open := func(out, name string, term time.Duration, trained *atomic.Int32) (string, error) {
		var once sync.Once
		v := &Evaluation{Out: out, Evaluator: &evaluate.Evaluator{Engine: o.Engine, Test: o.Train},
			Any: &lease.Any{Name: name, Term: term},
			Teacher: TeacherSource{Net: "convnet1", Epochs: 2,
				Full: func(context.Context, []string) (*dataset.Set, error) { // which is closed when it was trained
					return dataset.View("full", o.Train, o.Train.Classes, dataset.LoadOptions{}), nil
				}}}
		v.Report = func(string, evaluate.Event) { once.Do(func() { trained.Add(1) }) }
		teacher, err := v.openTeacher(t.Context(), size)
		if err != nil {
			return "", err
		}
		return teacher.ID, nil
	}
	ids := make([]string, 2)
	var trained atomic.Int32
	var group sync.WaitGroup
	out := t.TempDir()
	for i := range ids {
		group.Go(func() {
			var err error
			if ids[i], err = open(out, fmt.Sprint("worker", i), time.Hour, &trained); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if ids[0] != ids[1] || ids[0] == "" || trained.Load() != 1 {
		t.Errorf("%d workers trained the teachers %q, want one for both", trained.Load(), ids)
	}
	out = t.TempDir()
	leases := lease.Folder(lease.Dir(out))
	if _, err := leases.Create(t.Context(), fmt.Sprintf("teacher%d-1.1-0000.1", size), "dead\n"); err != nil {
		t.Fatal(err)
	}
	trained.Store(0)
	id, err := open(out, "next", time.Second, &trained)
	if err != nil || id != ids[0] || trained.Load() != 1 {
		t.Errorf("after a worker that was lost: %v, teacher %q, trained %d times, want %q", err, id, trained.Load(),
			ids[0])
	}
	left, err := filepath.Glob(filepath.Join(lease.Dir(out), "*"))
	want := []string{filepath.Join(lease.Dir(out), fmt.Sprintf("teacher%d-1.1.done", size))}
	if err != nil || !slices.Equal(left, want) {
		t.Errorf("the leases left %q, %v, want %q", left, err, want)
	}
}
