package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"mgd3/stage/atomicfile"
)

// State is how far a task is.
type State string

const (
	Waiting State = "waiting" // not begun, or to be tried again
	Running State = "running"
	Done    State = "done"
	Failed  State = "failed" // and not tried again
)

// Count is units of work.
type Count struct {
	Done  int `json:"done"`
	Kept  int `json:"kept"` // of Done: found complete
	Total int `json:"total"`
}

// Record is what a task is doing. It is a file of its own, written by the task's process alone.
type Record struct {
	Stage   string           `json:"stage"`
	Task    int              `json:"task"` // from 0
	Tasks   int              `json:"tasks"`
	State   State            `json:"state"`
	Job     string           `json:"job,omitempty"` // the scheduler's name of it
	Host    string           `json:"host"`
	Attempt int              `json:"attempt"` // from 1
	Vain    int              `json:"vain"`    // attempts up to the last one that ended badly and made nothing
	Began   time.Time        `json:"began"`   // this attempt
	Updated time.Time        `json:"updated"`
	Work    map[string]Count `json:"work,omitempty"`    // by the stage that the command said
	Code    int              `json:"code,omitempty"`    // exit code of the last attempt that ended
	Message string           `json:"message,omitempty"` // its last error
	Hint    string           `json:"hint,omitempty"`
}

// made is how much of the work was done in this attempt.
func (r Record) made() int {
	n := 0
	for _, c := range r.Work {
		n += c.Done - c.Kept
	}
	return n
}

// done and total are all units that the attempt spoke of.
func (r Record) done() (n int) {
	for _, c := range r.Work {
		n += c.Done
	}
	return n
}

func recordFile(dir string, task int) string {
	return filepath.Join(dir, fmt.Sprintf("%04d.json", task))
}

// ReadRecord reads the record of a task; one that is not there, or cannot be read, is an empty one: the task writes it
// again.
func ReadRecord(dir string, task int) Record {
	var r Record
	data, err := atomicfile.Read(recordFile(dir, task), atomicfile.MostText)
	if err != nil || json.Unmarshal(data, &r) != nil {
		return Record{}
	}
	return r
}

// readRecords reads the records of tasks, several at once: each is a request where they are in a bucket.
func readRecords(dir string, tasks []int) []Record {
	const atOnce = 16
	records := make([]Record, len(tasks))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, task := range tasks {
		group.Go(func() error { records[i] = ReadRecord(dir, task); return nil })
	}
	_ = group.Wait() // none fails
	return records
}

func (r Record) write(dir string) error { return atomicfile.WriteJSON(recordFile(dir, r.Task), r) }

// Run is what is kept on the jobs of a run.
type Run struct {
	Version   string       `json:"version"`
	Scheduler string       `json:"scheduler"`
	Name      string       `json:"name"` // of the jobs, with a dash and the stage behind it
	Stages    []Stage      `json:"stages"`
	Settings  any          `json:"settings"` // those of the scheduler
	Found     Found        `json:"found,omitempty"`
	Submitted []Submission `json:"submitted"`

	sameCut bool // the run that was there before was cut into the same tasks
}

// Found are the tasks of each stage that were complete at the last submission.
type Found map[string][]int

// Submission is one job.
type Submission struct {
	Stage string    `json:"stage"`
	Job   string    `json:"job"`
	Tasks string    `json:"tasks"` // as ranges, 0-3,7
	After string    `json:"after,omitempty"`
	At    time.Time `json:"at"`
}

// ErrNoRun says that nothing was submitted for a run.
var ErrNoRun = errors.New("nothing was submitted for it")

func runFile(out string) string { return filepath.Join(Dir(out), "run.json") }

// ReadRun reads what was submitted for the run in an output folder; nothing is an [ErrNoRun].
func ReadRun(out string) (Run, error) {
	var r Run
	data, err := atomicfile.Read(runFile(out), atomicfile.MostText)
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%q: %w", out, ErrNoRun)
	}
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("%q is no record of jobs: %w", runFile(out), err)
	}
	return r, nil
}

func (r Run) write(out string) error { return atomicfile.WriteJSON(runFile(out), r) }

// names are the names of the run's jobs.
func (r Run) names() []string {
	seen := map[string]bool{}
	for _, s := range r.Stages {
		seen[r.Name+"-"+s.Name] = true
	}
	return slices.Sorted(maps.Keys(seen))
}
