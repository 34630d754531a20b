package dit

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"mgd3/diffusion"
	"mgd3/diffusion/scheduler"
)

// TestScheduleFS: the noise is in the model's own configuration, in diffusers' in its folder or beside it, or is
// the published one.
func TestScheduleFS(t *testing.T) {
	const (
		own   = `{"input_size": 32, "schedule": {"kind": "cosine", "steps": 500}}`
		plain = `{"input_size": 32}`
		sd    = `{"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}`
	)
	cosine := diffusion.Schedule{Kind: diffusion.Cosine, Steps: 500}
	for name, c := range map[string]struct {
		files map[string]string
		at    string
		want  diffusion.Schedule
	}{
		"nothing is said":      {map[string]string{"m/dit/config.json": plain}, "m/dit", Published()},
		"no file at all":       {map[string]string{"m/dit/model.safetensors": ""}, "m/dit", Published()},
		"a weights file alone": {map[string]string{"m/DiT.pt": ""}, "m/DiT.pt", Published()},
		"its own":              {map[string]string{"m/dit/config.json": own}, "m/dit", cosine},
		"its own beside a file": {map[string]string{"m/dit/config.json": own, "m/dit/a.pt": ""}, "m/dit/a.pt",
			cosine},
		"its own before diffusers'": {map[string]string{"m/t/config.json": own, "m/t/scheduler_config.json": sd}, "m/t",
			cosine},
		"in the folder": {map[string]string{"m/t/config.json": plain, "m/t/scheduler_config.json": sd},
			"m/t", diffusion.StableDiffusion()},
		"in a pipeline": {map[string]string{"m/transformer/config.json": plain,
			"m/scheduler/scheduler_config.json": sd}, "m/transformer", diffusion.StableDiffusion()},
		"of a file in a pipeline": {map[string]string{"m/transformer/w.safetensors": "",
			"m/scheduler/scheduler_config.json": sd}, "m/transformer/w.safetensors", diffusion.StableDiffusion()},
		"diffusers' defaults": {map[string]string{"m/transformer/config.json": plain,
			"m/scheduler/scheduler_config.json": "{}"}, "m/transformer", Published()},
		"the published pipeline": {map[string]string{"m/transformer/config.json": plain,
			"m/scheduler/scheduler_config.json": schedulerJSON}, "m/transformer", Published()},
		"other ends": {map[string]string{"m/scheduler_config.json": `{"beta_start": 0.001, "beta_end": 0.01}`}, "m",
			diffusion.Schedule{Kind: diffusion.Linear, Steps: 1000, Start: 0.001, End: 0.01}},
		"other steps": {map[string]string{"m/scheduler_config.json": `{"num_train_timesteps": 4000}`},
			"m", diffusion.Schedule{Kind: diffusion.Linear, Steps: 4000, Start: 1e-4, End: 0.02}},
		"v, to no signal": {map[string]string{
			"m/scheduler_config.json": `{"prediction_type": "v_prediction", "rescale_betas_zero_snr": true}`}, "m",
			diffusion.Schedule{Kind: diffusion.Linear, Steps: 1000, Start: 1e-4, End: 0.02, ZeroSNR: true,
				Prediction: diffusion.Velocity}},
		"cosine": {map[string]string{"m/scheduler_config.json": `{"beta_schedule": "squaredcos_cap_v2"}`}, "m",
			diffusion.Schedule{Kind: diffusion.Cosine, Steps: 1000}},
	} {
		fsys := fstest.MapFS{"m/x": {}}
		for file, text := range c.files {
			fsys[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if got, err := ScheduleFS(fsys, c.at); err != nil || got != c.want {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, c.want)
		}
	}
}

// TestScheduleRefuses: what the sampler cannot follow is an error that names the file.
func TestScheduleRefuses(t *testing.T) {
	for _, c := range []struct {
		text, want string
		scheduler  bool
	}{
		{`{"beta_schedule": "sigmoid"}`, `beta_schedule is "sigmoid"`, true},
		{`{"prediction_type": "sample"}`, `"sample", want epsilon`, true},
		{`{"trained_betas": [0.1]}`, "trained_betas", true},
		{`{"timestep_spacing": "karras"}`, `timestep_spacing is "karras"`, true},
		{`{"steps_offset": -1}`, "steps_offset is -1", true},
		{`{"num_train_timesteps": 0}`, "0 steps", true},
		{`{"num_train_timesteps": 1000000000000}`, "want at most", true},
		{`{"beta_end": 2}`, "beta of step", true},
		{`{"beta_start": "x"}`, "beta_start", false},
		{`{`, "JSON", false},
	} {
		fsys := fstest.MapFS{"m/scheduler_config.json": {Data: []byte(c.text)}}
		_, err := ScheduleFS(fsys, "m")
		if err == nil || !strings.Contains(err.Error(), c.want) ||
			!strings.Contains(err.Error(), "m/scheduler_config.json") ||
			errors.Is(err, scheduler.ErrScheduler) != c.scheduler {
			t.Errorf("%s: got %v, want an error with %q and the file", c.text, err, c.want)
		}
	}
	fsys := fstest.MapFS{"m/config.json": {Data: []byte(`{"schedule": {"kind": "sigmoid", "steps": 1000}}`)}}
	if _, err := ScheduleFS(fsys, "m"); err == nil || !strings.Contains(err.Error(), "m/config.json") ||
		!strings.Contains(err.Error(), `"sigmoid"`) {
		t.Errorf("an unknown kind of its own: got %v", err)
	}
	if _, err := ScheduleFS(fsys, "nowhere"); err == nil {
		t.Error("a path that is not there: got no error")
	}
}
