package distill

import (
	"fmt"
	"strconv"
	"strings"

	"mgd3/diffusion"
	"mgd3/encode"
	"mgd3/modes"
)

// Preset is published settings, the networks they are for, and what they reach.
type Preset struct {
	Name   string `json:"name"`
	About  string `json:"about"`
	Source string `json:"source"` // where the settings are published
	// by the name that dit.Named or "mgd3 pull" knows; for images of Settings.Encode.Size pixels
	Denoiser    string `json:"denoiser"`
	Autoencoder string `json:"autoencoder"` // by the name that "mgd3 pull" knows, or that of a whole model

	// Prompt is the template of a text-to-image model's prompts, see package prompt; "" of other denoisers.
	Prompt string `json:"prompt,omitempty"`

	// Settings are complete but for the images: the split, the limit, and how many images a class gets.
	Settings Settings `json:"settings"`

	// SeedEncodes says that the seed of the noise is that of the encoding as well: torch.manual_seed(seed) also seeds
	// the loader's workers, and so the flips, in the released programs. A set of another seed then has other latents
	// and other modes.
	SeedEncodes bool `json:"seed_encodes"`

	// Accuracy is what the paper prints for ImageNette, 10 images per class, ResNetAP-10, hard labels: mean and
	// standard deviation in percent, and where; 0 where it prints no number.
	Accuracy, Spread float64 `json:"-"`
	Table            string  `json:"-"`
}

// Presets returns all presets, MGD3 as published first. TestPresets holds each value against numbers copied from the
// publications.
func Presets() []Preset {
	mgd3 := Preset{
		Name: "mgd3", About: "MGD3 as published: k-means modes, guided while t > 25 of 50",
		Source: "arXiv:2505.18963, sections 4 and 5 and appendices A and F, and the released programs " +
			"sample_mode_guidance.py and tsne_plots.py",
		Denoiser: "DiT-XL/2", Autoencoder: "sd-vae-ft-mse",
		Settings: Settings{
			Encode: encode.Settings{Size: 256, Crop: encode.CropADM, Flip: true, IgnoreEXIF: true},
			Modes:  ModeSettings{Method: modes.KMeans, Short: modes.ShortError},
			Sample: SampleSettings{Settings: diffusion.Settings{
				Rule: diffusion.DDPM, Schedule: diffusion.DiT(1000), Respacing: "50",
				Lambda: 0.1, Stop: 25, CFG: 4, CFGChannels: 3,
			}},
		},
		SeedEncodes: true,
		Accuracy:    66.4, Spread: 2.4, Table: "Table 1",
	}

	gmm := mgd3
	gmm.Name, gmm.About = "mgd3-gmm", "the same with a Gaussian mixture's means as modes, the best of the paper's "+
		"comparison"
	gmm.Source = "arXiv:2505.18963, Table 7 and appendix D; the mixture's covariances, which are not published, are " +
		"diagonal here"
	gmm.Settings.Modes.Method = modes.GMM
	gmm.Accuracy, gmm.Spread, gmm.Table = 66.9, 0.4, "Table 7"

	plain := mgd3
	plain.Name, plain.About = "dit", "the diffusion model alone, without modes: what MGD3 is held against"
	plain.Source = "arXiv:2505.18963, Table 1, row DiT"
	plain.Settings.Sample.Lambda = 0
	plain.Accuracy, plain.Spread, plain.Table = 59.1, 0.7, "Table 1"

	ddim := mgd3
	ddim.Name, ddim.About = "ddim", "the paper's Algorithm 1: DDIM steps, the pull in the noise"
	ddim.Source = "arXiv:2505.18963, Algorithm 1 and Table 6; stop and cfg, which it leaves open, are those of mgd3"
	ddim.Settings.Sample.Rule = diffusion.DDIMPaper
	ddim.Accuracy, ddim.Spread, ddim.Table = 66.6, 0.6, "Table 6"

	sd := mgd3
	sd.Name, sd.About = "mgd3-sd", "MGD3 with Stable Diffusion, for any class that has a name: guided while t > 500 "+
		"of 1000"
	sd.Source = "arXiv:2505.18963, section 5, and the released programs sample_mode_guidance_text2img.py and " +
		"scheduling_ddpm_mode_guidance.py; the paper draws its accuracy without numbers"
	sd.Denoiser, sd.Autoencoder, sd.Prompt = "stable-diffusion-v1-5", "stable-diffusion-v1-5", "{names}"
	sd.Settings.Encode.Size, sd.Settings.Encode.FromSample = 512, true
	sd.Settings.Sample.Settings = publishedFor(diffusion.DDPMSD)
	sd.Accuracy, sd.Spread, sd.Table = 0, 0, ""

	fast := mgd3
	fast.Name, fast.About = "mgd3-fast", "a third of the steps, measured on small models alone: dpm++2m in 16"
	fast.Source = "not published: MGD3's settings with the steps of DPM-Solver++ (arXiv:2211.01095), as pulled in " +
		"diffusion/solver.go; docs/results.md has what was measured"
	fast.Settings.Sample.Settings = publishedFor(diffusion.DPM2M)
	fast.Accuracy, fast.Spread, fast.Table = 0, 0, ""

	return []Preset{mgd3, gmm, plain, ddim, sd, fast}
}

// publishedFor are the settings that a rule was published with.
func publishedFor(rule diffusion.Rule) diffusion.Settings {
	s, err := diffusion.Published(rule)
	if err != nil {
		panic(err) // it is one of the rules
	}
	return s
}

// FindPreset returns a preset by its name.
func FindPreset(name string) (Preset, error) {
	var names []string
	for _, p := range Presets() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Preset{}, fmt.Errorf("no preset %q, want one of %s", name, strings.Join(names, ", "))
}

// Field is one of the settings that every preset has a value of.
type Field struct {
	Name   string // of the command's flag too
	Source string // where the published values are from
	OfRule bool   // belongs to the rule of a step: another rule has its own value

	take func(to *Settings, from Settings)
	text func(Settings) string
}

// Text is the field's value in s, as the command's flag takes it.
func (f Field) Text(s Settings) string { return f.text(s) }

// field is the setting that at points to.
func field[T any](name, source string, at func(*Settings) *T) Field {
	return Field{
		Name: name, Source: source,
		take: func(to *Settings, from Settings) { *at(to) = *at(&from) },
		text: func(s Settings) string {
			if v, ok := any(*at(&s)).(float64); ok {
				return strconv.FormatFloat(v, 'g', -1, 64)
			}
			return fmt.Sprint(*at(&s))
		},
	}
}

// ofRule is a setting that belongs to the rule of a step.
func ofRule[T any](name, source string, at func(*Settings) *T) Field {
	f := field(name, source, at)
	f.OfRule = true
	return f
}

// Fields returns the settings that a preset has values of, in the order of the work.
func Fields() []Field {
	const released = "released programs"
	return []Field{
		field("size", "the model's", func(s *Settings) *int { return &s.Encode.Size }),
		field("crop", released+": the crop of ADM and DiT", func(s *Settings) *string { return &s.Encode.Crop }),
		field("flip", released+": by chance, before encoding; not in the paper",
			func(s *Settings) *bool { return &s.Encode.Flip }),
		field("ignore-exif", released, func(s *Settings) *bool { return &s.Encode.IgnoreEXIF }),
		field("posterior-sample", released+": the mean × 0.18215",
			func(s *Settings) *bool { return &s.Encode.FromSample }),
		field("encode-seed", released+": their seed also seeds the flips",
			func(s *Settings) *uint64 { return &s.Encode.Seed }),
		field("cluster", "section 4.1 and Table 7; one k-means++ start",
			func(s *Settings) *modes.Method { return &s.Modes.Method }),
		field("nearest", "Table 7", func(s *Settings) *bool { return &s.Modes.Nearest }),
		field("pool", released, func(s *Settings) *int { return &s.Modes.Pool }),
		field("modes-seed", released+": whatever --seed is", func(s *Settings) *uint64 { return &s.Modes.Seed }),
		field("short-class", released, func(s *Settings) *modes.Short { return &s.Modes.Short }),
		field("rule", "Figure 3 and the released programs; Algorithm 1",
			func(s *Settings) *diffusion.Rule { return &s.Sample.Rule }),
		ofRule("steps", released, func(s *Settings) *string { return &s.Sample.Respacing }),
		ofRule("lambda", "appendix F; released programs", func(s *Settings) *float64 { return &s.Sample.Lambda }),
		ofRule("stop", "section 5, appendix A; the program's own default is 0",
			func(s *Settings) *int { return &s.Sample.Stop }),
		ofRule("cfg", released, func(s *Settings) *float64 { return &s.Sample.CFG }),
		ofRule("cfg-channels", "DiT's program, of 4", func(s *Settings) *int { return &s.Sample.CFGChannels }),
		ofRule("eta", "Algorithm 1", func(s *Settings) *float64 { return &s.Sample.Eta }),
		ofRule("clip", released, func(s *Settings) *bool { return &s.Sample.Clip }),
	}
}

// Merge returns own with the preset's value in every field that is not given. Three things stay as they are in own:
// the size, which is the model's; the numbers that belong to a rule, where another rule is given; and the stop where
// steps are given, of which own has the same share.
func (p Preset) Merge(own Settings, given func(name string) bool) Settings {
	otherRule := given("rule") && own.Sample.Rule != p.Settings.Sample.Rule
	for _, f := range Fields() {
		if f.Name == "size" || given(f.Name) || f.OfRule && otherRule || f.Name == "stop" && given("steps") {
			continue
		}
		f.take(&own, p.Settings)
	}
	return own
}

// Departures lists the fields, of those that are wanted, in which s is not as published: "lambda 0.05 (0.1)".
func (p Preset) Departures(s Settings, wanted func(name string) bool) (list []string) {
	for _, f := range Fields() {
		if is, was := f.text(s), f.text(p.Settings); is != was && wanted(f.Name) {
			list = append(list, fmt.Sprintf("%s %s (%s)", f.Name, is, was))
		}
	}
	return list
}
