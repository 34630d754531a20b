package compare

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"mgd3/dataset"
	"mgd3/evaluate"
	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/testengine"
	"mgd3/stage"
)

// TestShardsShareTeacher: of two fixed shards that begin together one trains the teacher, and the other waits for it.
func TestShardsShareTeacher(t *testing.T) {
	const epochs = 3
	dir := t.TempDir()
	if err := fixtures.Images(dir, 8); err != nil {
		t.Fatal(err)
	}
	waited := make(chan struct{})
	said := sync.OnceFunc(func() { close(waited) })
	var taught [2]int
	var trainers atomic.Int32
	var group sync.WaitGroup
	for i := range 2 {
		open := func() *dataset.Set {
			set, err := dataset.Open(t.Context(), dir, dataset.OpenOptions{Split: "train"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { set.Close() })
			return set
		}
		v := &Evaluation{
			Evaluator: &evaluate.Evaluator{Engine: testengine.Open(t), Test: open()}, Test: "test",
			Sets: []*Judged{{Name: "set", Set: evaluate.TrainSet{Images: open()}}},
			Nets: []string{"convnet1"}, Protocol: "soft-f1", Changes: []string{"epochs=1"}, Repeat: 2,
			Side: fixtures.Size, Out: filepath.Join(dir, "out"), Shard: stage.Shard{Index: i, Count: 2},
			Teacher: TeacherSource{Net: "convnet1", Epochs: epochs, Unchecked: true},
		}
		v.Teacher.Full = func(ctx context.Context, _ []string) (*dataset.Set, error) {
			return dataset.Open(ctx, dir, dataset.OpenOptions{Split: "train"})
		}
		v.Note = func(text string) {
			if strings.Contains(text, "waits for the teacher, which another shard trains") {
				said()
			}
		}
		v.Report = func(set string, _ evaluate.Event) {
			if set != "teacher" {
				return
			}
			if taught[i]++; taught[i] == 1 && trainers.Add(1) == 2 {
				said() // nobody will wait
			}
			<-waited // the training is not over before the other has come
		}
		group.Go(func() {
			if err := v.Do(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if min(taught[0], taught[1]) != 0 || max(taught[0], taught[1]) != epochs {
		t.Errorf("the shards trained %d and %d epochs of the teacher, want 0 and %d", taught[0], taught[1], epochs)
	}
}
