package evaluate

import (
	"maps"
	"testing"
)

// TestGraphsAreShared: trainings of one evaluator build a graph of each shape once, whatever their seeds and sets, and
// come to the scores of trainings alone; another network, optimiser or number of classes has graphs of its own.
func TestGraphsAreShared(t *testing.T) {
	alone := briefRun(t, "epochs=2") // 15 images in batches of 6, 6 and 3; 30 to test on
	built := map[string]int{}
	e := &Evaluator{Engine: alone.Engine, Test: drawn("test", 10, 8)}
	e.programs.built = func(name string) { built[name]++ }
	train := func(net string, perClass int, seed uint64, change func(*Protocol)) *Score {
		t.Helper()
		p := alone.Protocol
		change(&p)
		r, err := e.Run(t.Context(), net, p, TrainSet{Images: drawn("train", perClass, 8)})
		if err != nil {
			t.Fatal(err)
		}
		r.Seed = seed
		return do(t, r)
	}
	as := func(*Protocol) {}
	want := map[string]int{"step": 2, "test": 1}
	wants := func(what string) {
		t.Helper()
		if !maps.Equal(built, want) {
			t.Errorf("%s: %v graphs were built so far, want %v", what, built, want)
		}
	}
	for _, seed := range []uint64{3, 4, 3} {
		alone.Seed = seed
		same(t, "a training with others' graphs", train("convnet2", 5, seed, as), do(t, alone))
		wants("another seed")
	}
	train("convnet2", 3, 3, as) // batches of 6 and 3
	wants("another set")
	train("convnet2", 5, 3, func(p *Protocol) { p.Epochs, p.Optimiser.Rate = 3, 0.02 })
	wants("another length and rate")
	train("convnet2", 4, 3, as) // batches of 6 and 6
	wants("no smaller batch")

	train("convnet1", 5, 3, as)
	want = map[string]int{"step": 4, "test": 2}
	wants("another network")
	train("convnet2", 5, 3, func(p *Protocol) { p.Optimiser.Momentum = 0.5 })
	want["step"] += 2
	wants("another momentum")
	alone.Protocol.Norm = Batch
	same(t, "another norm", train("convnet2", 5, 3, func(p *Protocol) { p.Norm = Batch }), do(t, alone))
}
