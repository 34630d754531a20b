// Package devices runs a program once for each device, each time with a shard of the work and one device that it sees,
// over the same output folder, and makes one progress of theirs. A process that dies takes no other's work with it.
package devices

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"mgd3/distill"
	"mgd3/stage"
)

// Visible is the variable that shows a process some of the NVIDIA devices only.
const Visible = "CUDA_VISIBLE_DEVICES"

// Parse returns what Visible is set to for each process. shown is what it was set to before, "" if all devices are
// shown.
func Parse(list, shown string) ([]string, error) {
	var devices []string
	if n, err := strconv.Atoi(list); err == nil {
		if n < 1 || n > 1024 {
			return nil, fmt.Errorf("--devices is %d, want at least 1", n)
		}
		for i := range n {
			devices = append(devices, strconv.Itoa(i))
		}
	} else {
		for part := range strings.SplitSeq(strings.TrimSuffix(list, ","), ",") {
			if i, err := strconv.Atoi(part); err != nil || i < 0 || slices.Contains(devices, part) {
				return nil,
					fmt.Errorf("--devices is %q, want a number of devices, or different device numbers with "+
						"commas", list)
			}
			devices = append(devices, part)
		}
	}
	if shown == "" {
		return devices, nil
	}
	// numbers count within what was shown, whose names may be UUIDs
	names := strings.Split(shown, ",")
	for k, device := range devices {
		if i, _ := strconv.Atoi(device); i < len(names) {
			devices[k] = names[i]
		} else {
			return nil, fmt.Errorf("--devices wants device %s, and %s=%s shows %d", device, Visible, shown, len(names))
		}
	}
	return devices, nil
}

// Worker is the process for one device.
type Worker struct {
	Device string // as Visible names it
	Shard  stage.Shard
}

// RunAll runs a process for each device, which does its part of a shard of the work, and returns the first error; the
// others are then interrupted. show is told of their joint progress.
func RunAll(ctx context.Context, devices []string, shard stage.Shard,
	command func(context.Context, Worker) *exec.Cmd, show func(stage.Event)) error {
	n := len(devices)
	all := NewJoint(n, show)
	group, inner := errgroup.WithContext(ctx)
	for i, device := range devices {
		// part i of n of part Index of Count
		w := Worker{Device: device, Shard: stage.Shard{Index: shard.Index*n + i, Count: shard.Count * n}}
		group.Go(func() error {
			return w.Run(inner, command(inner, w), func(event stage.Event) { all.Event(i, event) })
		})
	}
	// a process that was interrupted has an error of its own: the reason is the context's
	err := group.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// Failure is how a process ended, by its own words.
type Failure struct {
	Code    int    // its exit code, 1 if it has none
	Hint    string // its advice, if any
	message string
}

func (f *Failure) Error() string { return f.message }

// Run starts the process, passes its events on and waits for its end. If ctx ends, the process is interrupted as by
// Ctrl-C. One that ends badly is a [*Failure].
func (w Worker) Run(ctx context.Context, c *exec.Cmd, event func(stage.Event)) error {
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	// for what it has begun; then it is killed, and what it made is whole anyway
	c.WaitDelay = 10 * time.Second
	messages := &tail{}
	c.Stderr = messages
	out, in := io.Pipe()
	c.Stdout = in
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var e stage.Event
			if json.Unmarshal(lines.Bytes(), &e) == nil && e.Stage != "" {
				event(e)
			}
		}
		_, _ = io.Copy(io.Discard, out) // after a line that is too long
	}()
	err := c.Run()
	in.Close()
	<-read
	if err == nil {
		return nil
	}
	code, message, hint := 1, err.Error(), ""
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		code = exit.ExitCode()
	}
	for line := range strings.Lines(messages.String()) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, "mgd3: error: "); ok {
			message = text
		} else if text, ok := strings.CutPrefix(line, "mgd3: hint: "); ok {
			hint = text
		}
	}
	if code == 1 && message == err.Error() && messages.String() != "" { // it ended without a word of its own
		message += ", after " + strings.TrimSpace(messages.String())
	}
	return &Failure{Code: code, Hint: hint, message: fmt.Sprintf("device %s, shard %v: %s", w.Device, w.Shard, message)}
}

// tail keeps the last of what is written to it.
type tail struct{ bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	const most = 1 << 14
	n, err := t.Buffer.Write(p)
	if extra := t.Len() - most; extra > 0 {
		t.Next(extra)
	}
	return n, err
}

// Joint makes one progress of that of several processes: that of the earliest stage that any of them is in.
type Joint struct {
	mu    sync.Mutex
	show  func(stage.Event)
	last  []map[string]stage.Event // of each process and stage
	stage []int                    // of each process
	said  map[stage.Event]bool     // warnings: most say the same in all processes
}

var stages = []string{distill.StageEncode, distill.StageModes, distill.StageSample}

// NewJoint is of n processes, and calls show.
func NewJoint(n int, show func(stage.Event)) *Joint {
	j := &Joint{show: show, last: make([]map[string]stage.Event, n), stage: make([]int, n),
		said: map[stage.Event]bool{}}
	for i := range j.last {
		j.last[i] = map[string]stage.Event{}
	}
	return j
}

// Event is told of one event of the i-th process.
func (j *Joint) Event(i int, e stage.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if e.Warning != "" {
		e = stage.Event{Stage: e.Stage, Class: e.Class, Warning: e.Warning}
		// without the counts, so that equal warnings are equal
		if !j.said[e] {
			j.said[e] = true
			j.show(e)
		}
		return
	}
	j.last[i][e.Stage] = e
	// a process that is behind decides which stage is shown: sums of two stages would mean nothing
	j.stage[i] = max(j.stage[i], slices.Index(stages, e.Stage))
	sum := stage.Event{Stage: stages[slices.Min(j.stage)], Class: e.Class}
	for _, last := range j.last {
		of := last[sum.Stage]
		sum.Done, sum.Total, sum.Kept = sum.Done+of.Done, sum.Total+of.Total, sum.Kept+of.Kept
	}
	if sum.Stage == e.Stage {
		j.show(sum)
	}
}
