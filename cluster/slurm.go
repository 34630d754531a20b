package cluster

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/store"
)

// ErrScheduler says that a scheduler's command is not there, or refused.
var ErrScheduler = errors.New("the scheduler")

// ErrCut says that a run's tasks are in the queue, cut in another way.
var ErrCut = errors.New("tasks of this run are in the queue that are cut in another way")

// Command runs a program of the scheduler and returns what it prints.
type Command func(ctx context.Context, stdin, name string, args ...string) (string, error)

// Execute is the [Command] of the machine.
func Execute(ctx context.Context, stdin, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	var out, said bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &said
	err := c.Run()
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("%w: %q is not on this machine", ErrScheduler, name)
	case err != nil:
		text := strings.Join(strings.Fields(said.String()), " ")
		if text == "" {
			text = err.Error()
		}
		return "", fmt.Errorf("%w: %s: %s", ErrScheduler, name, text)
	}
	return out.String(), nil
}

// NameOf is the name of a run's jobs: its own for each output folder.
func NameOf(out string) (string, error) {
	path := out
	if !store.Is(out) {
		var err error
		if path, err = filepath.Abs(out); err != nil {
			return "", err
		}
	}
	sum := sha256.Sum256([]byte(path))
	return "mgd3-" + hex.EncodeToString(sum[:4]), nil
}

// logsDir is the folder where Slurm writes what the tasks of a run say: beside their records, or, where those are in a
// bucket, a folder of the run's name where the command is given.
func logsDir(out, name string) string {
	if store.Is(out) {
		return name
	}
	return Dir(out)
}

// Scripts returns the scripts of what would be submitted of a run of which nothing is queued, by stage. Dependencies
// name stages where there will be jobs.
func (s Slurm) Scripts(name, out string, stages []Stage, missing map[string][]int) (list []string) {
	b := submission{stages, missing, Queue{}, map[string]bool{}}
	for _, st := range stages {
		batches, _ := b.batches(st)
		for _, batch := range batches {
			job := "$" + strings.ToUpper(st.Name)
			list = append(list, s.script(name, out, st, batch.Tasks, batch.After))
			for _, task := range batch.Tasks {
				b.queue.put(st.Name, task, job)
			}
			b.fresh[job] = true
		}
	}
	return list
}

// Here completes the settings of a run by the program that runs and the folder that it runs in.
func (s *Slurm) Here(out string) error {
	name, err := NameOf(out)
	if err != nil {
		return err
	}
	s.Logs = logsDir(out, name)
	if s.Program, err = os.Executable(); err != nil {
		return err
	}
	s.Dir, err = os.Getwd()
	return err
}

// Start keeps a record of a run, or of more of it, and submits what is missing. told is called for each submission. It
// returns how many there were, also with an error, and how many tasks are queued already.
func (s Slurm) Start(ctx context.Context, out string, stages []Stage, missing map[string][]int, do Command,
	told func(Submission)) (fresh, queued int, err error) {
	name, err := NameOf(out)
	if err != nil {
		return 0, 0, err
	}
	run, err := NewRun("slurm", name, out, stages, s, missing)
	if err != nil {
		return 0, 0, err
	}
	queued, err = s.Submit(ctx, run, out, missing, do, func(j Submission) {
		fresh++
		told(j)
	})
	return fresh, queued, err
}

// Print writes the scripts of what would be submitted of a run of which nothing is queued.
func (s Slurm) Print(w io.Writer, out string, stages []Stage, missing map[string][]int) error {
	name, err := NameOf(out)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, strings.Join(s.Scripts(name, out, stages, missing), "\n"))
	return err
}

// Text writes the submission for people, in a line.
func (j Submission) Text(w io.Writer) error {
	after := ""
	if j.After != "" {
		after = ", " + j.After
	}
	_, err := fmt.Fprintf(w, "%-16s job %s, tasks %s%s\n", j.Stage, j.Job, j.Tasks, after)
	return err
}

// Submit submits the tasks that are missing and not queued, and keeps the jobs in the run's folder as they come. told
// is called for each. It returns how many tasks are queued already.
func (s Slurm) Submit(ctx context.Context, run *Run, out string, missing map[string][]int, do Command,
	told func(Submission)) (queued int, err error) {
	queue, err := ask(ctx, run.names(), do)
	if err != nil {
		return 0, err
	}
	if len(queue) > 0 && !run.sameCut {
		return 0, fmt.Errorf("%q: %w", out, ErrCut)
	}
	b := submission{run.Stages, missing, queue, map[string]bool{}}
	if err := run.write(out); err != nil {
		return 0, err
	}
	for _, st := range run.Stages {
		batches, stale := b.batches(st)
		for _, task := range stale {
			if _, err := do(ctx, "", "scancel", queue[st.Name][task]+"_"+strconv.Itoa(task)); err != nil {
				return queued, err
			}
		}
		queued += len(queue[st.Name]) - len(stale)
		for _, batch := range batches {
			job, err := s.submit(ctx, run, out, batch, do)
			if err != nil {
				return queued, err
			}
			for _, task := range batch.Tasks {
				queue.put(st.Name, task, job)
			}
			b.fresh[job] = true
			told(run.Submitted[len(run.Submitted)-1])
		}
	}
	return queued, nil
}

// submit submits one batch and keeps its job.
func (s Slurm) submit(ctx context.Context, run *Run, out string, batch Batch, do Command) (job string, err error) {
	dir, logs := StageDir(out, batch.Stage.Name), absolute(s.Dir, filepath.Join(s.Logs, batch.Stage.Name))
	if err := os.MkdirAll(logs, 0o755); err != nil { // Slurm does not make the folder of its logs
		return "", atomicfile.Failed(logs, err)
	}
	for _, task := range batch.Tasks { // what failed before is not taken for now
		if err := atomicfile.Remove(recordFile(dir, task)); err != nil {
			return "", err
		}
	}
	script := s.script(run.Name, out, batch.Stage, batch.Tasks, batch.After)
	text, err := do(ctx, script, "sbatch", "--parsable")
	if err != nil {
		return "", err
	}
	job, _, _ = strings.Cut(strings.TrimSpace(text), ";") // behind it may be the cluster's name
	if _, err := strconv.Atoi(job); err != nil {
		return "", fmt.Errorf("%w: sbatch printed %q, want the number of a job", ErrScheduler, text)
	}
	run.Submitted = append(run.Submitted, Submission{batch.Stage.Name, job, Ranges(batch.Tasks), batch.After,
		time.Now()})
	file := filepath.Join(Dir(out), batch.Stage.Name+"-"+job+".sh")
	return job, errors.Join(atomicfile.WriteBytes(file, []byte(script)), run.write(out))
}

// ask returns which tasks of the jobs of these names are queued or running. The names tell, and not what was kept:
// who is killed between a submission and its note submits nothing twice.
func ask(ctx context.Context, names []string, do Command) (Queue, error) {
	text, err := do(ctx, "", "squeue", "--noheader", "--array", "--name="+strings.Join(names, ","), "--format=%F|%K|%j")
	if err != nil {
		return nil, err
	}
	q := Queue{}
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), "|")
		if len(fields) != 3 || !slices.Contains(names, fields[2]) {
			continue
		}
		if task, err := strconv.Atoi(fields[1]); err == nil {
			q.put(fields[2][strings.LastIndexByte(fields[2], '-')+1:], task, fields[0])
		}
	}
	return q, nil
}

// Cancel takes all jobs of a run out of the queue, and stops those that run.
func Cancel(ctx context.Context, run Run, do Command) error {
	for _, name := range run.names() { // it takes one name at a time
		if _, err := do(ctx, "", "scancel", "--name="+name); err != nil {
			return err
		}
	}
	return nil
}

// NewRun is a record of a run under a scheduler, with the jobs of earlier submissions.
func NewRun(scheduler, name, out string, stages []Stage, settings any, missing map[string][]int) (*Run, error) {
	old, err := ReadRun(out)
	if err != nil && !errors.Is(err, ErrNoRun) {
		return nil, err
	}
	run := &Run{Version: stage.Version, Scheduler: scheduler, Name: name, Stages: stages, Settings: settings,
		Submitted: old.Submitted, Found: Found{}}
	run.sameCut = slices.EqualFunc(stages, old.Stages,
		func(a, b Stage) bool { return a.Name == b.Name && a.Tasks == b.Tasks })
	for _, s := range stages {
		toDo := setOf(missing[s.Name])
		for task := range s.Tasks {
			if !toDo[task] {
				run.Found[s.Name] = append(run.Found[s.Name], task)
			}
		}
	}
	return run, nil
}
