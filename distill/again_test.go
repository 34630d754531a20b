package distill

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"mgd3/diffusion"
	"mgd3/stage"
)

// TestAgain: an image that is made once more has the bytes that Sample writes with the same settings, by every rule, of
// another mode, and where the images of a class are drawn together; who looks at it on its way changes nothing. The run
// stays as it is.
func TestAgain(t *testing.T) {
	r := tinyRun(t, 3)
	if _, err := r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	rules := diffusion.Rules()
	if testing.Short() {
		rules = rules[:2]
	}
	for i, rule := range append(rules, diffusion.DDPM) {
		own, err := diffusion.Published(rule)
		if err != nil {
			t.Fatal(err)
		}
		own.Lambda, own.Respacing, own.Schedule = 0.2, "3", diffusion.Schedule{}
		settings := SampleSettings{Settings: own, Seed: 7}
		if i == len(rules) {
			settings.Guide, settings.PoolOf, settings.Choose = diffusion.OT, 2, ChooseNearest
		}
		other := *r
		other.Out = t.TempDir()
		if err := os.CopyFS(modesDir(other.Out), os.DirFS(modesDir(r.Out))); err != nil {
			t.Fatal(err)
		}
		other.Latents = LatentsDir(r.Out)
		other.Settings.Sample = settings
		if err := other.Sample(t.Context()); err != nil {
			t.Fatal(err)
		}
		m, err := Finish(other.Out)
		if err != nil || m == nil {
			t.Fatal(m, err)
		}
		looks := 0
		a := Again{Class: m.Classes[1].Name, Mode: i % 2, Settings: settings, Every: 2,
			See: func(k, steps int, png []byte) error { looks++; return nil }}
		d, err := r.Again(t.Context(), a)
		if err != nil {
			t.Fatalf("%s: %v", rule, err)
		}
		want := m.Classes[1].Images[a.Mode]
		data, err := os.ReadFile(filepath.Join(other.Out, want.File))
		if err != nil || !bytes.Equal(data, d.PNG) || d.Entry != want {
			t.Errorf("%s: made again it is %+v, want %+v, and the same bytes: %t, %v", rule, d.Entry, want,
				bytes.Equal(data, d.PNG), err)
		}
		if looks < 2 {
			t.Errorf("%s: seen %d times on its way", rule, looks)
		}
		// what the manifest says of it is enough to make it once more
		e, err := r.Again(t.Context(), Again{Class: a.Class, Mode: d.Entry.Mode, Settings: d.How.Settings})
		if err != nil || e.Entry.SHA256 != d.Entry.SHA256 || e.How.Modes != d.How.Modes {
			t.Errorf("%s: by its own settings: got %+v, %v, want %+v", rule, e, err, d.Entry)
		}
	}
	if faults, _, err := Verify(t.Context(), r.Out); len(faults) > 0 || err != nil {
		t.Errorf("the run has changed: %q, %v", faults, err)
	}
}

func TestAgainRefuses(t *testing.T) {
	r := tinyRun(t, 3)
	if _, err := r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	good := Again{Class: r.ClassNames[0], Mode: 1, Settings: r.Settings.Sample}
	for name, change := range map[string]func(*Again){
		"no such class": func(a *Again) { a.Class = "bat" },
		"no such mode":  func(a *Again) { a.Mode = 2 },
		"below":         func(a *Again) { a.Mode = -1 },
		"no such rule":  func(a *Again) { a.Settings.Rule = "x" },
		"no steps":      func(a *Again) { a.Settings.Respacing = "-3" },
		"NaN":           func(a *Again) { a.Settings.Lambda = -1 },
	} {
		a := good
		change(&a)
		if _, err := r.Again(t.Context(), a); err == nil {
			t.Errorf("%s: made", name)
		}
	}
	stop := errors.New("seen enough")
	a := good
	a.See = func(int, int, []byte) error { return stop }
	if _, err := r.Again(t.Context(), a); !errors.Is(err, stop) {
		t.Errorf("got %v, want %v", err, stop)
	}
	other := *r
	other.Out = t.TempDir()
	if _, err := other.Again(t.Context(), good); !errors.Is(err, stage.ErrStage) {
		t.Errorf("of no run: got %v, want %v", err, stage.ErrStage)
	}
}
