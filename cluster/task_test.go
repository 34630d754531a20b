package cluster

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mgd3/stage"
)

// program writes a program that does what the text of a shell script says.
func program(t *testing.T, script string) string {
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTask: a record says what became of each attempt, and whether another may help.
func TestTask(t *testing.T) {
	dir := t.TempDir()
	made := `echo '{"stage":"encode","done":3,"total":9,"kept":1}'; `
	for i, c := range []struct {
		name, script string
		code         int
		again        bool
		state        State
		vain         int
		message      string
		work         Count
	}{
		{"nothing is made", `echo 'mgd3: error: the disk is full' >&2; echo 'mgd3: hint: make room' >&2; exit 5`, 5,
			true, Waiting, 1,
			"the disk is full", Count{}},
		{"in vain again", `exit 6`, 6, true, Waiting, 2, "ended with exit code 6, and without a word", Count{}},
		{"something is made", made + `exit 130`, 130, true, Waiting, 0, "ended with exit code 130, and without a word",
			Count{3, 1, 9}},
		{"killed", `kill -9 $$`, 137, true, Waiting, 1, "ended with exit code 137, and without a word", Count{}},
		{"two", `exit 1`, 1, true, Waiting, 2, "ended with exit code 1, and without a word", Count{}},
		{"three: it is given up", `echo 'panic: oh' >&2; exit 1`, 1, false, Failed, 3, "panic: oh", Count{}},
		{"submitted anew", `exit 1`, 1, true, Waiting, 1, "ended with exit code 1, and without a word", Count{}},
		{"it never heals", made + `echo 'mgd3: error: bad model' >&2; exit 4`, 4, false, Failed, 0, "bad model",
			Count{3, 1, 9}},
		{"done", `echo '{"stage":"encode","done":9,"total":9,"kept":3}'`, 0, false, Done, 0, "", Count{9, 3, 9}},
	} {
		task := Task{Dir: dir, Stage: Encode, Shard: stage.Shard{Index: 2, Count: 5}, Job: "77",
			Program: program(t, c.script),
			Retries: 2, Log: &bytes.Buffer{}, Patience: time.Minute}
		code, again, err := task.Run(t.Context())
		r := ReadRecord(dir, 2)
		if err != nil || code != c.code || again != c.again || r.State != c.state || r.Vain != c.vain ||
			r.Message != c.message ||
			r.Work[Encode] != c.work || r.Attempt != i+1 || r.Code != c.code || r.Job != "77" || r.Tasks != 5 {
			t.Errorf("%s: got code %d, again %v, error %v, record %+v", c.name, code, again, err, r)
		}
	}
}

// TestTaskStops: a task that is told to stop tells its command, and takes its end for one that may be gone on from.
func TestTaskStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	log := &cancels{cancel: cancel}
	task := Task{Dir: t.TempDir(), Stage: Sample, Shard: stage.Whole, Log: log, Patience: time.Minute,
		Program: program(t, `trap 'exit 130' TERM; echo ready; while :; do :; done`)}
	code, again, err := task.Run(ctx)
	if code != 130 || again || err != nil { // no retries, and nothing made
		t.Errorf("got code %d, again %v, error %v", code, again, err)
	}
	if r := ReadRecord(task.Dir, 0); r.State != Failed || r.Code != 130 {
		t.Errorf("got record %+v", r)
	}
}

// cancels calls cancel when it is written to.
type cancels struct{ cancel func() }

func (c *cancels) Write(p []byte) (int, error) { c.cancel(); return len(p), nil }

// TestTaskWasKilled: what a task that was killed left says whether it had made something.
func TestTaskWasKilled(t *testing.T) {
	for _, c := range []struct {
		work map[string]Count
		vain int
	}{{nil, 3}, {map[string]Count{Sample: {Done: 4, Kept: 4, Total: 9}}, 3},
		{map[string]Count{Sample: {Done: 5, Kept: 4}}, 0}} {
		task := Task{Dir: t.TempDir(), Stage: Sample, Shard: stage.Whole}
		if err := (Record{State: Running, Vain: 2, Work: c.work}).write(task.Dir); err != nil {
			t.Fatal(err)
		}
		if r := task.begin(); r.Vain != c.vain {
			t.Errorf("after %v: %d attempts in vain, want %d", c.work, r.Vain, c.vain)
		}
	}
}

// TestEpochs: a training that continues from its checkpoint made the epochs after it.
func TestEpochs(t *testing.T) {
	task := Task{Dir: t.TempDir(), Stage: Evaluate, Shard: stage.Whole, Log: &bytes.Buffer{}, Patience: time.Minute,
		Program: program(t, `for i in 7 8 9; do echo `+
			`'{"set":"s","net":"convnet3","seed":1,"epoch":'$i',"epochs":9}'; done`)}
	if _, _, err := task.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := ReadRecord(task.Dir, 0).Work["convnet3, seed 1"], (Count{9, 6, 9}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestStatus(t *testing.T) {
	out := t.TempDir()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	run := Run{Name: "mgd3-1", Stages: []Stage{{Name: Encode, Tasks: 3, Units: 30}, {Name: Sample, Tasks: 3, Units: 9},
		{Name: Evaluate, Tasks: 2, Units: 2}}, Found: Found{Encode: {0, 1}}}
	if _, err := ReadStatus(out, now); err == nil || !strings.Contains(err.Error(), out) {
		t.Errorf("nothing submitted: got error %v", err)
	}
	for _, err := range []error{run.write(out),
		(Record{Task: 2, Tasks: 3, State: Done, Attempt: 1}).write(StageDir(out, Encode)),
		(Record{Task: 0, Tasks: 3, State: Running, Attempt: 1, Host: "n1", Began: now.Add(-time.Minute), Updated: now,
			Work: map[string]Count{Sample: {2, 0, 3}}}).write(StageDir(out, Sample)),
		(Record{Task: 1, Tasks: 3, State: Running, Attempt: 1, Host: "n2", Began: now.Add(-time.Hour),
			Updated: now.Add(-time.Hour)}).write(StageDir(out, Sample)),
		(Record{Task: 2, Tasks: 3, State: Failed, Attempt: 4, Host: "n3", Code: 4, Message: "bad model",
			Hint: "take another"}).write(StageDir(out, Sample)),
		(Record{Task: 0, Tasks: 7, State: Failed, Message: "of another cut"}).write(StageDir(out, Evaluate)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := ReadStatus(out, now)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := s.Text(&b); err != nil {
		t.Fatal(err)
	}
	const want = `
     stage  tasks  done  running  waiting  failed     units  a second   left
    encode      3     3        0        0       0  30 of 30         -      -
    sample      3     0        2        0       1    2 of 9    0.0333  3m30s
  evaluate      2     0        0        2       0    0 of 2         -      -
sample 2 on n3, failed after try 4 with exit code 4: bad model (take another)
sample 1 on n2: nothing since 2026-01-02 02:04:05
`
	if "\n"+b.String() != want {
		t.Errorf("got\n%s\nwant%s", b.String(), want)
	}
	if s.Complete() {
		t.Error("it is said to be complete")
	}
}
