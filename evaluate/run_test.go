package evaluate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"mgd3/dataset"
	"mgd3/engine"
	"mgd3/rng"
	"mgd3/stage/cost"
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

// same demands equal scores but for what they cost.
func same(t *testing.T, name string, got, want *Score) {
	t.Helper()
	a, b := *got, *want
	a.Cost, b.Cost = cost.Cost{}, cost.Cost{}
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
		"bf16":  func(p *Protocol) { p.Precision = engine.BF16 },
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

// TestKey: whatever decides a score is in its key.
func TestKey(t *testing.T) {
	keys := map[string]string{}
	for name, change := range map[string]func(r *Run){
		"as it is": func(*Run) {},
		"seed":     func(r *Run) { r.Seed++ },
		"net":      func(r *Run) { r.Net = "convnet3" },
		"protocol": func(r *Run) { r.Protocol.Augment.Lighting = 0.2 },
		"bf16":     func(r *Run) { r.Protocol.Precision = engine.BF16 },
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

// TestKeyOfPairs: how the backend cpu multiplies bf16 is in the keys of scores in bf16, and in no others.
func TestKeyOfPairs(t *testing.T) {
	key := func(backend string, p engine.Precision) string {
		r := briefRun(t)
		var err error
		if r.Engine, err = engine.Open(backend); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Engine.Close)
		r.Protocol.Precision = p
		return r.key()
	}
	if key("cpu:pairs=on", "") != key("cpu:pairs=off", "") {
		t.Error("the key in float32 depends on pairs of bf16")
	}
	if key("cpu:pairs=on", engine.BF16) == key("cpu:pairs=off", engine.BF16) {
		t.Error("the key in bf16 is the same with pairs and without")
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
		{[]string{"Great White"}, []string{"cat", "great_white"}, `; "Great White" is written "great_white" there`},
		{[]string{"b", "caf\u00e9"}, []string{"cafe\u0301"}, `; "caf\u00e9" is written "cafe\u0301" there`},
	} {
		err := Match(test.train, test.test)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v and %v: got %v, want %q", test.train, test.test, err, test.want)
		}
	}
}

// TestResultDamaged: what is no result, or not as it was written, is not taken for one: the network is trained again,
// to the same score, and a line says why. A score of an earlier version has no checksum and is taken.
func TestResultDamaged(t *testing.T) {
	r := briefRun(t)
	r.Dir = t.TempDir()
	path := filepath.Join(r.Dir, resultName)
	first := do(t, r)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	digit := bytes.Index(good, []byte(`"last": `)) + len(`"last": `)
	flipped := bytes.Clone(good)
	flipped[digit] ^= 1
	said := ""
	r.Report = func(e Event) { said += e.Warning }
	for name, text := range map[string][]byte{
		"empty": {}, "cut": good[:len(good)/2], "another digit": flipped,
		"half a checksum": bytes.Replace(good, []byte(`"crc32c":`), []byte(`"crc32d":`), 1),
	} {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		said = ""
		if s := do(t, r); s.Weights != first.Weights || s.Last != first.Last {
			t.Errorf("%s: trained again, the score is another", name)
		}
		if !strings.Contains(said, path) || !strings.Contains(said, "made anew") {
			t.Errorf("%s: it said %q, want a line that names the file", name, said)
		}
	}
	var there result
	if err := json.Unmarshal(good, &there); err != nil {
		t.Fatal(err)
	}
	old, err := json.Marshal(there)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, old, 0o644); err != nil {
		t.Fatal(err)
	}
	said = ""
	if s := do(t, r); s.Weights != first.Weights || said != "" {
		t.Errorf("a score without a checksum: said %q", said)
	}
	if have, err := os.ReadFile(path); err != nil || !bytes.Equal(have, old) {
		t.Error("a score without a checksum was made anew")
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
