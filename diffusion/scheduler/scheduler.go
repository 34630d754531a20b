// Package scheduler reads the scheduler_config.json of diffusers: the noise that a network was trained with, what it
// predicts, and how its makers take steps.
//
//	field                    default    is
//	beta_schedule            linear     linear, scaled_linear or squaredcos_cap_v2: [diffusion.Kind]
//	beta_start, beta_end     1e-4, 0.02
//	num_train_timesteps      1000
//	rescale_betas_zero_snr   false      ZeroSNR of [diffusion.Schedule]
//	prediction_type          epsilon    epsilon or v_prediction
//	timestep_spacing         leading    leading, linspace or trailing: [diffusion.Spacing]
//	steps_offset             0          the first step of leading
//	set_alpha_to_one         true       AlphaToOne of [diffusion.Settings]
//	_class_name              any        but those of flow matching, EDM and the like; so is use_flow_sigmas
//
// Defaults are those of diffusers' DDPMScheduler and DDIMScheduler, which any such file can be read into. What the
// sampler cannot follow is an [ErrScheduler].
package scheduler

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"

	"mgd3/diffusion"
	"mgd3/weights"
)

// ErrScheduler marks a scheduler that the sampler cannot follow.
var ErrScheduler = errors.New("a scheduler that cannot be followed")

// Config is what the file says.
type Config struct {
	Schedule   diffusion.Schedule
	Spacing    diffusion.Spacing
	Offset     int  // of Leading
	AlphaToOne bool // of DDIM
}

// StableDiffusion is the configuration of Stable Diffusion 1.x, for weights without one.
func StableDiffusion() Config {
	return Config{Schedule: diffusion.StableDiffusion(), Spacing: diffusion.Leading, Offset: 1}
}

// Respacing is n steps as the configuration spaces them.
func (c Config) Respacing(n int) string { return c.Spacing.Respacing(n, c.Offset) }

// File is the name of the configuration.
const File = "scheduler_config.json"

// ReadFS reads the configuration of the network in a folder: it lies there, or in the folder scheduler beside it, as in
// a pipeline. It is nil where there is none.
func ReadFS(fsys fs.FS, dir string) (*Config, error) {
	for _, dir := range []string{dir, path.Join(path.Dir(dir), "scheduler")} {
		name := path.Join(dir, File)
		text, err := weights.ReadText(fsys, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		c, err := Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return &c, nil
	}
	return nil, nil
}

// kinds are diffusers' names of the schedules that there are formulas for.
var kinds = map[string]diffusion.Kind{
	"linear": diffusion.Linear, "scaled_linear": diffusion.ScaledLinear, "squaredcos_cap_v2": diffusion.Cosine,
}

var predictions = map[string]diffusion.Prediction{
	"epsilon": diffusion.Epsilon, "v_prediction": diffusion.Velocity,
}

// fields are those of the file that are read.
type fields struct {
	Kind       string            `json:"beta_schedule"`
	Start      float64           `json:"beta_start"`
	End        float64           `json:"beta_end"`
	Steps      int               `json:"num_train_timesteps"`
	Prediction string            `json:"prediction_type"`
	Betas      []float64         `json:"trained_betas"`
	ZeroSNR    bool              `json:"rescale_betas_zero_snr"`
	Spacing    diffusion.Spacing `json:"timestep_spacing"`
	Offset     int               `json:"steps_offset"`
	AlphaToOne bool              `json:"set_alpha_to_one"`
}

// other matches the classes of diffusers whose networks have no noise by betas, and no beta_schedule in their file.
var other = regexp.MustCompile(`^(Flow|EDM|CMStochastic|VQDiffusion|Score|Karras|Amused|BlockRefinement)`)

const maxSteps = 1 << 20 // of a process, far above any that is published

// Parse reads a configuration.
func Parse(text []byte) (c Config, err error) {
	file := fields{Kind: "linear", Start: 1e-4, End: 0.02, Steps: 1000, Prediction: "epsilon",
		Spacing: diffusion.Leading, AlphaToOne: true}
	var of struct {
		Class string `json:"_class_name"`
		Flow  bool   `json:"use_flow_sigmas"`
	}
	if err := errors.Join(weights.UnmarshalJSON(text, &file), weights.UnmarshalJSON(text, &of)); err != nil {
		return c, err
	}
	if of.Flow || other.MatchString(of.Class) {
		return c, fmt.Errorf("%w: it is the %s of a network that is trained otherwise (flow matching, EDM, "+
			"consistency), want one with the noise of a beta_schedule", ErrScheduler, cmp.Or(of.Class, "scheduler"))
	}
	kind, known := kinds[file.Kind]
	prediction, predicts := predictions[file.Prediction]
	switch {
	case !known:
		return c, fmt.Errorf("%w: beta_schedule is %q, want linear, scaled_linear or squaredcos_cap_v2", ErrScheduler,
			file.Kind)
	case file.Steps > maxSteps:
		return c, fmt.Errorf("%w: num_train_timesteps is %d, want at most %d", ErrScheduler, file.Steps, maxSteps)
	case !predicts:
		return c, fmt.Errorf("%w: prediction_type is %q, want epsilon or v_prediction", ErrScheduler, file.Prediction)
	case len(file.Betas) > 0:
		return c, fmt.Errorf("%w: it has betas of its own (trained_betas), want those of beta_schedule", ErrScheduler)
	}
	switch file.Spacing {
	case diffusion.Leading, diffusion.Linspace, diffusion.Trailing:
	default:
		return c, fmt.Errorf("%w: timestep_spacing is %q, want leading, linspace or trailing", ErrScheduler,
			file.Spacing)
	}
	if file.Offset < 0 || file.Offset > maxSteps {
		return c, fmt.Errorf("%w: steps_offset is %d, want at least 0", ErrScheduler, file.Offset)
	}
	s := diffusion.Schedule{Kind: kind, Steps: file.Steps, Start: file.Start, End: file.End, ZeroSNR: file.ZeroSNR,
		Prediction: prediction}
	if kind == diffusion.Cosine {
		s.Start, s.End = 0, 0
	}
	if _, err := s.Betas(); err != nil {
		return c, fmt.Errorf("%w: %w", ErrScheduler, err)
	}
	return Config{s, file.Spacing, file.Offset, file.AlphaToOne}, nil
}

// JSON returns the file of diffusers' DDIMScheduler that [Parse] reads c from.
func (c Config) JSON() ([]byte, error) {
	f := fields{Start: c.Schedule.Start, End: c.Schedule.End, Steps: c.Schedule.Steps, ZeroSNR: c.Schedule.ZeroSNR,
		Spacing: c.Spacing, Offset: c.Offset, AlphaToOne: c.AlphaToOne}
	for name, kind := range kinds {
		if kind == c.Schedule.Kind {
			f.Kind = name
		}
	}
	for name, prediction := range predictions {
		if prediction == c.Schedule.Prediction {
			f.Prediction = name
		}
	}
	data, err := json.MarshalIndent(struct {
		Class string `json:"_class_name"`
		Clip  bool   `json:"clip_sample"`
		fields
	}{"DDIMScheduler", false, f}, "", "  ")
	return append(data, '\n'), err
}
