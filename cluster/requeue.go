package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Ended says that a task's command failed: its exit code.
type Ended int

func (e Ended) Error() string { return fmt.Sprintf("the task ended with exit code %d", int(e)) }

// RunQueued is [Task.Run]; a command that fails is an [Ended]. Within Slurm, a task that another try may help is put
// back into the queue. Then it waits until Slurm ends it, at most for its Patience: an end of its own would look like
// a failure.
func (t Task) RunQueued(ctx context.Context) error {
	code, again, err := t.Run(ctx)
	if err != nil || code == 0 {
		return err
	}
	end := Ended(code)
	if !again || t.Requeue == nil || t.Job == "" {
		return end
	}
	late, stop := context.WithTimeout(context.WithoutCancel(ctx), t.Patience)
	defer stop()
	queued, err := requeue(late, t.Job, t.Requeue)
	switch {
	case err != nil:
		return errors.Join(end, err)
	case !queued:
		return end
	}
	fmt.Fprintln(t.Log, "mgd3: the task is queued again:", end)
	<-late.Done()
	return end
}

// requeue puts the task that runs under Slurm back into the queue, from within it. It does nothing and says no where
// the task has been cancelled.
func requeue(ctx context.Context, job string, do Command) (bool, error) {
	text, err := do(ctx, "", "scontrol", "--oneliner", "show", "job", job)
	if err != nil {
		return false, err
	}
	if !strings.Contains(text, "JobState=RUNNING") {
		return false, nil
	}
	_, err = do(ctx, "", "scontrol", "requeue", job)
	return err == nil, err
}
