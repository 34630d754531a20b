package compare

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"mgd3/baseline"
	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/evaluate"
	"mgd3/internal/fixtures/maker"
)

func tinyAuto(t *testing.T) *Auto {
	o := maker.New(t, 10)
	o.Settings.Modes.IPC = 2
	o.Settings.Sample.Stop = 5 // of 6 steps, so that the candidates differ
	return &Auto{
		Maker: o, Stop: true, By: ByScore, Sets: 2, HeldOut: 0.2,
		Judge: evaluate.Judge{Net: "convnet2", Protocol: "quick", Changes: []string{"epochs=1"}},
	}
}

// wantBest: the candidates are those expected, each with its scores, and the value has the largest sum.
func wantBest(t *testing.T, c distill.Choice, sets int, setting string, values ...float64) {
	t.Helper()
	if c.Setting != setting {
		t.Errorf("chose %q, want %q", c.Setting, setting)
	}
	var have []float64
	sums := map[float64]float64{}
	for _, candidate := range c.Candidates {
		have = append(have, candidate.Value)
		if len(candidate.Scores) != sets {
			t.Errorf("%s %v has scores %v, want one for each of %d sets", setting, candidate.Value, candidate.Scores,
				sets)
		}
		for _, v := range candidate.Scores {
			sums[candidate.Value] += v
		}
	}
	if !reflect.DeepEqual(have, values) {
		t.Errorf("candidates of %s are %v, want %v", setting, have, values)
	}
	for value, sum := range sums {
		if sum > sums[c.Value] {
			t.Errorf("%s %v was chosen with %v, but %v has %v", setting, c.Value, sums[c.Value], value, sum)
		}
	}
}

// TestAuto chooses the stop and then λ by the score, the same again in the same folder, and the manifest of the set
// says so.
func TestAuto(t *testing.T) {
	a := tinyAuto(t)
	a.Lambda, a.Sets = true, 1
	settings, choices, err := a.Choose(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(choices) != 2 {
		t.Fatalf("chose %v, want stop and lambda", choices)
	}
	wantBest(t, choices[0], 1, "stop", 0, 2, 4, 5, 6, 8)
	wantBest(t, choices[1], 1, "lambda", 0, 0.15, 0.3, 0.6)
	want := a.Settings
	want.Sample.Stop, want.Sample.Lambda = int(choices[0].Value), choices[1].Value
	if !reflect.DeepEqual(settings, want) {
		t.Errorf("the settings are %+v, want %+v", settings, want)
	}
	if again, same, err := a.Choose(t.Context()); err != nil || !reflect.DeepEqual(again, settings) ||
		!reflect.DeepEqual(same, choices) {
		t.Errorf("again: %v, %v; want the same", same, err)
	}
	run := a.Run(baseline.ID{Method: baseline.MGD3, IPC: 2}, filepath.Join(a.Out, "final"))
	run.Settings, run.Choices = settings, choices
	m, err := run.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(m.Choices, choices) || m.Part != "" {
		t.Errorf("the manifest has choices %v of part %q, want %v of all images", m.Choices, m.Part, choices)
	}
}

func TestAutoByAccuracy(t *testing.T) {
	a := tinyAuto(t)
	a.Stop, a.Lambda, a.By = false, true, ByAccuracy
	_, choices, err := a.Choose(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantBest(t, choices[0], 2, "lambda", 0, 0.15, 0.3, 0.6)
	if want := "accuracy on 6 held-out training images after the last epoch: convnet2, protocol quick " +
		"(epochs=1)"; choices[0].By != want {
		t.Errorf("chosen by %q, want %q", choices[0].By, want)
	}
}

// TestAutoKeepsThePublished where no value is better.
func TestAutoKeepsThePublished(t *testing.T) {
	o := maker.New(t, 10)
	o.Settings.Modes.IPC = 2
	o.Settings.Sample.Lambda = 0 // every stop gives the same images
	a := &Auto{Maker: o, Stop: true, By: ByScore, Sets: 1, HeldOut: 0.2}
	settings, _, err := a.Choose(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if settings.Sample.Stop != 3 {
		t.Errorf("chose stop %d among equals, want that of the settings, 3", settings.Sample.Stop)
	}
}

func TestAutoRefuses(t *testing.T) {
	o := baseline.Maker{Train: dataset.FromFunc("set", make([]dataset.Class, 1000), nil)}
	many := o
	many.Settings.Modes.IPC = 11
	for text, a := range map[string]*Auto{
		"by \"taste\"":              {Maker: o, By: "taste", Sets: 1},
		"0 sets":                    {Maker: o, By: ByScore},
		"11000 images are too many": {Maker: many, By: ByScore, Sets: 1},
	} {
		if _, _, err := a.Choose(t.Context()); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("got error %v, want one with %q", err, text)
		}
	}
}
