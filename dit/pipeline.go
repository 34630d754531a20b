package dit

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"

	"mgd3/weights"
)

// ErrPipeline marks a diffusers pipeline that is not one of a DiT.
var ErrPipeline = errors.New("not a pipeline of a DiT, or of one that cannot be followed")

// Pipeline is what a folder of diffusers' DiTPipeline says beside its networks:
//
//	model_index.json                 {"_class_name": "DiTPipeline", "id2label": {"0": "tench, Tinca tinca", …}, …}
//	scheduler/scheduler_config.json  the noise of the training: [ScheduleFS]
type Pipeline struct {
	// the names of each class, separated by commas, in the order of the labels; nil where they have none
	Labels []string
}

// ReadPipelineFS reads the files of the pipeline in a folder, nil if there is no model_index.json.
func ReadPipelineFS(fsys fs.FS, dir string) (*Pipeline, error) {
	var index struct {
		Class  string            `json:"_class_name"`
		Labels map[string]string `json:"id2label"`
	}
	name := path.Join(dir, "model_index.json")
	if found, err := weights.ReadJSON(fsys, name, &index); !found || err != nil {
		return nil, err
	}
	if index.Class != "DiTPipeline" {
		return nil, fmt.Errorf("%s: %w: _class_name is %q, want DiTPipeline", name, ErrPipeline, index.Class)
	}
	var p Pipeline
	for i := range len(index.Labels) {
		label, ok := index.Labels[strconv.Itoa(i)]
		if !ok {
			return nil, fmt.Errorf("%s: %w: id2label has %d labels, but none for %d", name, ErrPipeline,
				len(index.Labels), i)
		}
		p.Labels = append(p.Labels, label)
	}
	return &p, nil
}
