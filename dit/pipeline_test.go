package dit

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const (
	modelIndex = `{"_class_name": "DiTPipeline", "_diffusers_version": "0.12.0.dev0",
		"id2label": {"1": "goldfish, Carassius auratus",
		"0": "tench, Tinca tinca"}, "scheduler": ["diffusers", "DDIMScheduler"], "transformer": ["diffusers",
		"Transformer2DModel"],
		"vae": ["diffusers", "AutoencoderKL"]}`
	schedulerJSON = `{"_class_name": "DDIMScheduler", "_diffusers_version": "0.12.0.dev0", "beta_end": 0.02,
		"beta_schedule": "linear",
		"beta_start": 0.0001, "clip_sample": false, "num_train_timesteps": 1000, "prediction_type": "epsilon",
		"set_alpha_to_one": true,
		"steps_offset": 0, "trained_betas": null}`
)

// pipeline returns the files of a pipeline's folder, those without text left out.
func pipeline(index, scheduler string) fstest.MapFS {
	files := fstest.MapFS{}
	for name, text := range map[string]string{"p/model_index.json": index,
		"p/scheduler/scheduler_config.json": scheduler} {
		if text != "" {
			files[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return files
}

func TestReadPipeline(t *testing.T) {
	p, err := ReadPipelineFS(pipeline(modelIndex, schedulerJSON), "p")
	if err != nil || !slices.Equal(p.Labels, []string{"tench, Tinca tinca", "goldfish, Carassius auratus"}) {
		t.Errorf("got %+v, %v", p, err)
	}
	if p, err := ReadPipelineFS(pipeline(`{"_class_name": "DiTPipeline"}`, ""), "p"); err != nil || p.Labels != nil {
		t.Errorf("without labels: got %+v, %v", p, err)
	}
	if p, err := ReadPipelineFS(pipeline("", schedulerJSON), "p"); p != nil || err != nil {
		t.Errorf("without an index: got %+v, %v, want neither", p, err)
	}
	for _, c := range []struct{ from, to, want string }{
		{"DiTPipeline", "StableDiffusionPipeline", "StableDiffusionPipeline"},
		{`"1": "goldfish`, `"2": "goldfish`, "none for 1"},
		{`"1": "goldfish`, `"1": 7, "2": "goldfish`, "model_index.json"},
	} {
		index := strings.Replace(modelIndex, c.from, c.to, 1)
		if index == modelIndex {
			t.Fatalf("%q is not in the file", c.from)
		}
		_, err := ReadPipelineFS(pipeline(index, schedulerJSON), "p")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.to, err, c.want)
		}
		if !strings.HasSuffix(c.want, ".json") && !errors.Is(err, ErrPipeline) {
			t.Errorf("%s: got %v, want %v", c.to, err, ErrPipeline)
		}
	}
}
