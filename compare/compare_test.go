package compare

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mgd3/baseline"
	"mgd3/dataset"
	"mgd3/encode"
	"mgd3/evaluate"
	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/maker"
	"mgd3/modes"
	"mgd3/stage"
)

// tinyComparison are options of a comparison that takes a second or two.
func tinyComparison(t testing.TB) Options {
	t.Helper()
	o := Options{Maker: maker.New(t, 6)}
	dir := t.TempDir()
	if err := fixtures.Images(dir, 9); err != nil {
		t.Fatal(err)
	}
	var err error
	if o.Test, err = dataset.Open(t.Context(), dir, dataset.OpenOptions{Split: "train"}); err != nil {
		t.Fatal(err)
	}
	o.IPCs, o.Methods, o.Sets, o.Nets = []int{2, 3}, []baseline.Method{baseline.MGD3, baseline.Herding, baseline.Random,
		baseline.Full}, 2, []string{"convnet1"}
	o.Protocol, o.Changes = "quick", []string{"epochs=2"}
	return o
}

func compare(t *testing.T, o Options) *Comparison {
	t.Helper()
	c, err := Compare(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// resultOf is the result file of a comparison.
func resultOf(t *testing.T, o Options) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(o.Out, "quick,epochs=2", "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestCompare: every method has as many runs as there are sets, of the seeds in order; full has one, for all numbers of
// images; and what is returned is what is written.
func TestCompare(t *testing.T) {
	o := tinyComparison(t)
	var scores []string
	o.Report = func(e Event) {
		if e.Score != nil {
			scores = append(scores, e.Set)
		}
	}
	c := compare(t, o)
	want := []string{
		"mgd3, IPC 2, seed 0", "herding, IPC 2, seed 0", "random, IPC 2, seed 0", "mgd3, IPC 2, seed 1",
		"herding, IPC 2, seed 1", "random, IPC 2, seed 1",
		"mgd3, IPC 3, seed 0", "herding, IPC 3, seed 0", "random, IPC 3, seed 0", "mgd3, IPC 3, seed 1",
		"herding, IPC 3, seed 1", "random, IPC 3, seed 1", "full",
	}
	if !slices.Equal(scores, want) {
		t.Errorf("the order of work is %v, want %v", scores, want)
	}
	for _, ipc := range o.IPCs {
		for _, m := range o.Methods {
			runs, images := 2, 3*ipc
			if m == baseline.Full {
				runs, images = 1, 3*6
			}
			cell := c.Cell("convnet1", ipc, m)
			if cell == nil || len(cell.Runs) != runs || cell.Images != images || cell.Protocol.Epochs != 2 {
				t.Errorf("%s, IPC %d: got %+v, want %d runs on %d images", m, ipc, cell, runs, images)
				continue
			}
			for s, run := range cell.Runs {
				if run.Seed != uint64(s) || !(run.Last >= 0 && run.Last <= run.Best && run.Best <= 1) ||
					len(run.PerClass) != 3 {
					t.Errorf("%s, IPC %d: run %d is %+v", m, ipc, s, run)
				}
			}
		}
	}
	if list := c.Result().Confusions; len(list) != len(c.Cells) || list[0].Text() == "" ||
		len(list[0].Accuracies()) != 3 {
		t.Errorf("%d matrices for %d cells, or one of none of the classes: %+v", len(list), len(c.Cells), list)
	}
	for i := range c.Cells {
		for j := range c.Cells[i].Runs {
			c.Cells[i].Runs[j].confusion = nil // not in the file
		}
	}
	var read Comparison
	if err := json.Unmarshal([]byte(resultOf(t, o)), &read); err != nil || !reflect.DeepEqual(&read, c) || !c.Complete {
		t.Errorf("the file holds %+v, %v, want %+v", read, err, c)
	}
	tables := c.Tables()
	if len(tables) != 1 || len(tables[0].Rows) != 4 || len(tables[0].Columns) != 2 ||
		len(tables[0].Rows[0].Cells[1].Values) != 2 {
		t.Errorf("got the tables %+v", tables)
	}
}

// TestScoreIsThatOfTheSet: the accuracy of a cell is that of a training on the set's folder by itself.
func TestScoreIsThatOfTheSet(t *testing.T) {
	o := tinyComparison(t)
	o.IPCs, o.Methods, o.Sets = []int{3}, []baseline.Method{baseline.Random}, 2
	c := compare(t, o)
	set, err := dataset.Open(t.Context(), filepath.Join(o.Out, "sets", "random-ipc3-seed1", "images"),
		dataset.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	p, errP := evaluate.Preset("quick", evaluate.FactsOf(set, "convnet1", fixtures.Size))
	p, errW := p.With("epochs=2")
	train, errA := evaluate.NewData(set, p.TrainData())
	test, errB := evaluate.NewData(o.Test, p.TestData())
	if err := errors.Join(errP, errW, errA, errB); err != nil {
		t.Fatal(err)
	}
	score, err := (&evaluate.Run{Engine: o.Engine, Train: train, Test: test, Net: "convnet1", Protocol: p,
		Seed: 1}).Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Cell("convnet1", 3, baseline.Random).Runs[1]; got.Weights != score.Weights || got.Last != score.Last {
		t.Errorf("got %+v, want the net %s with %v", got, score.Weights, score.Last)
	}
}

// TestCompareGoesOn: stopped after any score, the same call ends with the same file; made again, nothing is trained;
// with more sets and numbers of images, only those are.
func TestCompareGoesOn(t *testing.T) {
	o := tinyComparison(t)
	o.Methods, o.Sets = []baseline.Method{baseline.MGD3, baseline.Random, baseline.Full}, 1
	whole := o
	whole.Out, whole.Batch = t.TempDir(), 1
	compare(t, whole)
	for stop := range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		stopped := o
		stopped.Report = func(e Event) {
			if e.Score != nil && e.Done == 3*stop+1 {
				cancel()
			}
		}
		if _, err := Compare(ctx, stopped); !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped after %d scores: got error %v", 3*stop+1, err)
		}
		if !strings.Contains(resultOf(t, o), `"complete": false`) {
			t.Errorf("stopped after %d scores, the result calls itself complete", 3*stop+1)
		}
	}
	compare(t, o)
	if resultOf(t, o) != resultOf(t, whole) {
		t.Error("stopped twice, the result is another than in one go")
	}
	trained := map[string]bool{}
	o.Report = func(e Event) {
		if e.Training != nil {
			trained[e.Set] = true
		}
	}
	compare(t, o)
	if resultOf(t, o) != resultOf(t, whole) || len(trained) > 0 {
		t.Errorf("the second time %v were trained", trained)
	}
	o.IPCs, o.Methods, o.Sets = []int{1, 3}, []baseline.Method{baseline.Random, baseline.Unguided, baseline.Full}, 1
	compare(t, o)
	want := map[string]bool{"random, IPC 1, seed 0": true, "unguided, IPC 1, seed 0": true,
		"unguided, IPC 3, seed 0": true}
	if !maps.Equal(trained, want) {
		t.Errorf("with more to do, %v were trained, want %v", trained, want)
	}
}

// TestFullLimit: full takes as many images of each class as it may, and its protocol is that of so many.
func TestFullLimit(t *testing.T) {
	o := tinyComparison(t)
	o.Methods, o.FullLimit = []baseline.Method{baseline.Full}, 4
	if cell := compare(t, o).Cell("convnet1", 2, baseline.Full); cell.Images != 12 || cell.IPC != 4 {
		t.Errorf("got %+v, want 12 images, 4 of each class", cell)
	}
}

// TestCompareSkipsBad: full leaves out what has no latent.
func TestCompareSkipsBad(t *testing.T) {
	o := tinyComparison(t)
	set := t.TempDir()
	err := errors.Join(fixtures.Images(set, 3), os.WriteFile(filepath.Join(set, "train", "dog", "001.png"),
		[]byte("no image"), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	if o.Train, err = dataset.Open(t.Context(), set, dataset.OpenOptions{Split: "train"}); err != nil {
		t.Fatal(err)
	}
	o.IPCs, o.Methods = []int{1}, []baseline.Method{baseline.Full}
	if _, err := Compare(t.Context(), o); !errors.Is(err, dataset.ErrImage) ||
		!strings.Contains(err.Error(), "dog/001.png") {
		t.Errorf("got error %v, want an ErrImage that names dog/001.png", err)
	}
	o.Settings.Encode.SkipBad, o.Out = true, t.TempDir()
	if cell := compare(t, o).Cell("convnet1", 1, baseline.Full); cell.Images != 8 {
		t.Errorf("got %+v, want 8 images", cell)
	}
}

// TestCompareRefuses: what would fail later fails at once, and nothing is written.
func TestCompareRefuses(t *testing.T) {
	base := tinyComparison(t)
	fewer := *base.Test
	fewer.Classes = fewer.Classes[:2]
	for _, c := range []struct {
		name   string
		change func(*Options)
		kind   error
		says   string
	}{
		{"no test images of a class", func(o *Options) { o.Test = &fewer }, evaluate.ErrData,
			`no test images of class "owl"`},
		{"too few images", func(o *Options) { o.IPCs = []int{2, 7} }, modes.ErrTooFew, `class "cat": `},
		{"an unknown network", func(o *Options) { o.Nets = []string{"convnet1", "perceptron"} }, nil, "perceptron"},
		{"images too small for the network", func(o *Options) { o.Nets = []string{"convnet6"} }, nil, "too small"},
		{"an unknown protocol", func(o *Options) { o.Protocol = "fast" }, nil, "fast"},
		{"an unknown change", func(o *Options) { o.Changes = []string{"colour=red"} }, nil, "colour"},
		{"soft labels without a teacher", func(o *Options) { o.Protocol = "soft" }, nil, "teacher"},
		{"a number twice", func(o *Options) { o.IPCs = []int{2, 2} }, nil, "2 is to be compared twice"},
		{"nothing", func(o *Options) { o.Nets = nil }, nil, "0 networks"},
		{"no sets", func(o *Options) { o.Sets = 0 }, nil, "0 sets"},
	} {
		o := base
		c.change(&o)
		if _, err := Compare(t.Context(), o); err == nil || c.kind != nil && !errors.Is(err, c.kind) ||
			!strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got error %v, want one with %q", c.name, err, c.says)
		}
		if _, err := os.Stat(o.Out); err == nil {
			t.Fatalf("%s: something was written", c.name)
		}
	}
	repeat := base
	repeat.Settings.Modes.Short, repeat.IPCs, repeat.Methods, repeat.Sets = modes.ShortRepeat, []int{7},
		[]baseline.Method{baseline.MGD3}, 1
	repeat.Out = t.TempDir()
	if cell := compare(t, repeat).Cell("convnet1", 7, baseline.MGD3); cell.Images != 21 {
		t.Errorf("filled up, got %d images, want 21", cell.Images)
	}
	base.IPCs, base.Methods, base.Sets = []int{1}, []baseline.Method{baseline.Random}, 1
	compare(t, base)
	base.Settings.Encode.Crop = encode.CropCenter
	if _, err := Compare(t.Context(), base); !errors.Is(err, stage.ErrOther) ||
		!strings.Contains(err.Error(), "settings.encode.crop") {
		t.Errorf("with another crop: got error %v, want an ErrOther that names it", err)
	}
}
