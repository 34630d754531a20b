package cluster

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"mgd3/store"
)

// Quiet is the time after which a running task that wrote nothing is said to be silent: its node may be gone.
const Quiet = 10 * time.Minute

// Status is how a run goes on.
type Status struct {
	Out    string        `json:"out"`
	Name   string        `json:"name,omitempty"` // of the jobs
	Stages []StageStatus `json:"stages"`
}

// StageStatus is how a stage goes on.
type StageStatus struct {
	Name    string   `json:"name"`
	Tasks   int      `json:"tasks"`
	Done    int      `json:"done"`
	Running int      `json:"running"`
	Waiting int      `json:"waiting"`
	Failed  int      `json:"failed"`
	Units   int      `json:"units"`    // images, classes or trainings that are made
	Of      int      `json:"units_of"` // all tasks'
	Rate    float64  `json:"rate"`     // units a second, of the tasks that run; 0 is not known
	Left    float64  `json:"left_s"`   // seconds at this rate; 0 is not known, or nothing is left
	Faults  []Record `json:"faults"`   // tasks that failed, or are to be tried again after an error
	Silent  []Record `json:"silent"`   // running tasks that wrote nothing for [Quiet]

	Machines map[string]int `json:"machines,omitempty"` // running tasks by the host that they are on
}

// ReadStatus reads how a run is going from the files in its folder, at the moment now. It asks no scheduler.
func ReadStatus(out string, now time.Time) (Status, error) {
	run, err := ReadRun(out)
	if errors.Is(err, ErrNoRun) { // under Kubernetes nothing but the tasks writes there
		var errRecords error
		if run.Stages, errRecords = recorded(out); errRecords != nil || len(run.Stages) > 0 {
			err = errRecords
		}
	}
	if err != nil {
		return Status{}, err
	}
	st := Status{Out: out, Name: run.Name}
	for _, s := range run.Stages {
		st.Stages = append(st.Stages, stageStatus(out, s, run.Found[s.Name], now))
	}
	return st, nil
}

// recorded are the stages of which there are records.
func recorded(out string) (stages []Stage, err error) {
	for _, name := range []string{Encode, Modes, Sample, Distill, Merge, Evaluate, Scores} {
		entries, err := store.ReadDir(StageDir(out, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		var tasks []int
		for _, entry := range entries {
			number, ok := strings.CutSuffix(entry.Name(), ".json")
			if task, err := strconv.Atoi(number); ok && err == nil {
				tasks = append(tasks, task)
			}
		}
		if len(tasks) == 0 {
			continue
		}
		s := Stage{Name: name}
		for _, r := range readRecords(StageDir(out, name), tasks) {
			if r.Tasks < s.Tasks {
				continue
			}
			s.Tasks = r.Tasks
			for _, c := range r.Work {
				s.Units += c.Total
			}
		}
		stages = append(stages, s)
	}
	return stages, nil
}

// stageStatus reads the records of a stage's tasks, of which found were complete before.
func stageStatus(out string, s Stage, found []int, now time.Time) StageStatus {
	// no null in JSON
	st := StageStatus{Name: s.Name, Tasks: s.Tasks, Of: s.Units, Faults: []Record{}, Silent: []Record{}}
	tasks := make([]int, s.Tasks)
	for task := range tasks {
		tasks[task] = task
	}
	for task, r := range readRecords(StageDir(out, s.Name), tasks) {
		if r.Tasks != s.Tasks { // of another cut
			r = Record{State: Waiting}
		}
		if r.State == Waiting && r.Attempt == 0 && slices.Contains(found, task) {
			r.State = Done
		}
		st.add(s, task, r, now)
	}
	if left := float64(st.Of - st.Units); st.Rate > 0 && left > 0 {
		st.Left = left / st.Rate
	}
	return st
}

func (st *StageStatus) add(s Stage, task int, r Record, now time.Time) {
	share := s.Units*(task+1)/s.Tasks - s.Units*task/s.Tasks
	switch r.State {
	case Done:
		st.Done++
		st.Units += share
		return
	case Running:
		st.Running++
		if st.Machines == nil {
			st.Machines = map[string]int{}
		}
		st.Machines[r.Host]++
		if t := r.Updated.Sub(r.Began).Seconds(); t > 0 && !trains(s) {
			st.Rate += float64(r.made()) / t
		}
		if now.Sub(r.Updated) > Quiet {
			st.Silent = append(st.Silent, r)
		}
	case Failed:
		st.Failed++
	default:
		st.Waiting++
	}
	if !trains(s) {
		st.Units += min(share, r.done())
	}
	if r.Message != "" {
		st.Faults = append(st.Faults, r)
	}
}

// trains reports whether a stage's tasks count epochs, which are no units.
func trains(s Stage) bool { return s.Name == Evaluate || s.Name == Scores }

// Complete reports whether all tasks of all stages are done.
func (s Status) Complete() bool {
	return !slices.ContainsFunc(s.Stages, func(st StageStatus) bool { return st.Done < st.Tasks })
}

// Text writes the status for people.
func (s Status) Text(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "stage\ttasks\tdone\trunning\twaiting\tfailed\tunits\ta second\tleft\t")
	for _, st := range s.Stages {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d of %d\t%s\t%s\t\n", st.Name, st.Tasks, st.Done, st.Running,
			st.Waiting,
			st.Failed, st.Units, st.Of, unknown(st.Rate, "%.3g"), left(st.Left))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, st := range s.Stages {
		for _, r := range st.Faults {
			fmt.Fprintf(w, "%s %s\n", st.Name, r.said())
		}
		for _, r := range st.Silent {
			fmt.Fprintf(w, "%s %d on %s: nothing since %s\n", st.Name, r.Task, r.Host, r.Updated.Format(time.DateTime))
		}
	}
	return nil
}

// said is what became of a task.
func (r Record) said() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d on %s, %s after try %d with exit code %d: %s", r.Task, r.Host, r.State, r.Attempt, r.Code,
		r.Message)
	if r.Hint != "" {
		fmt.Fprintf(&b, " (%s)", r.Hint)
	}
	return b.String()
}

func unknown(v float64, format string) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf(format, v)
}

func left(seconds float64) string {
	if seconds == 0 {
		return "-"
	}
	return (time.Duration(seconds) * time.Second).Round(time.Second).String()
}
