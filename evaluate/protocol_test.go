package evaluate

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"mgd3/internal/fixtures/golden"
)

// nette10 is ImageNette at 10 images per class of 256 pixels.
var nette10 = Facts{IPC: 10, Classes: 10, Images: 100, Size: 256, Net: "resnet18"}

// fields are the values of a protocol by their path in JSON.
func fields(t *testing.T, p Protocol) map[string]any {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	flat := map[string]any{}
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				walk(strings.TrimPrefix(prefix+"."+name, "."), inner)
			}
		default:
			flat[prefix] = v
		}
	}
	walk("", tree)
	return flat
}

// TestConstants holds every field of the presets against numbers copied by hand from the published programs' sources:
// sections 5.1 and 5.5 of the notes on the method. A field that is not in the list fails. TestPublished has the
// programs' arguments, with file and commit.
func TestConstants(t *testing.T) {
	hard := map[string]any{
		"name": "hard", "labels": "hard", "size": 224, "train_size": 224, "norm": "instance",
		"epochs": 2000, "batch": 64, "test_batch": 32,
		"optimiser.kind": "sgd", "optimiser.rate": 0.01, "optimiser.momentum": 0.9, "optimiser.decay": 5e-4,
		"optimiser.decay_matrices_only": false,
		"schedule.kind":                 "steps", "schedule.milestones": []int{1333, 1666}, "schedule.factor": 0.2,
		"augment.centre": true, "augment.shuffle": 0, "augment.crop_scale": []float64{0.5, 1},
		"augment.crop_ratio": []float64{3.0 / 4, 4.0 / 3},
		"augment.antialias":  false, "augment.flip": 0.5,
		"augment.jitter.brightness": 0.4, "augment.jitter.contrast": 0.4, "augment.jitter.saturation": 0.4,
		"augment.lighting": 0.1,
		"augment.mean":     []float64{0.485, 0.456, 0.406}, "augment.std": []float64{0.229, 0.224, 0.225},
		"augment.margin": []int{0, 0},
		"cutmix":         1, "validation.after": 0, "validation.every": 20, "publish": "best",
	}
	soft := map[string]any{
		"name": "soft", "labels": "soft", "temperature": 20, "size": 224, "train_size": 256, "norm": "batch-twice",
		"epochs": 300, "batch": 50, "test_batch": 32,
		"optimiser.kind": "adamw", "optimiser.rate": 1e-3, "optimiser.beta1": 0.9, "optimiser.beta2": 0.999,
		"optimiser.epsilon": 1e-8,
		"optimiser.decay":   0.01, "optimiser.decay_matrices_only": true,
		"schedule.kind":  "half-cosine",
		"augment.centre": false, "augment.shuffle": 2, "augment.crop_scale": []float64{0.5, 1},
		"augment.crop_ratio": []float64{3.0 / 4, 4.0 / 3},
		"augment.antialias":  true, "augment.flip": 0.5,
		"augment.jitter.brightness": 0, "augment.jitter.contrast": 0, "augment.jitter.saturation": 0,
		"augment.lighting": 0,
		"augment.mean":     []float64{0.485, 0.456, 0.406}, "augment.std": []float64{0.229, 0.224, 0.225},
		"augment.margin": []int{7, 8},
		"cutmix":         1, "validation.after": 240, "validation.every": 10, "publish": "best",
	}
	with := func(base map[string]any, pairs ...any) map[string]any {
		m := map[string]any{}
		for k, v := range base {
			m[k] = v
		}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	of := func(change func(*Facts)) Facts { f := nette10; change(&f); return f }
	for _, test := range []struct {
		name, preset string
		facts        Facts
		want         map[string]any
	}{
		{"hard", "hard", nette10, hard},
		{"hard, 100 classes", "hard", of(func(f *Facts) { f.Classes, f.Images = 100, 1000 }),
			with(hard, "epochs", 1300, "schedule.milestones", []int{866, 1083}, "validation.every", 13)},
		{"hard, more than 100 classes", "hard", of(func(f *Facts) { f.Classes, f.Images = 1000, 10000 }),
			with(hard, "optimiser.rate", 0.1, "optimiser.decay", 1e-4, "batch", 128)},
		{"hard, small images", "hard", of(func(f *Facts) { f.Size = 32 }), with(hard, "size", 32, "train_size", 32)},
		{"soft", "soft", nette10, soft},
		{"soft-f1", "soft-f1", nette10, with(soft, "name", "soft-f1", "augment.shuffle", 1, "augment.crop_scale",
			[]float64{1, 1})},
		{"soft, vgg11", "soft", of(func(f *Facts) { f.Net = "vgg11" }), with(soft, "optimiser.rate", 5e-4)},
		{"soft, alexnet", "soft", of(func(f *Facts) { f.Net = "alexnet" }), with(soft, "optimiser.rate", 1e-4)},
		{"soft, convnet", "soft", of(func(f *Facts) { f.Net = "convnet6" }),
			with(soft, "size", 128, "train_size", 144)},
		{"soft, small images", "soft", of(func(f *Facts) { f.Size = 33 }),
			with(soft, "size", 33, "train_size", 33, "augment.margin", []int{0, 0})},
		{"quick", "quick", nette10, with(hard, "name", "quick", "epochs", 200, "schedule.milestones", []int{133, 166},
			"test_batch", 100,
			"validation.every", 200, "publish", "last")},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := Preset(test.preset, test.facts)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Check(); err != nil {
				t.Error(err)
			}
			got := fields(t, p)
			for name, want := range test.want {
				if text(t, got[name]) != text(t, want) {
					t.Errorf("%s is %v, want %v", name, got[name], want)
				}
				delete(got, name)
			}
			if len(got) > 0 {
				t.Errorf("the protocol has fields that this test does not know: %v", got)
			}
		})
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestSoftBatch: RDED's batches, and at most the set.
func TestSoftBatch(t *testing.T) {
	for _, test := range []struct{ ipc, classes, want int }{
		{50, 10, 100}, {10, 10, 50}, {1, 10, 10}, {50, 100, 200}, {10, 1000, 100}, {1, 100, 20}, {10, 200, 100},
		{1, 2, 2}, {20, 10, 50},
	} {
		p, err := Preset("soft", Facts{IPC: test.ipc, Classes: test.classes, Images: test.ipc * test.classes, Size: 224,
			Net: "resnet18"})
		if err != nil || p.Batch != test.want {
			t.Errorf("%d images of %d classes: got %d, %v, want %d", test.ipc, test.classes, p.Batch, err, test.want)
		}
	}
}

// TestGoldenSchedule compares epochs and rates with the original programs.
func TestGoldenSchedule(t *testing.T) {
	for _, c := range golden.Cases(t, "augment") {
		var g struct {
			Epochs []struct{ IPC, NClass, Epochs int } `json:"epochs_table"`
			Rates  []struct {
				Epochs  int
				Changes []struct {
					From int `json:"from_epoch"`
					LR   float64
				}
			} `json:"learning_rate_table"`
		}
		c.Decode(t, &g)
		if len(g.Epochs) == 0 || len(g.Rates) == 0 {
			t.Fatalf("%s has no tables", c.Name)
		}
		for _, row := range g.Epochs {
			if got := Epochs(row.IPC, row.NClass); got != row.Epochs {
				t.Errorf("%d images of %d classes: %d epochs, want %d", row.IPC, row.NClass, got, row.Epochs)
			}
		}
		for _, row := range g.Rates {
			p := hardProtocol(nette10)
			p.setEpochs(row.Epochs)
			for e := 1; e <= row.Epochs; e++ {
				want := 0.0
				for _, change := range row.Changes {
					if e >= change.From {
						want = change.LR
					}
				}
				// The program multiplies by 0.2 where the table has decimals.
				if got := p.Optimiser.Rate * p.Schedule.Scale(e-1, row.Epochs); math.Abs(got-want) > 4*0x1p-53*want {
					t.Errorf("%d epochs: the rate of epoch %d is %v, want %v", row.Epochs, e, got, want)
				}
			}
		}
	}
}

// TestHalfCosine: the rate begins whole and ends at a half.
func TestHalfCosine(t *testing.T) {
	s := Schedule{Kind: HalfCosine}
	for _, test := range []struct {
		epoch int
		want  float64
	}{{0, 1}, {100, (1 + math.Sqrt(3)/2) / 2}, {150, (1 + math.Sqrt2/2) / 2}, {300, 0.5}} {
		if got := s.Scale(test.epoch, 300); math.Abs(got-test.want) > 1e-15 {
			t.Errorf("epoch %d: got %v, want %v", test.epoch, got, test.want)
		}
	}
}

// TestValidation: soft protocols look at the last fifth, every tenth epoch; the last one counts always.
func TestValidation(t *testing.T) {
	for name, test := range map[string]struct {
		v      Validation
		epochs int
		want   []int
	}{
		"soft":         {Validation{After: 240, Every: 10}, 300, []int{250, 260, 270, 280, 290, 300}},
		"few":          {Validation{Every: 1}, 3, []int{1, 2, 3}},
		"last":         {Validation{Every: 3}, 7, []int{3, 6, 7}},
		"all but none": {Validation{After: 9, Every: 1}, 5, []int{5}},
	} {
		var got []int
		for e := 1; e <= test.epochs; e++ {
			if test.v.At(e, test.epochs) {
				got = append(got, e)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

// TestWith: a change changes the name, so that tables never mix.
func TestWith(t *testing.T) {
	p, err := Preset("quick", nette10)
	if err != nil {
		t.Fatal(err)
	}
	q, err := p.With("epochs=50", "flip=false")
	if err != nil {
		t.Fatal(err)
	}
	if q.Name != "quick (epochs=50, flip=false)" {
		t.Errorf("the name is %q", q.Name)
	}
	if q.Epochs != 50 || !slices.Equal(q.Schedule.Milestones, []int{33, 41}) || q.Augment.Flip != 0 ||
		q.Validation.Every != 50 {
		t.Errorf("got %+v", q)
	}
	if same, err := p.With(); err != nil || same.Name != "quick" {
		t.Errorf("without a change: got %q, %v", same.Name, err)
	}
	for _, name := range Settings() { // every setting changes something
		value := map[string]string{"norm": "batch", "flip": "false", "augment": "false", "publish": "best",
			"cutmix": "0.5", "decay": "1e-3", "precision": "bf16"}[name]
		if value == "" {
			value = "7"
		}
		q, err := p.With(name + "=" + value)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		q.Name = p.Name
		if text(t, q) == text(t, p) {
			t.Errorf("%s=%s changed nothing", name, value)
		}
	}
}

func TestWithRefused(t *testing.T) {
	p, err := Preset("hard", nette10)
	if err != nil {
		t.Fatal(err)
	}
	for change, want := range map[string]string{
		"epoch=3":       "no \"epoch\"",
		"epochs=many":   "many",
		"epochs=0":      "epochs is 0",
		"batch=-1":      "batch is -1",
		"rate=0":        "rate is 0",
		"rate=NaN":      "rate is NaN",
		"decay=Inf":     "decay +Inf",
		"cutmix=1.5":    "cutmix is 1.5",
		"flip=perhaps":  "perhaps",
		"publish=mean":  "publish is",
		"precision=f16": "precision is \"f16\"",
		"validate=0":    "period is 0",
		"size=0":        "size is 0",
	} {
		if _, err := p.With(change); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", change, err, want)
		}
	}
	if _, err := Preset("softer", nette10); err == nil || !strings.Contains(err.Error(), "soft-f1") {
		t.Errorf("got %v, want an error that lists the presets", err)
	}
	if _, err := Preset("hard", Facts{}); err == nil {
		t.Error("a set without images has a protocol")
	}
}
