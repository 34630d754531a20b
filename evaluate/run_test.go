package evaluate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/dataset"
	"mgd3/engine"
	"mgd3/rng"
)

// drawn is a set of three classes with n images each of side pixels: stripes across, along and aslant, with noise.
// The images of a split are its own.
func drawn(split string, n, side int) *dataset.Set {
	var classes []dataset.Class
	for _, name := range []string{"across", "along", "aslant"} {
		class := dataset.Class{Name: name}
		for i := range n {
			class.Images = append(class.Images, dataset.Ref{Class: name, Name: fmt.Sprintf("%02d.png", i)})
		}
		classes = append(classes, class)
	}
	return dataset.FromFunc(split, classes, func(ref dataset.Ref) ([]byte, error) {
		r := rng.Stream(7, split+ref.Class+ref.Name)
		x := make([]float32, 3*side*side)
		rng.Normals(r, x)
		phase := r.IntN(4)
		for i := range x {
			row, column := i/side%side, i%side
			at := map[string]int{"across": row, "along": column, "aslant": row + column}[ref.Class]
			x[i] = x[i]*0.3 + []float32{-0.6, -0.2, 0.6, 0.2}[(at+phase)%4]
		}
		var b bytes.Buffer
		err := dataset.WritePNG(&b, dataset.FromTensor(x, side, side))
		return b.Bytes(), err
	})
}

// brief is a protocol for tests: hard, on images of 8 pixels, in a second.
func brief(t *testing.T, changes ...string) Protocol {
	t.Helper()
	p, err := Preset("hard", Facts{IPC: 5, Classes: 3, Images: 15, Size: 8, Net: "convnet2"})
	if err == nil {
		p, err = p.With(append([]string{"epochs=8", "batch=6", "validate=2"}, changes...)...)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.Augment.Scale = [2]float64{0, 0} // a crop would turn stripes of four pixels into others
	return p
}

// briefRun trains on 15 images in batches of 6, 6 and 3, and tests on 30.
func briefRun(t *testing.T, changes ...string) *Run {
	t.Helper()
	p := brief(t, changes...)
	return &Run{
		Engine: openEngine(t), Train: newData(t, drawn("train", 5, 8), p.TrainData()),
		Test: newData(t, drawn("test", 10, 8), p.TestData()),
		Net:  "convnet2", Protocol: p, Seed: 3,
	}
}

func newData(t *testing.T, set *dataset.Set, o DataOptions) *Data {
	t.Helper()
	d, err := NewData(set, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func do(t *testing.T, r *Run) *Score {
	t.Helper()
	s, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// same demands equal scores but for the time they took.
func same(t *testing.T, name string, got, want *Score) {
	t.Helper()
	a, b := *got, *want
	a.Seconds, b.Seconds = 0, 0
	if text(t, a) != text(t, b) {
		t.Errorf("%s: got\n%s, want\n%s", name, text(t, a), text(t, b))
	}
}

// TestRunLearns: hard labels, mixed images, both optimisers.
func TestRunLearns(t *testing.T) {
	for name, change := range map[string]func(*Protocol){
		"hard":  func(*Protocol) {},
		"adamw": func(p *Protocol) { p.Optimiser = softProtocol(nette10, 1).Optimiser },
		"batch": func(p *Protocol) { p.Norm = Batch },
	} {
		t.Run(name, func(t *testing.T) {
			r := briefRun(t, "epochs=30")
			change(&r.Protocol)
			epochs := 0
			r.Report = func(e Event) { epochs++ }
			s := do(t, r)
			if s.Last < 0.8 || epochs != 30 || s.Steps != 90 {
				t.Errorf("accuracy %v after %d epochs and %d steps, want more than 0.8 after 30 and 90", s.Last, epochs,
					s.Steps)
			}
			hits := 0
			for class, row := range s.Confusion {
				hits += row[class]
				if n := row[0] + row[1] + row[2]; n != 10 || s.PerClass[class] != float64(row[class])/10 {
					t.Errorf("class %d: %v of %d, accuracy %v", class, row, n, s.PerClass[class])
				}
			}
			if s.Last != float64(hits)/30 || s.Best < s.Last || s.Value() != s.Best {
				t.Errorf("last %v, best %v, value %v with %d of 30 right", s.Last, s.Best, s.Value(), hits)
			}
			last := s.Curve[len(s.Curve)-1]
			if last.Epoch != 30 || last.Test == nil || *last.Test != s.Last || !(last.Loss < s.Curve[0].Loss) {
				t.Errorf("the curve begins with %s and ends with %s", text(t, s.Curve[0]), text(t, last))
			}
		})
	}
}

// TestSameScore: neither processors nor what is kept in memory nor the batches of the test change a score, and
// another seed does.
func TestSameScore(t *testing.T) {
	want := do(t, briefRun(t))
	r := briefRun(t)
	r.Train, r.Test = newData(t, drawn("train", 5, 8), DataOptions{Size: 8, Memory: -1}),
		newData(t, drawn("test", 10, 8), DataOptions{Size: 8, Memory: -1})
	same(t, "nothing in memory", do(t, r), want)

	was := runtime.GOMAXPROCS(1)
	one := do(t, briefRun(t))
	runtime.GOMAXPROCS(was)
	same(t, "one processor", one, want)

	r = briefRun(t)
	r.Protocol.TestBatch = 7
	s := do(t, r)
	s.Protocol.TestBatch = 32
	same(t, "test batches of 7", s, want)

	r = briefRun(t)
	r.Seed = 4
	if do(t, r).Weights == want.Weights {
		t.Error("another seed gave the same weights")
	}
}

// TestInterrupted: stopped after every epoch, and in validations, a run ends as one in one go does; done, it is not
// done again.
func TestInterrupted(t *testing.T) {
	for _, changes := range [][]string{nil, {"norm=batch"}} {
		want := do(t, briefRun(t, changes...))
		r := briefRun(t, changes...)
		r.Dir = t.TempDir()
		stops := 0
		for {
			ctx, cancel := context.WithCancel(t.Context())
			r.Report = func(Event) { cancel() }
			s, err := r.Do(ctx)
			cancel()
			if err == nil {
				same(t, "interrupted", s, want)
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			stops++
		}
		if stops < 5 {
			t.Errorf("stopped %d times, want nearly as often as there are epochs", stops)
		}
		r.Report = func(e Event) { t.Errorf("trained again: %+v", e) }
		same(t, "found", do(t, r), want)
		if files, err := filepath.Glob(filepath.Join(r.Dir, "*")); err != nil || len(files) != 1 {
			t.Errorf("the folder has %v, want the result alone", files)
		}
	}
}

// TestKilled: from the state after any step, on disk, a run ends as one in one go does.
func TestKilled(t *testing.T) {
	want := do(t, briefRun(t, "epochs=3"))
	var states [][]byte
	r := briefRun(t, "epochs=3")
	r.Dir, r.Every = t.TempDir(), time.Nanosecond
	key := r.key()
	training, err := r.start(key)
	if err != nil {
		t.Fatal(err)
	}
	for b, err := range ahead(t.Context(), training.plans(0), waiting, training.fill) {
		if err != nil {
			t.Fatal(err)
		}
		if err := training.take(b); err != nil {
			t.Fatal(err)
		}
		states = append(states, saved(t, training)) // before the validation, where there is one
		if b.index == training.steps()-1 {
			if err := training.endEpoch(t.Context(), b.epoch+1); err != nil {
				t.Fatal(err)
			}
			states = append(states, saved(t, training))
		}
	}
	if len(states) != 12 {
		t.Fatalf("%d states, want 3 steps and a validation of 3 epochs", len(states))
	}
	for i, state := range states {
		r := briefRun(t, "epochs=3")
		r.Dir = t.TempDir()
		if err := os.WriteFile(r.checkpoint(), state, 0o644); err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprintf("state %d", i), do(t, r), want)
	}
}

// TestDamagedCheckpoint: a damaged checkpoint is named, and the training begins anew, to the same score.
func TestDamagedCheckpoint(t *testing.T) {
	want := do(t, briefRun(t, "epochs=3"))
	r := briefRun(t, "epochs=3")
	r.Dir = t.TempDir()
	key := r.key()
	training, err := r.start(key)
	if err != nil {
		t.Fatal(err)
	}
	data := saved(t, training)
	data[len(data)-3] ^= 1
	if err := os.WriteFile(r.checkpoint(), data, 0o644); err != nil {
		t.Fatal(err)
	}
	var warnings []string
	r.Report = func(e Event) {
		if e.Warning != "" {
			warnings = append(warnings, e.Warning)
		}
	}
	same(t, "after damage", do(t, r), want)
	if len(warnings) != 1 || !strings.Contains(warnings[0], r.checkpoint()) ||
		!strings.Contains(warnings[0], "begins anew") {
		t.Errorf("warnings %q, want one that names %q", warnings, r.checkpoint())
	}
}

func saved(t *testing.T, r *training) []byte {
	t.Helper()
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(r.checkpoint())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestKey: whatever decides a score is in its key.
func TestKey(t *testing.T) {
	keys := map[string]string{}
	for name, change := range map[string]func(r *Run){
		"as it is": func(*Run) {},
		"seed":     func(r *Run) { r.Seed++ },
		"net":      func(r *Run) { r.Net = "convnet3" },
		"protocol": func(r *Run) { r.Protocol.Augment.Lighting = 0.2 },
		"train":    func(r *Run) { r.Train = newData(t, drawn("train", 4, 8), DataOptions{Size: 8}) },
		"test":     func(r *Run) { r.Test = newData(t, drawn("test", 9, 8), DataOptions{Size: 8}) },
		"size":     func(r *Run) { r.Train = newData(t, drawn("train", 5, 8), DataOptions{Size: 9}) },
		"exif":     func(r *Run) { r.Train = newData(t, drawn("train", 5, 8), DataOptions{Size: 8, IgnoreEXIF: true}) },
		"weights":  func(r *Run) { r.Train.Weights = make([]float32, 15) },
		"labels":   func(r *Run) { r.Train.Labels[0] = 2 },
		"teacher":  func(r *Run) { r.Teacher = &Teacher{ID: "one"} },
	} {
		r := briefRun(t)
		change(r)
		key := r.key()
		if other, ok := keys[key]; ok {
			t.Errorf("%s and %s have one key", name, other)
		}
		keys[key] = name
	}
}

// TestPlans: every epoch has each image once, in another order, and the steps from any one on are those of the whole.
func TestPlans(t *testing.T) {
	r := briefRun(t)
	var all []*batch
	for b := range r.plans(0) {
		all = append(all, b)
	}
	if len(all) != 24 {
		t.Fatalf("%d steps, want 8 epochs of 3", len(all))
	}
	var orders []string
	for e := range 8 {
		rows := slices.Concat(all[3*e].rows, all[3*e+1].rows, all[3*e+2].rows)
		if len(all[3*e].rows) != 6 || len(all[3*e+2].rows) != 3 {
			t.Errorf("epoch %d has batches of %d and %d, want 6 and 3", e, len(all[3*e].rows), len(all[3*e+2].rows))
		}
		orders = append(orders, fmt.Sprint(rows))
		slices.Sort(rows)
		for i, row := range rows {
			if i != row {
				t.Fatalf("epoch %d has the images %v", e, rows)
			}
		}
	}
	slices.Sort(orders)
	if n := len(slices.Compact(orders)); n != 8 {
		t.Errorf("%d orders, want 8", n)
	}
	first := 7
	for b := range r.plans(first) {
		if want := all[first]; b.epoch != want.epoch || b.index != want.index || !slices.Equal(b.rows, want.rows) {
			t.Fatalf("step %d is %+v, want %+v", first, b, want)
		}
		first++
	}
	if first != 24 {
		t.Errorf("the steps end at %d, want 24", first)
	}
}

// TestLabel: a mixed image has the labels of both, each with the weight of its image.
func TestLabel(t *testing.T) {
	r := briefRun(t)
	r.Train.Weights = make([]float32, 15)
	for i := range r.Train.Weights {
		r.Train.Weights[i] = float32(i)
	}
	tr := &training{Run: r, counts: r.Train.weights()}
	b := &batch{rows: []int{1, 6, 11}} // of the classes 0, 1 and 2, with the weights 1, 6, 11 of mean 7
	tr.label(b, Mix{Kept: 0.25, Permutation: []int{2, 1, 0}})
	want := []float32{0.25 * 1 / 7., 0, 0.75 * 11 / 7., 0, 6 / 7., 0, 0.75 * 1 / 7., 0, 0.25 * 11 / 7.}
	for i, v := range b.targets {
		if math.Abs(float64(v-want[i])) > 4*0x1p-24 {
			t.Errorf("targets %v, want %v", b.targets, want)
			break
		}
	}
	if !slices.Equal(b.labels, []int32{2, 1, 0}) {
		t.Errorf("the larger parts have the labels %v, want 2, 1, 0", b.labels)
	}
}

// TestWeights: what an image of weight 0 is said to be does not matter, and equal weights are none.
func TestWeights(t *testing.T) {
	weighted := func(spoil, weight bool) string {
		r := briefRun(t)
		for i := range r.Train.Labels {
			if spoil && i%5 > 1 {
				r.Train.Labels[i] = (r.Train.Labels[i] + 1) % 3
			}
			if weight {
				r.Train.Weights = append(r.Train.Weights, map[bool]float32{true: 3}[i%5 <= 1])
			}
		}
		return do(t, r).Weights
	}
	plain, spoilt := weighted(false, false), weighted(true, false)
	right, wrong := weighted(false, true), weighted(true, true)
	if wrong != right || plain == right || plain == spoilt {
		t.Errorf("right labels: %s and weighted %s; wrong ones: %s and weighted %s", plain, right, spoilt, wrong)
	}
	r := briefRun(t)
	r.Train.Weights = slices.Repeat([]float32{8}, 15)
	if got := do(t, r).Weights; got != plain {
		t.Errorf("of equal weights: %s, want %s", got, plain)
	}
}

// TestDivergence: of a student who says what the teacher says it is 0, and its derivative is that of the cross-entropy.
func TestDivergence(t *testing.T) {
	for _, temperature := range []float64{1, 20} {
		logits, labels := tensor([]float32{1, -2, 30, 400, 0, -400}, 2, 3),
			tensor([]float32{0.2, 0.5, 0.3, 1, 0, 0}, 2, 3)
		out := run(t, divergences(temperature), nil, logits, labels)
		own, mixed := flat(out[0]), flat(out[1])
		for i, v := range own {
			if math.Abs(float64(v)) > 1e-6 { // a sum of three products of at most ln 2²⁴ and roundings
				t.Errorf("T = %v: image %d diverges from itself by %v", temperature, i, v)
			}
		}
		for i, row := range [][]float64{{1, -2, 30}, {400, 0, -400}} {
			sum, want := 0.0, 0.0
			for _, z := range row {
				sum += math.Exp((z - slices.Max(row)) / temperature)
			}
			for k, q := range flat(labels)[3*i : 3*i+3] {
				if q := float64(q); q > 0 {
					want += q * (math.Log(q) - (row[k]-slices.Max(row))/temperature + math.Log(sum))
				}
			}
			if math.Abs(float64(mixed[i])-want) > 1e-6*(1+want) {
				t.Errorf("T = %v: image %d diverges by %v, want %v", temperature, i, mixed[i], want)
			}
		}
	}
}

// TestSoft: a student learns from a teacher alone.
func TestSoft(t *testing.T) {
	r := briefRun(t, "epochs=30", "norm=batch")
	r.Dir = t.TempDir()
	r.Protocol.Name, r.Protocol.CutMix = "teacher", 0
	teacher, score, err := r.TrainTeacher(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if score.Last < 0.8 {
		t.Fatalf("the teacher has an accuracy of %v", score.Last)
	}
	s := briefRun(t)
	s.Engine = r.Engine
	if s.Protocol, err = Preset("soft-f1", Facts{IPC: 5, Classes: 3, Images: 15, Size: 8,
		Net: "convnet2"}); err != nil {
		t.Fatal(err)
	}
	if s.Protocol, err = s.Protocol.With("epochs=40"); err != nil {
		t.Fatal(err)
	}
	s.Protocol.Augment.Scale = [2]float64{}
	s.Teacher = teacher
	for i := range s.Train.Labels {
		s.Train.Labels[i] = int32(i % 3) // which nobody looks at but the curve
	}
	if student := do(t, s); student.Best < 0.7 {
		t.Errorf("the student has an accuracy of %v", student.Best)
	}
	if again, _, err := r.TrainTeacher(t.Context()); err != nil || again.ID != teacher.ID {
		t.Errorf("trained again, the teacher is another: %v", err)
	}
}

// TestRefusedRuns: what cannot be trained on, and what went wrong, is named.
func TestRefusedRuns(t *testing.T) {
	for name, test := range map[string]struct {
		change func(r *Run)
		kind   error
		want   []string
	}{
		"a label outside": {func(r *Run) { r.Train.Labels[7] = 3 }, ErrData,
			[]string{`class "along"`, "02.png", "label 3", "0 to 2"}},
		"a negative label": {func(r *Run) { r.Test.Labels[0] = -1 }, ErrData,
			[]string{`class "across"`, "00.png", "label -1"}},
		"a class without test": {func(r *Run) { r.Test.Classes, r.Test.Labels = r.Test.Classes[:2], make([]int32, 30) },
			ErrData, []string{`no test images of class "aslant"`}},
		"a class of test only": {func(r *Run) { r.Test.Classes = append(r.Test.Classes, "dots") }, ErrData,
			[]string{`class "dots"`, "no images"}},
		"an empty class": {func(r *Run) { copy(r.Train.Labels, make([]int32, 10)) }, ErrData,
			[]string{`class "along"`, "no images"}},
		"a weight": {func(r *Run) { r.Train.Weights = slices.Repeat([]float32{-1}, 15) }, ErrData,
			[]string{"00.png", "weight -1"}},
		"weights of 0": {func(r *Run) { r.Train.Weights = make([]float32, 15) }, ErrData,
			[]string{"all weights are 0"}},
		"weights too few": {func(r *Run) { r.Train.Weights = make([]float32, 3) }, ErrData,
			[]string{"3 weights for 15"}},
		"NaN": {func(r *Run) { r.Protocol.Optimiser.Rate, r.Protocol.Norm = 1e30, NoNorm },
			ErrDiverged, []string{"convnet2, seed 3", "epoch 1, step 2", "NaN"}},
		"a net too deep": {func(r *Run) { r.Net = "convnet4" }, nil, []string{"convnet4", "16"}},
		"no teacher": {func(r *Run) { r.Protocol.Labels, r.Protocol.Temperature = Soft, 20 }, nil,
			[]string{"teacher"}},
		"another teacher": {func(r *Run) {
			r.Protocol.Labels, r.Protocol.Temperature, r.Teacher = Soft, 20,
				&Teacher{Classes: 9}
		}, nil, []string{"9 classes", "3"}},
		"a broken image": {func(r *Run) {
			set := dataset.FromFunc("broken",
				[]dataset.Class{{Name: "across", Images: []dataset.Ref{{Class: "across", Name: "x.png"}}},
					{Name: "along", Images: []dataset.Ref{{Class: "along", Name: "y.png"}}},
					{Name: "aslant", Images: []dataset.Ref{{Class: "aslant", Name: "z.png"}}}},
				func(dataset.Ref) ([]byte, error) { return []byte("no image"), nil })
			r.Train = newData(t, set, DataOptions{Size: 8})
		}, dataset.ErrImage, []string{".png", "broken"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := briefRun(t)
			r.Dir, r.Every = t.TempDir(), time.Nanosecond
			test.change(r)
			_, err := r.Do(t.Context())
			if files, _ := filepath.Glob(filepath.Join(r.Dir, "*")); files != nil {
				t.Errorf("it leaves %v", files)
			}
			if err == nil || test.kind != nil && !errors.Is(err, test.kind) {
				t.Fatalf("got %v, want %v", err, test.kind)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want something with %q", err, want)
				}
			}
		})
	}
}

// TestMatch: classes match by name.
func TestMatch(t *testing.T) {
	for _, test := range []struct {
		train, test []string
		want        string
	}{
		{[]string{"a", "b"}, []string{"a", "b"}, ""},
		{[]string{"a", "b"}, []string{"a"}, `no test images of class "b"`},
		{[]string{"a"}, []string{"a", "b", "c"}, `none to train on of the classes "b", "c"`},
		{[]string{"b", "a"}, []string{"a", "b"}, "another order"},
	} {
		err := Match(test.train, test.test)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v and %v: got %v, want %q", test.train, test.test, err, test.want)
		}
	}
}

// TestResultDamaged: what is no result is not taken for one, and is named.
func TestResultDamaged(t *testing.T) {
	r := briefRun(t)
	r.Dir = t.TempDir()
	path := filepath.Join(r.Dir, resultName)
	if err := os.WriteFile(path, []byte(`{"key":`), 0o644); err != nil {
		t.Fatal(err)
	}
	said := ""
	r.Report = func(e Event) { said += e.Warning }
	if s := do(t, r); s.Steps != 24 || !strings.Contains(said, path) || !strings.Contains(said, "made anew") {
		t.Errorf("took %d steps and said %q, want 24 and a line that names the file", s.Steps, said)
	}
	other, err := json.Marshal(result{Key: "another", Score: &Score{Last: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, other, 0o644); err != nil {
		t.Fatal(err)
	}
	said = ""
	if s := do(t, r); s.Steps != 24 || !strings.Contains(said, "classes is null there and") {
		t.Errorf("took %d steps and said %q, want 24: the result there is of another run", s.Steps, said)
	}
}

// TestAhead: all come, in order, however long each takes; an error and the end of the loop stop it.
func TestAhead(t *testing.T) {
	count := func(yield func(int) bool) {
		for i := 0; i < 20 && yield(i); i++ {
		}
	}
	broken := errors.New("broken")
	slow := func(_ context.Context, i int) (int, error) {
		time.Sleep(time.Duration(20-i) * 10 * time.Microsecond)
		if i == 13 {
			return 0, broken
		}
		return i, nil
	}
	for width := 1; width < 5; width++ {
		next := 0
		for v, err := range ahead(t.Context(), count, width, slow) {
			if next < 13 && (v != next || err != nil) || next == 13 && !errors.Is(err, broken) {
				t.Fatalf("width %d: got %d, %v in place %d", width, v, err, next)
			}
			next++
		}
		if next != 14 {
			t.Errorf("width %d: %d results, want 13 and an error", width, next)
		}
	}
	for v := range ahead(t.Context(), count, 3, slow) {
		if v == 2 {
			break
		}
	}
}

// divergences is that of logits from their own softmax, and from labels.
func divergences(temperature float64) engine.Func {
	return func(_ engine.Params, in []*Node) []*Node {
		loss := Divergence(temperature)
		return []*Node{loss(in[0], Softmax(DivScalar(in[0], temperature))), loss(in[0], in[1])}
	}
}
