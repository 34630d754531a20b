package dit

import (
	"fmt"
	"io/fs"
	"path"

	"mgd3/diffusion"
	"mgd3/diffusion/scheduler"
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

// ScheduleFS returns the noise that the model at a path was trained with. It is in the first of these that is
// there, and else is [Published]:
//
//	config.json                        "schedule": {"kind": "linear", "steps": 1000, "start": 0.0001, "end": 0.02},
//	                                   as in package diffusion
//	scheduler_config.json              of diffusers, in the model's folder
//	../scheduler/scheduler_config.json beside it, in a pipeline
//
// What the sampler cannot follow, a prediction of x0 say, is a [scheduler.ErrScheduler].
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
	name := path.Join(at, weights.ConfigFile)
	if _, err := weights.ReadJSON(fsys, name, &config); err != nil {
		return diffusion.Schedule{}, err
	}
	if s := config.Schedule; s != nil {
		if _, err := s.Betas(); err != nil {
			return *s, fmt.Errorf("%s: %w", name, err)
		}
		return *s, nil
	}
	c, err := scheduler.ReadFS(fsys, at)
	if err != nil {
		return diffusion.Schedule{}, err
	}
	if c != nil {
		return c.Schedule, nil
	}
	return Published(), nil
}
