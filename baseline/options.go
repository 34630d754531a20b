package baseline

import (
	"fmt"
	"maps"
	"slices"

	"mgd3/diffusion"
	"mgd3/distill"
	"mgd3/modes"
)

// options are mgd3 with one option alone on top, by the name of the method: what the option is worth. Each is what the
// command's flag of that name takes if nothing else is said, or the value written here.
var options = map[Method]func(*Maker) error{
	"mgd3+dpm++2m":     fewSteps(diffusion.DPM2M),
	"mgd3+dpm++2m-sde": fewSteps(diffusion.DPM2MSDE),
	"mgd3+unipc":       fewSteps(diffusion.UniPC),
	"mgd3+interval":    sampled(func(s *distill.SampleSettings) { s.CFGInterval = diffusion.Interval{Lo: 0.3, Hi: 5} }),
	"mgd3+ot":          sampled(func(s *distill.SampleSettings) { s.Guide = diffusion.OT }),
	"mgd3+labels":      sampled(func(s *distill.SampleSettings) { s.MixLabels = true }),
	"mgd3+ot+labels":   sampled(func(s *distill.SampleSettings) { s.Guide, s.MixLabels = diffusion.OT, true }),
	"mgd3+manifold":    sampled(func(s *distill.SampleSettings) { s.Guide, s.GuideScale = diffusion.Manifold, 0.1 }),
	"mgd3+determinant": together(diffusion.Determinant),
	"mgd3+rbf":         together(diffusion.RBF),
	"mgd3+linear":      sampled(func(s *distill.SampleSettings) { s.Shape = diffusion.Falling }),
	"mgd3+cosine":      sampled(func(s *distill.SampleSettings) { s.Shape = diffusion.Cosined }),
	"mgd3+exp":         sampled(func(s *distill.SampleSettings) { s.Shape = diffusion.Exponential }),
	"mgd3+lambda": sampled(func(s *distill.SampleSettings) {
		s.Adaptive = distill.Range{Lo: s.Lambda / 2, Hi: 3 * s.Lambda / 2}
	}),
	"mgd3+stop":              sampled(func(s *distill.SampleSettings) { s.StopByClass = true }),
	"mgd3+nearest-of-4":      ofFour(distill.ChooseNearest),
	"mgd3+loss-of-4":         ofFour(distill.ChooseLoss),
	"mgd3+s3-of-4":           ofFour(distill.ChooseS3),
	"mgd3+teacher-of-4":      ofFour(distill.ChooseTeacher),
	"mgd3+teacher-hard-of-4": ofFour(distill.ChooseHard),
	"mgd3+start": func(o *Maker) error { // the first fifth of the steps is free
		s := &o.Settings
		steps, err := diffusion.Respace(s.Sample.Respacing, s.Sample.Schedule.Steps)
		if s.Sample.Start = len(steps) * 4 / 5; err == nil && s.Sample.Rule.CountsTimesteps() {
			s.Sample.Start = steps[s.Sample.Start]
		}
		return err
	},
	"mgd3+from": func(o *Maker) error {
		s := &o.Settings
		steps, err := diffusion.Respace(s.Sample.Respacing, s.Sample.Schedule.Steps)
		s.Sample.From = max(1, len(steps)*4/5)
		return err
	},
	"mgd3+bisecting": found(func(s *distill.ModeSettings) { s.Method = modes.Bisecting }),
	"mgd3+shares":    found(func(s *distill.ModeSettings) { s.Shares = max(1, s.IPC/2) }),
	Features: func(o *Maker) error {
		if o.Features == nil {
			return fmt.Errorf("method %s without features", Features)
		}
		o.Settings.Modes.Features = o.Features.SHA256
		return nil
	},
}

// Features is mgd3 with modes found in [Maker].Features, whatever space the settings name.
const Features Method = "mgd3+features"

// CheckFeatures finds, before anything is opened, that features are asked for and no file is given.
func CheckFeatures(methods []Method, file string) error {
	if file == "" && slices.Contains(methods, Features) {
		return fmt.Errorf("method %s finds modes in features, want --features FILE, as \"mgd3 embed\" writes it",
			Features)
	}
	return nil
}

// Options are the methods that are mgd3 with an option.
func Options() []Method { return slices.Sorted(maps.Keys(options)) }

// AsksTeacher reports whether the method chooses images by a teacher.
func (m Method) AsksTeacher() bool {
	option, o := options[m], Maker{}
	return option != nil && option(&o) == nil && o.Settings.Sample.Choose.AsksTeacher()
}

func found(change func(*distill.ModeSettings)) func(*Maker) error {
	return func(o *Maker) error { change(&o.Settings.Modes); return nil }
}

func sampled(change func(*distill.SampleSettings)) func(*Maker) error {
	return func(o *Maker) error { change(&o.Settings.Sample); return nil }
}

func together(t diffusion.Together) func(*Maker) error {
	return sampled(func(s *distill.SampleSettings) { s.Together, s.TogetherScale = t, 0.3 })
}

func ofFour(choose distill.Choose) func(*Maker) error {
	return sampled(func(s *distill.SampleSettings) { s.PoolOf, s.Choose = 4, choose })
}

// fewSteps takes the published number of steps of a rule for few of them; where the rule before counted steps, stop
// is the timestep at the same noise.
func fewSteps(rule diffusion.Rule) func(*Maker) error {
	return func(o *Maker) error {
		s := &o.Settings
		published, err := diffusion.Published(rule)
		if err != nil {
			return err
		}
		if !s.Sample.Rule.CountsTimesteps() {
			steps, err := diffusion.Respace(s.Sample.Respacing, s.Sample.Schedule.Steps)
			if err != nil {
				return err
			}
			if s.Sample.Stop >= 0 && s.Sample.Stop < len(steps) {
				s.Sample.Stop = steps[s.Sample.Stop]
			}
		}
		s.Sample.Rule, s.Sample.Respacing, s.Sample.Eta = rule, published.Respacing, 0
		return nil
	}
}
