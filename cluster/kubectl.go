package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrFailed says that a job failed.
var ErrFailed = errors.New("failed")

// job is what is read of a Job.
type job struct {
	Status struct {
		Succeeded     int    `json:"succeeded"`
		FailedIndexes string `json:"failedIndexes"`
		Conditions    []struct {
			Type   string `json:"type"`
			Status string `json:"status"`
		} `json:"conditions"`
	} `json:"status"`
}

func (j job) is(condition string) bool {
	for _, c := range j.Status.Conditions {
		if c.Type == condition && c.Status == "True" {
			return true
		}
	}
	return false
}

// Apply goes on with a run by kubectl: it applies the first stage's job that is not complete. A job that failed is
// deleted and applied anew: its tasks keep what is made. told is given a line for each job. It reports whether all are
// complete.
func (k Kubernetes) Apply(ctx context.Context, out string, stages []Stage, do Command,
	told func(string)) (bool, error) {
	return k.apply(ctx, out, stages, do, map[string]bool{}, told)
}

// apply is Apply, to which a failure of one of the jobs that it has seen at work is an [ErrFailed].
func (k Kubernetes) apply(ctx context.Context, out string, stages []Stage, do Command, seen map[string]bool,
	told func(string)) (bool, error) {
	for _, s := range stages {
		name := k.Name + "-" + s.Name
		text, err := do(ctx, "", "kubectl", k.in("get", "job", name, "--ignore-not-found", "-o", "json")...)
		if err != nil {
			return false, err
		}
		var j job
		there := strings.TrimSpace(text) != ""
		if there {
			if err := json.Unmarshal([]byte(text), &j); err != nil {
				return false, fmt.Errorf("%w: kubectl get job %s: %w", ErrScheduler, name, err)
			}
		}
		switch {
		case there && j.is("Complete"):
			told(fmt.Sprintf("%s: complete", name))
			continue
		case there && !j.is("Failed"):
			seen[name] = true
			told(fmt.Sprintf("%s: at work, %d of %d tasks are done", name, j.Status.Succeeded, s.Tasks))
			return false, nil
		case there && seen[name]:
			return false, fmt.Errorf("%s: tasks %s %w", name, j.Status.FailedIndexes, ErrFailed)
		case there:
			told(fmt.Sprintf("%s: tasks %s failed; it is deleted and applied anew, and keeps what is made", name,
				j.Status.FailedIndexes))
			if _, err := do(ctx, "", "kubectl", k.in("delete", "job", name, "--wait")...); err != nil {
				return false, err
			}
		}
		var yaml bytes.Buffer
		if err := k.Job(&yaml, out, s); err != nil {
			return false, err
		}
		if _, err := do(ctx, yaml.String(), "kubectl", k.in("apply", "-f", "-")...); err != nil {
			return false, err
		}
		seen[name] = true
		told(fmt.Sprintf("%s: applied, %d tasks", name, s.Tasks))
		return false, nil
	}
	return true, nil
}

// look is how often ApplyAll asks how a job goes on.
const look = 10 * time.Second

// ApplyAll goes on with a run by [Kubernetes.Apply] until all jobs are complete. told is given a line for each change.
// A job that fails meanwhile is an [ErrFailed]: Kubernetes has tried again what another try may help.
func (k Kubernetes) ApplyAll(ctx context.Context, out string, stages []Stage, do Command, told func(string)) error {
	said, seen := map[string]bool{}, map[string]bool{}
	for {
		all, err := k.apply(ctx, out, stages, do, seen, func(line string) {
			if !said[line] {
				told(line)
			}
			said[line] = true
		})
		if err != nil || all {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(look):
		}
	}
}

// in are arguments of kubectl for the namespace of the jobs.
func (k Kubernetes) in(args ...string) []string {
	if k.Namespace != "" {
		args = append(args, "--namespace="+k.Namespace)
	}
	return args
}
