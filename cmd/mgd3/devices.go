package main

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
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"mgd3/distill"
	"mgd3/stage"
)

// --devices: the program starts itself once for each device, each with a shard of the work and one device that it sees, over the same
// output folder. A process that dies takes no other's work with it.

// visible is the variable that shows a process some of the NVIDIA devices only.
const visible = "CUDA_VISIBLE_DEVICES"

// parseDevices returns what visible is set to for each process. shown is what it was set to before, "" if all devices are shown.
func parseDevices(list, shown string) ([]string, error) {
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
				return nil, fmt.Errorf("--devices is %q, want a number of devices, or different device numbers with commas", list)
			}
			devices = append(devices, part)
		}
	}
	if shown == "" {
		return devices, nil
	}
	names := strings.Split(shown, ",")
	for k, device := range devices {
		if i, _ := strconv.Atoi(device); i < len(names) {
			devices[k] = names[i]
		} else {
			return nil, fmt.Errorf("--devices wants device %s, and %s=%s shows %d", device, visible, shown, len(names))
		}
	}
	return devices, nil
}

// worker is the process for one device.
type worker struct {
	device string
	shard  stage.Shard
}

// onDevices runs the command once for each device of --devices, and returns the first error.
func (e *env) onDevices(ctx context.Context, o *options, cmd *cobra.Command) error {
	devices, err := parseDevices(o.run.devices, os.Getenv(visible))
	if err != nil {
		return fail(exitUsage, "", err)
	}
	shard, err := o.run.part()
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	args := sameFlags(cmd)
	all := newJoint(len(devices), newProgress(e.stdout, e.stderr, e.quiet, e.json).event)
	group, inner := errgroup.WithContext(ctx)
	for i, device := range devices {
		w := worker{device, stage.Shard{Index: shard.Index*len(devices) + i, Count: shard.Count * len(devices)}}
		group.Go(func() error {
			c := exec.CommandContext(inner, program)
			c.Args = slices.Concat([]string{os.Args[0], cmd.Name()}, args, []string{"--shard=" + w.shard.String(), "--json"})
			c.Env = append(os.Environ(), visible+"="+device)
			if !isXLA(e.backend) && os.Getenv("GOMAXPROCS") == "" {
				c.Env = append(c.Env, fmt.Sprintf("GOMAXPROCS=%d", max(1, runtime.GOMAXPROCS(0)/len(devices))))
			}
			return w.run(inner, c, func(event stage.Event) { all.event(i, event) })
		})
	}
	err = group.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// sameFlags are the flags that the command was given, less those that its processes get their own of.
func sameFlags(cmd *cobra.Command) []string {
	var args []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if !slices.Contains([]string{"devices", "shard", "json", "quiet", "format"}, f.Name) {
			args = append(args, "--"+f.Name+"="+f.Value.String())
		}
	})
	return args
}

// run starts the process, passes its events on and waits for its end. If ctx ends, the process is interrupted as by Ctrl-C.
func (w worker) run(ctx context.Context, c *exec.Cmd, event func(stage.Event)) error {
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
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
	code, message, hint := exitFailed, err.Error(), ""
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
	if code == exitFailed && message == err.Error() && messages.String() != "" { // it ended without a word of its own
		message += ", after " + strings.TrimSpace(messages.String())
	}
	return fail(code, hint, fmt.Errorf("device %s, shard %v: %s", w.device, w.shard, message))
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

// joint makes one progress of that of several processes: that of the earliest stage that any of them is in.
type joint struct {
	mu    sync.Mutex
	show  func(stage.Event)
	last  []map[string]stage.Event // of each process and stage
	stage []int                    // of each process
	said  map[stage.Event]bool     // warnings: most say the same in all processes
}

var stages = []string{distill.StageEncode, distill.StageModes, distill.StageSample}

func newJoint(n int, show func(stage.Event)) *joint {
	j := &joint{show: show, last: make([]map[string]stage.Event, n), stage: make([]int, n), said: map[stage.Event]bool{}}
	for i := range j.last {
		j.last[i] = map[string]stage.Event{}
	}
	return j
}

// event is told of one event of the i-th process.
func (j *joint) event(i int, e stage.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if e.Warning != "" {
		e = stage.Event{Stage: e.Stage, Class: e.Class, Warning: e.Warning}
		if !j.said[e] {
			j.said[e] = true
			j.show(e)
		}
		return
	}
	j.last[i][e.Stage] = e
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
