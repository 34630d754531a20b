package evaluate

import (
	"context"
	"testing"
)

// TestEvaluator: its run is the one that is put together by hand; what the trainings share is made once for each size.
func TestEvaluator(t *testing.T) {
	want := briefRun(t, "epochs=2")
	train, test := drawn("train", 5, 8), drawn("test", 10, 8)
	asked := 0
	e := &Evaluator{Engine: want.Engine, Test: test, Teacher: func(context.Context, *Run) (*Teacher, error) {
		asked++
		return &Teacher{}, nil
	}}
	run := func(size int, labels string, ignoreEXIF bool) *Run {
		p := want.Protocol
		p.Size, p.TrainSize, p.Labels = size, size, labels
		r, err := e.Run(t.Context(), "convnet2", p, TrainSet{Images: train, IgnoreEXIF: ignoreEXIF})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	got := run(8, Hard, false)
	got.Seed = want.Seed
	same(t, "the evaluator's run", do(t, got), do(t, want))

	if again := run(8, Hard, false); again.Test != got.Test {
		t.Error("the test images were made twice for one size")
	}
	if other := run(12, Hard, false); other.Test == got.Test {
		t.Error("networks of 8 and 12 pixels share their test images")
	}
	if turned := run(8, Hard, true); turned.Train.ID() == got.Train.ID() || turned.Test != got.Test {
		t.Error("a set's own orientation is lost, or decides how the test images are read")
	}
	if asked > 0 || got.Teacher != nil {
		t.Error("hard labels were given a teacher")
	}
	a, b, c := run(8, Soft, false), run(8, Soft, false), run(12, Soft, false)
	if asked != 2 || a.Teacher == nil || a.Teacher != b.Teacher || a.Teacher == c.Teacher {
		t.Errorf("the teacher was asked for %d times, want once for each of 2 sizes", asked)
	}
}

func TestJudge(t *testing.T) {
	facts := Facts{IPC: 5, Classes: 3, Images: 15, Size: 8}
	for name, j := range map[string]Judge{
		"no such net":      {Net: "lenet", Protocol: "quick"},
		"no such protocol": {Net: "convnet1", Protocol: "slow"},
		"no such change":   {Net: "convnet1", Protocol: "quick", Changes: []string{"wings=2"}},
		"small images":     {Net: "convnet6", Protocol: "quick"},
	} {
		if _, err := j.For(facts); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	j := Judge{Net: "convnet2", Protocol: "quick", Changes: []string{"epochs=3"}}
	p, err := j.For(facts)
	if err != nil || p.Epochs != 3 {
		t.Errorf("got %d epochs, %v, want 3", p.Epochs, err)
	}
	if want := "convnet2, protocol quick (epochs=3)"; j.String() != want {
		t.Errorf("got %q, want %q", j, want)
	}
}
