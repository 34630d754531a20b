package dit

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"mgd3/diffusion"
	"mgd3/weights"
)

// Published is the noise that the published DiTs were trained with, and those of mgd3 train: linear, from 1e-4 to
// 0.02 in 1,000 steps.
func Published() diffusion.Schedule { return diffusion.DiT(1000) }

// Noise is the schedule that the model was trained with: [Published] for one that was not opened from files.
func (m *Model) Noise() diffusion.Schedule {
	if m.Schedule == (diffusion.Schedule{}) {
		return Published()
	}
	return m.Schedule
}

// schedulerFile is diffusers' name for the noise of a model, in its folder or in the folder scheduler beside it.
const schedulerFile = "scheduler_config.json"

// ScheduleFS returns the noise that the model at a path was trained with. It stands in the first of these that is
// there, and else is [Published]:
//
//	config.json                        "schedule": {"kind": "linear", "steps": 1000, "start": 0.0001, "end": 0.02}, as in package diffusion
//	scheduler_config.json              of diffusers, in the model's folder
//	../scheduler/scheduler_config.json beside it, in a pipeline
//
// What the sampler cannot follow, another prediction than that of the noise say, is an [ErrPipeline].
func ScheduleFS(fsys fs.FS, at string) (diffusion.Schedule, error) {
	at, _ = weights.SplitSection(fsys, at)
	info, err := fs.Stat(fsys, at)
	if err != nil {
		return diffusion.Schedule{}, err
	}
	if !info.IsDir() {
		at = path.Dir(at)
	}
	var config struct {
		Schedule *diffusion.Schedule `json:"schedule"`
	}
	name := path.Join(at, configFile)
	if _, err := readJSON(fsys, name, &config); err != nil {
		return diffusion.Schedule{}, err
	}
	if s := config.Schedule; s != nil {
		if _, err := s.Betas(); err != nil {
			return *s, fmt.Errorf("%s: %w", name, err)
		}
		return *s, nil
	}
	for _, dir := range []string{at, path.Join(path.Dir(at), "scheduler")} {
		name := path.Join(dir, schedulerFile)
		text, err := weights.ReadText(fsys, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return diffusion.Schedule{}, err
		}
		s, err := parseScheduler(text)
		if err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
		return s, err
	}
	return Published(), nil
}

// kinds are diffusers' names of the schedules that there are formulas for.
var kinds = map[string]diffusion.Kind{
	"linear": diffusion.Linear, "scaled_linear": diffusion.ScaledLinear, "squaredcos_cap_v2": diffusion.Cosine,
}

// parseScheduler reads a scheduler's configuration. Fields that are not there have diffusers' defaults, which are
// those of the published DiTs.
func parseScheduler(text []byte) (s diffusion.Schedule, err error) {
	c := struct {
		Kind       string    `json:"beta_schedule"`
		Start      float64   `json:"beta_start"`
		End        float64   `json:"beta_end"`
		Steps      int       `json:"num_train_timesteps"`
		Prediction string    `json:"prediction_type"`
		Betas      []float64 `json:"trained_betas"`
		ZeroSNR    bool      `json:"rescale_betas_zero_snr"`
	}{"linear", 1e-4, 0.02, 1000, "epsilon", nil, false}
	if err := weights.UnmarshalJSON(text, &c); err != nil {
		return s, err
	}
	kind, known := kinds[c.Kind]
	switch {
	case !known:
		return s, fmt.Errorf("%w: beta_schedule is %q, want linear, scaled_linear or squaredcos_cap_v2", ErrPipeline,
			c.Kind)
	case c.Steps > maxSize:
		return s, fmt.Errorf("%w: num_train_timesteps is %d, want at most %d", ErrPipeline, c.Steps, maxSize)
	case c.Prediction != "epsilon":
		return s, fmt.Errorf("%w: prediction_type is %q, want epsilon", ErrPipeline, c.Prediction)
	case len(c.Betas) > 0 || c.ZeroSNR:
		return s, fmt.Errorf("%w: it has betas of its own (trained_betas or rescale_betas_zero_snr), want those of "+
			"beta_schedule", ErrPipeline)
	}
	s = diffusion.Schedule{Kind: kind, Steps: c.Steps, Start: c.Start, End: c.End}
	if kind == diffusion.Cosine {
		s.Start, s.End = 0, 0
	}
	if _, err := s.Betas(); err != nil {
		return s, fmt.Errorf("%w: %w", ErrPipeline, err)
	}
	return s, nil
}
