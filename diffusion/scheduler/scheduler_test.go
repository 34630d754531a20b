package scheduler

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"mgd3/diffusion"
)

// Configurations as they lie in published pipelines, but for what is not read of them.
const (
	sd15 = `{"_class_name": "PNDMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
		"num_train_timesteps": 1000, "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1,
		"trained_betas": null, "clip_sample": false}`
	sd21 = `{"_class_name": "DDIMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
		"num_train_timesteps": 1000, "prediction_type": "v_prediction", "set_alpha_to_one": false, "steps_offset": 1}`
	sdxl = `{"_class_name": "EulerDiscreteScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear",
		"beta_start": 0.00085, "num_train_timesteps": 1000, "prediction_type": "epsilon", "set_alpha_to_one": false,
		"steps_offset": 1, "timestep_spacing": "leading", "sample_max_value": 1.0, "use_karras_sigmas": false}`
	zero = `{"beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "prediction_type":
		"v_prediction", "rescale_betas_zero_snr": true, "timestep_spacing": "trailing", "set_alpha_to_one": true}`
)

func TestParse(t *testing.T) {
	sd := StableDiffusion()
	v := sd
	v.Schedule.Prediction = diffusion.Velocity
	toZero := v
	toZero.Schedule.ZeroSNR, toZero.Spacing, toZero.Offset, toZero.AlphaToOne = true, diffusion.Trailing, 0, true
	plain := Config{diffusion.DiT(1000), diffusion.Leading, 0, true}
	for name, c := range map[string]struct {
		text      string
		want      Config
		respacing string // of 50 steps
	}{
		"SD 1.5":                      {sd15, sd, "leading50"},
		"SD 2.1":                      {sd21, v, "leading50"},
		"SDXL":                        {sdxl, sd, "leading50"},
		"no signal at the end":        {zero, toZero, "trailing50"},
		"diffusers' defaults":         {"{}", plain, "leading50+0"},
		"with a mark before the JSON": {"\ufeff{}", plain, "leading50+0"},
	} {
		got, err := Parse([]byte(c.text))
		if err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, c.want)
		}
		if data, errJ := c.want.JSON(); errJ != nil {
			t.Errorf("%s: %v", name, errJ)
		} else if again, err := Parse(data); err != nil || again != c.want {
			t.Errorf("%s: written and read again: got %v, %v, want %+v", name, again, err, c.want)
		}
		if r := got.Respacing(50); r != c.respacing {
			t.Errorf("%s: 50 steps are %q, want %q", name, r, c.respacing)
		}
	}
}

// TestReadFS: the network's folder comes before the pipeline's.
func TestReadFS(t *testing.T) {
	fsys := fstest.MapFS{"m/unet/config.json": {}}
	if c, err := ReadFS(fsys, "m/unet"); c != nil || err != nil {
		t.Errorf("without a file: got %v, %v", c, err)
	}
	fsys["m/scheduler/scheduler_config.json"] = &fstest.MapFile{Data: []byte(sd21)}
	if c, err := ReadFS(fsys, "m/unet"); err != nil || c.Schedule.Prediction != diffusion.Velocity {
		t.Errorf("in the pipeline: got %v, %v", c, err)
	}
	fsys["m/unet/scheduler_config.json"] = &fstest.MapFile{Data: []byte(sd15)}
	if c, err := ReadFS(fsys, "m/unet"); err != nil || *c != StableDiffusion() {
		t.Errorf("in the network's folder: got %v, %v", c, err)
	}
}

// TestOtherClasses: schedulers of networks without betas, whose files have no field that would tell.
func TestOtherClasses(t *testing.T) {
	for _, text := range []string{
		`{"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 3.0}`,
		`{"_class_name": "EDMEulerScheduler", "sigma_data": 0.5}`,
		`{"_class_name": "CMStochasticIterativeScheduler", "num_train_timesteps": 40}`,
		`{"_class_name": "DPMSolverMultistepScheduler", "use_flow_sigmas": true}`,
	} {
		c, err := Parse([]byte(text))
		if !errors.Is(err, ErrScheduler) || !strings.Contains(err.Error(), "flow matching") {
			t.Errorf("%s: got %+v, %v, want an ErrScheduler", text, c, err)
		}
	}
	if _, err := Parse([]byte(`{"_class_name": "KDPM2DiscreteScheduler", "use_flow_sigmas": false}`)); err != nil {
		t.Error(err)
	}
}
