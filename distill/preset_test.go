package distill

import (
	"strings"
	"testing"

	"mgd3/diffusion"
	"mgd3/dit"
	"mgd3/encode"
)

// TestPresets holds every value against numbers that were copied by hand from the paper and from the sources of the
// released programs; § is the section of the notes on the method that they were collected in. TestPublished has those
// that are arguments of the programs with file and commit.
func TestPresets(t *testing.T) {
	published := func() Settings {
		return Settings{
			Encode: encode.Settings{
				Size:       256,   // § 1.1.1: sample size S
				Crop:       "adm", // § 1.1.1: BOX by halves, BICUBIC, the central window
				Flip:       true,  // § 1.1.2: p = 0.5, left in from the training transform
				IgnoreEXIF: true,  // § 1.1.1: decoded to RGB and not turned
				FromSample: false, // § 1.1.4: the posterior mean
			},
			Modes: ModeSettings{
				Method: "kmeans", // § 1.2
				Seed:   0,        // § 1.2: random_state, whatever the run's seed is
				Short:  "error",  // § 1.4: KMeans raises
			},
			Sample: SampleSettings{Settings: diffusion.Settings{
				Rule:      "ddpm",                                                                  // § 2.2
				Schedule:  diffusion.Schedule{Kind: "linear", Steps: 1000, Start: 1e-4, End: 0.02}, // § 2.1
				Respacing: "50",                                                                    // § 2.1
				Lambda:    0.1,                                                                     // § 2.3
				// § 3: the paper's section 5 and appendix A, and its scripts
				Stop:        25,
				CFG:         4.0, // § 2.3
				CFGChannels: 3,   // § 2.2
			}},
		}
	}
	type result struct {
		accuracy, spread float64
		table            string
	}
	want := map[string]struct {
		change func(*Settings)
		result
	}{
		"mgd3":     {func(*Settings) {}, result{66.4, 2.4, "Table 1"}},                                 // § 6.1
		"mgd3-gmm": {func(s *Settings) { s.Modes.Method = "gmm" }, result{66.9, 0.4, "Table 7"}},       // § 1.6
		"dit":      {func(s *Settings) { s.Sample.Lambda = 0 }, result{59.1, 0.7, "Table 1"}},          // § 6.1
		"ddim":     {func(s *Settings) { s.Sample.Rule = "ddim-paper" }, result{66.6, 0.6, "Table 6"}}, // § 2.5, § 6.1
		"mgd3-sd": {func(s *Settings) { // § 1.5, § 2.6
			s.Encode.Size, s.Encode.FromSample = 512, true
			s.Sample.Settings = diffusion.Settings{Rule: "ddpm-sd",
				Schedule:  diffusion.Schedule{Kind: "scaled-linear", Steps: 1000, Start: 0.00085, End: 0.012},
				Respacing: "leading50", Lambda: 0.1, Stop: 500, CFG: 8}
		}, result{}},
		"mgd3-fast": {func(s *Settings) { // what docs/results.md measures; λ, cfg and its channels stay
			s.Sample.Rule, s.Sample.Respacing, s.Sample.Stop = "dpm++2m", "trailing16", 500
		}, result{}},
	}
	presets := Presets()
	if len(presets) != len(want) || presets[0].Name != "mgd3" {
		t.Errorf("got %d presets, the first %s, want %d, the first mgd3", len(presets), presets[0].Name, len(want))
	}
	for _, p := range presets {
		w, ok := want[p.Name]
		if !ok {
			t.Errorf("preset %s is not tested", p.Name)
			continue
		}
		settings := published()
		w.change(&settings)
		if p.Settings != settings {
			t.Errorf("%s: got %+v, want %+v", p.Name, p.Settings, settings)
		}
		if got := (result{p.Accuracy, p.Spread, p.Table}); got != w.result {
			t.Errorf("%s: got %v, want %v", p.Name, got, w.result)
		}
		denoiser, autoencoder, prompt := "DiT-XL/2", "sd-vae-ft-mse", "" // § 2.3
		if p.Name == "mgd3-sd" {
			denoiser, autoencoder, prompt = "stable-diffusion-v1-5", "stable-diffusion-v1-5", "{names}" // § 2.6, § 9
		}
		if p.Denoiser != denoiser || p.Autoencoder != autoencoder || p.Prompt != prompt || p.About == "" ||
			p.Source == "" {
			t.Errorf("%s is for %s and %s; about %q, source %q", p.Name, p.Denoiser, p.Autoencoder, p.About, p.Source)
		}
	}
}

// TestPresetsRun: each preset is settings that a run takes, for a network that there is, guided in the 24 first steps
// of 50, § 3, or in half of fewer.
func TestPresetsRun(t *testing.T) {
	for _, p := range Presets() {
		p.Settings.Modes.IPC = 10
		if err := p.Settings.Encode.Check(); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if err := p.Settings.Modes.Check(); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		sampler, err := diffusion.New(p.Settings.Sample.Settings)
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		guided := 0
		for _, step := range sampler.Steps() {
			if step.Guided {
				guided++
			}
		}
		steps, want := 50, 24
		switch p.Name {
		case "mgd3-sd":
			want = 25 // § 2.6
		case "mgd3-fast":
			steps, want = 16, 8 // the steps from 999, 936, … 561; the next is from 499
		}
		if len(sampler.Steps()) != steps || guided != want {
			t.Errorf("%s: %d steps, %d of them guided, want %d and %d", p.Name, len(sampler.Steps()), guided, steps,
				want)
		}
		if p.Prompt != "" {
			continue
		}
		if _, err := dit.Named(p.Denoiser, p.Settings.Encode.Size); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if found, err := FindPreset(p.Name); err != nil || found.Settings.Modes.Method == "" || found.Name != p.Name {
			t.Errorf("%s: found %+v, %v", p.Name, found, err)
		}
	}
	if _, err := FindPreset("mgd4"); err == nil || !strings.Contains(err.Error(), `"mgd4"`) ||
		!strings.Contains(err.Error(), "mgd3-gmm") {
		t.Errorf("mgd4: got error %v, want one that names it and the others", err)
	}
}
