package cluster

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"mgd3/stage"
)

// TestRunQueued: only a task that may heal, of a job, goes back into the queue, unless it was cancelled.
func TestRunQueued(t *testing.T) {
	const asked = "scontrol --oneliner show job 77"
	for _, c := range []struct {
		name, script, job, state string
		code                     int
		calls                    string
	}{
		{"done", "exit 0", "77", "JobState=RUNNING", 0, ""},
		{"never heals", "exit 4", "77", "JobState=RUNNING", 4, ""},
		{"not under Slurm", "exit 5", "", "JobState=RUNNING", 5, ""},
		{"cancelled", "exit 5", "77", "JobState=COMPLETING", 5, asked},
		{"queued again", "exit 5", "77", "JobState=RUNNING", 5, asked + "; scontrol requeue 77"},
		{"the scheduler is down", "exit 5", "77", "", 5, asked},
	} {
		var calls []string
		var log bytes.Buffer
		down := errors.New("down")
		task := Task{Dir: t.TempDir(), Stage: Encode, Shard: stage.Whole, Job: c.job, Program: program(t, c.script),
			Retries: 2, Log: &log, Patience: time.Millisecond,
			Requeue: func(_ context.Context, _, name string, args ...string) (string, error) {
				calls = append(calls, name+" "+strings.Join(args, " "))
				if c.state == "" {
					return "", down
				}
				return "JobId=77 " + c.state, nil
			}}
		err := task.RunQueued(t.Context())
		var ended Ended
		if errors.As(err, &ended); int(ended) != c.code || (c.state == "") != errors.Is(err, down) {
			t.Errorf("%s: got %v", c.name, err)
		}
		if got := strings.Join(calls, "; "); got != c.calls {
			t.Errorf("%s: got the calls %q, want %q", c.name, got, c.calls)
		}
		if queued := strings.Contains(log.String(), "queued again"); queued != (c.name == "queued again") {
			t.Errorf("%s: it said %q", c.name, log.String())
		}
	}
}
