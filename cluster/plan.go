package cluster

import (
	"fmt"
	"math"
	"path/filepath"
	"time"
)

// The names of stages.
const (
	Encode   = "encode"   // the latents of the real images
	Modes    = "modes"    // the modes of each class
	Sample   = "sample"   // the synthetic images
	Distill  = "distill"  // these three, class by class
	Merge    = "merge"    // the manifest
	Evaluate = "evaluate" // one training of a network on the set
	Scores   = "scores"   // the table of all trainings
)

// Stage is one kind of work, cut into tasks.
type Stage struct {
	Name    string        `json:"name"`
	Tasks   int           `json:"tasks"`
	Command []string      `json:"command"`         // of mgd3, without its shard
	Sharded bool          `json:"sharded"`         // the command takes a shard, that of the task
	After   string        `json:"after,omitempty"` // the stage that it needs; "" is none
	Each    bool          `json:"each,omitempty"`  // task i needs task i of After only
	Heavy   bool          `json:"heavy,omitempty"` // has networks at work, and so needs the GPU
	Units   int           `json:"units"`           // images, classes or trainings of all tasks
	Time    time.Duration `json:"time_ns"`         // of a task by the estimate; 0 where there is none
	Limit   time.Duration `json:"limit_ns"`        // of a task, before it is stopped and queued again
}

// Work is how much a run has to do.
type Work struct {
	Classes, Real, Synthetic int // of the whole run
	Trainings                int // of networks on the set; 0 is no evaluation
	Times
}

// Cut says how a run is cut into tasks.
type Cut struct {
	Tasks    int           // 0 takes as many as make a task last Aim
	Aim      time.Duration // of the longest stage
	Limit    time.Duration // of a task; 0 takes twice the estimate and LeastLimit
	Parallel int           // tasks that may run at once; 0 is as many as the scheduler lets
}

// MostTasks is what a Slurm array may have unless its administrator raised MaxArraySize.
const MostTasks = 1000

// LeastLimit is the shortest time that is asked for: a node and a model of 3 GB need minutes.
const LeastLimit = 10 * time.Minute

// tasks returns how many tasks the longest stage is cut into.
func (c Cut) tasks(w Work) (int, error) {
	if c.Tasks > 0 {
		if c.Tasks > MostTasks {
			return 0, fmt.Errorf("--tasks is %d, want at most %d", c.Tasks, MostTasks)
		}
		return min(c.Tasks, max(1, w.Synthetic)), nil
	}
	longest := max(time.Duration(w.Real)*w.EncodeEach, time.Duration(w.Synthetic)*w.SampleEach)
	if longest <= 0 || c.Aim <= 0 {
		return 0, fmt.Errorf("nothing says how long an image takes, and so how many tasks there should be")
	}
	n := int(math.Ceil(float64(longest) / float64(c.Aim)))
	return max(1, min(n, MostTasks, w.Classes)), nil
}

// limit is what a task is given whose estimate is t.
func (c Cut) limit(t time.Duration) time.Duration {
	if c.Limit > 0 {
		return c.Limit
	}
	return (2*t + LeastLimit).Round(time.Minute)
}

// Commands are the command lines of the stages, without shard and output folder's locks: what the user gave, stage by
// stage.
type Commands struct{ Encode, Modes, Sample, Distill, Merge, Evaluate []string }

// Plan returns the stages of a run in order. Encoding and modes are cut by classes, so there may be fewer of their
// tasks than of sampling; then sampling waits for all of them.
func Plan(w Work, c Cut, cmds Commands) ([]Stage, error) {
	n, err := c.tasks(w)
	if err != nil {
		return nil, err
	}
	byClass := min(n, w.Classes)
	each := func(units, tasks int, one time.Duration) time.Duration {
		return time.Duration(math.Ceil(float64(units)/float64(tasks))) * one
	}
	encode, sample := each(w.Real, byClass, w.EncodeEach), each(w.Synthetic, n, w.SampleEach)
	list := []Stage{
		{Name: Encode, Tasks: byClass, Command: cmds.Encode, Sharded: true, Heavy: true, Units: w.Real, Time: encode},
		{Name: Modes, Tasks: byClass, Command: cmds.Modes, Sharded: true, After: Encode, Each: true, Units: w.Classes},
		{Name: Sample, Tasks: n, Command: cmds.Sample, Sharded: true, After: Modes, Each: n == byClass, Heavy: true,
			Units: w.Synthetic, Time: sample},
		{Name: Merge, Tasks: 1, Command: cmds.Merge, After: Sample, Units: 1},
	}
	return c.limits(append(list, evaluation(w, cmds)...)), nil
}

func evaluation(w Work, cmds Commands) []Stage {
	if w.Trainings == 0 {
		return nil
	}
	return []Stage{
		{Name: Evaluate, Tasks: w.Trainings, Command: cmds.Evaluate, Sharded: true, After: Merge, Heavy: true,
			Units: w.Trainings},
		{Name: Scores, Tasks: 1, Command: cmds.Evaluate, After: Evaluate, Heavy: true, Units: w.Trainings},
	}
}

// limits gives each stage its limit. How long a training takes is not estimated: it has a day, and continues from its
// checkpoint after that.
func (c Cut) limits(stages []Stage) []Stage {
	const training = 24 * time.Hour
	for i := range stages {
		s := &stages[i]
		s.Limit = c.limit(s.Time)
		if s.Name == Evaluate && c.Limit == 0 {
			s.Limit = training
		}
	}
	return stages
}

// Dir is the folder of what is kept on a run's jobs.
func Dir(out string) string { return filepath.Join(out, "cluster") }

// StageDir is the folder of the records of a stage's tasks.
func StageDir(out, stage string) string { return filepath.Join(Dir(out), stage) }
