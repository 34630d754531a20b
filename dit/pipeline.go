package dit

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"

	"mgd3/weights"
)

// ErrPipeline marks a diffusers pipeline that is not one of a DiT trained as the published ones.
var ErrPipeline = errors.New("not a pipeline of a DiT")

// Pipeline is what a folder of diffusers' DiTPipeline says beside its networks:
//
//	model_index.json                 {"_class_name": "DiTPipeline", "id2label": {"0": "tench, Tinca tinca", …}, …}
//	scheduler/scheduler_config.json  the noise of the training, which must be linear, from 1e-4 to 0.02 in 1,000 steps
type Pipeline struct {
	Labels []string // the names of each class, separated by commas, in the order of the labels; nil where they have none
}

// ReadPipelineFS reads the files of the pipeline in a folder, nil if there is no model_index.json.
func ReadPipelineFS(fsys fs.FS, dir string) (*Pipeline, error) {
	var index struct {
		Class  string            `json:"_class_name"`
		Labels map[string]string `json:"id2label"`
	}
	name := path.Join(dir, "model_index.json")
	if found, err := readJSON(fsys, name, &index); !found || err != nil {
		return nil, err
	}
	if index.Class != "DiTPipeline" {
		return nil, fmt.Errorf("%s: %w: _class_name is %q, want DiTPipeline", name, ErrPipeline, index.Class)
	}
	var p Pipeline
	for i := range len(index.Labels) {
		label, ok := index.Labels[strconv.Itoa(i)]
		if !ok {
			return nil, fmt.Errorf("%s: %w: id2label has %d labels, but none for %d", name, ErrPipeline, len(index.Labels), i)
		}
		p.Labels = append(p.Labels, label)
	}
	name = path.Join(dir, "scheduler", "scheduler_config.json")
	if err := checkScheduler(fsys, name); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", name, ErrPipeline, err)
	}
	return &p, nil
}

// checkScheduler says what in a scheduler's configuration, if there is one, is not as the published DiTs were trained. Fields that are
// not there have diffusers' defaults, which are just that.
func checkScheduler(fsys fs.FS, name string) error {
	s := struct {
		Kind       string    `json:"beta_schedule"`
		Start      float64   `json:"beta_start"`
		End        float64   `json:"beta_end"`
		Steps      int       `json:"num_train_timesteps"`
		Prediction string    `json:"prediction_type"`
		Betas      []float64 `json:"trained_betas"`
		ZeroSNR    bool      `json:"rescale_betas_zero_snr"`
	}{"linear", 1e-4, 0.02, 1000, "epsilon", nil, false}
	if _, err := readJSON(fsys, name, &s); err != nil {
		return err
	}
	switch {
	case s.Kind != "linear" || s.Start != 1e-4 || s.End != 0.02:
		return fmt.Errorf("betas are %s from %g to %g, want linear from 0.0001 to 0.02", s.Kind, s.Start, s.End)
	case s.Steps != 1000:
		return fmt.Errorf("num_train_timesteps is %d, want 1000", s.Steps)
	case s.Prediction != "epsilon":
		return fmt.Errorf("prediction_type is %q, want epsilon", s.Prediction)
	case len(s.Betas) > 0 || s.ZeroSNR:
		return errors.New("it has betas of its own (trained_betas or rescale_betas_zero_snr), want the linear ones")
	}
	return nil
}

// readJSON reads a file into v and reports whether there is one.
func readJSON(fsys fs.FS, name string, v any) (found bool, err error) {
	data, err := fs.ReadFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = weights.UnmarshalJSON(data, v)
	}
	if err != nil {
		return true, fmt.Errorf("%s: %w", name, err)
	}
	return true, nil
}
