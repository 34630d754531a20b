package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"mgd3/stage"
	"mgd3/store"
)

// Task is one command of one stage, run as a process of its own, so that it may be killed and its record still says
// how it ended.
type Task struct {
	Dir      string        // of the stage's records
	Stage    string        // its name
	Shard    stage.Shard   // the task and how many there are
	Job      string        // the scheduler's name of it
	Program  string        // mgd3
	Args     []string      // of the command, which prints events as JSON
	Retries  int           // attempts in vain, one after the other, after which it is given up; 0 is no second try
	Log      io.Writer     // what the command says, and a line of progress now and then
	Patience time.Duration // how long the command may take to end after it was told to
	Requeue  Command       // speaks with Slurm to queue the task again where another try may help; nil leaves that
}

// How often the record is written: to a bucket each time is paid for.
const (
	recordEvery         = 5 * time.Second
	recordEveryInBucket = 30 * time.Second
)

// Run runs the command to its end and returns its exit code, and whether to try it again. The error is of the task's
// own files, or of a program that does not start. When ctx ends the command is told to stop, as by Ctrl-C.
func (t Task) Run(ctx context.Context) (code int, again bool, err error) {
	r := t.begin()
	if err := r.write(t.Dir); err != nil {
		return 0, false, err
	}
	c := exec.CommandContext(ctx, t.Program, t.Args...)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = t.Patience
	said := &errorLines{to: t.Log}
	c.Stderr = said
	events, in := io.Pipe()
	c.Stdout = in
	var mu sync.Mutex // of r
	read := make(chan struct{})
	go func() { defer close(read); t.listen(events, &mu, &r) }()
	stop := t.keepWriting(&mu, &r)
	err = c.Run()
	in.Close()
	<-read
	stop()
	code, err = exitCode(err)
	r.Updated, r.Code, r.State = time.Now(), code, Done
	if code != 0 {
		r.Message, r.Hint = said.message, said.hint
		if r.Message == "" {
			r.Message = fmt.Sprintf("ended with exit code %d, and without a word", code)
		}
		if r.Vain++; r.made() > 0 {
			r.Vain = 0
		}
		r.State = Failed
		if again = Heals(code) && r.Vain <= t.Retries; again {
			r.State = Waiting
		}
	}
	return code, again, errors.Join(err, r.write(t.Dir))
}

// begin is the record of a new attempt, after the one that is there.
func (t Task) begin() Record {
	r := ReadRecord(t.Dir, t.Shard.Index)
	if r.State == Running { // killed before it could say so
		if r.Vain++; r.made() > 0 {
			r.Vain = 0
		}
	}
	if r.State == Done || r.State == Failed { // a new submission
		r.Vain = 0
	}
	r.Stage, r.Task, r.Tasks, r.State, r.Job = t.Stage, t.Shard.Index, t.Shard.Count, Running, t.Job
	r.Host, _ = os.Hostname()
	r.Attempt++
	r.Began, r.Work, r.Code, r.Message, r.Hint = time.Now(), map[string]Count{}, 0, "", ""
	r.Updated = r.Began
	return r
}

// listen takes the events of the command into the record, and passes all else on to the log.
func (t Task) listen(events io.Reader, mu *sync.Mutex, r *Record) {
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 1<<20)
	shown := time.Now()
	for lines.Scan() {
		name, c, warning, ok := event(lines.Bytes())
		mu.Lock()
		switch {
		case !ok:
			fmt.Fprintln(t.Log, lines.Text())
		case warning != "":
			fmt.Fprintln(t.Log, "mgd3: warning:", warning)
		default:
			if have, known := r.Work[name]; known && c.training {
				c.Kept = have.Kept
			}
			r.Work[name], r.Updated = c.Count, time.Now()
			if c.Done == c.Total || time.Since(shown) > time.Minute {
				shown = time.Now()
				fmt.Fprintf(t.Log, "%s %s %d of %d\n", shown.Format(time.DateTime), name, c.Done, c.Total)
			}
		}
		mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, events) // after a line that is too long
}

// units are those of an event. A training does not say how many epochs it found done: its first event does.
type units struct {
	Count
	training bool
}

// event reads one line of what commands print under --json: units of a stage, or an epoch of a training.
func event(line []byte) (name string, c units, warning string, ok bool) {
	var e struct {
		stage.Event
		Net    string `json:"net"`
		Seed   uint64 `json:"seed"`
		Epoch  int    `json:"epoch"`
		Epochs int    `json:"epochs"`
	}
	if json.Unmarshal(line, &e) != nil {
		return "", units{}, "", false
	}
	if e.Warning != "" && e.Class != "" {
		e.Warning = fmt.Sprintf("class %q: %s", e.Class, e.Warning)
	}
	switch {
	case e.Epochs > 0 || e.Net != "" && e.Warning != "":
		return fmt.Sprintf("%s, seed %d", e.Net, e.Seed), units{Count{e.Epoch, e.Epoch - 1, e.Epochs}, true},
			e.Warning, true
	case e.Stage != "":
		return e.Stage, units{Count{e.Done, e.Kept, e.Total}, false}, e.Warning, true
	}
	return "", units{}, "", false
}

// keepWriting writes the record now and then, so that a task that is killed leaves what it had done.
func (t Task) keepWriting(mu *sync.Mutex, r *Record) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		every := recordEvery
		if store.Is(t.Dir) {
			every = recordEveryInBucket
		}
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				mu.Lock()
				now := *r
				now.Work = maps.Clone(r.Work)
				mu.Unlock()
				_ = now.write(t.Dir) // the last write says what is wrong
			}
		}
	}()
	return func() { close(done); <-ended }
}

// exitCode is that of the process, or 128 and the signal that killed it, as shells say.
func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &exit):
		return 1, err
	case exit.ExitCode() >= 0:
		return exit.ExitCode(), nil
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return 1, nil
}

// errorLines passes lines on, and remembers the last error and hint among them.
type errorLines struct {
	to            io.Writer
	part          string
	message, hint string
}

func (e *errorLines) Write(p []byte) (int, error) {
	const longest = 1 << 16
	e.part += string(p)
	for {
		line, rest, ok := strings.Cut(e.part, "\n")
		if !ok {
			break
		}
		e.part = rest
		if text, ok := strings.CutPrefix(line, "mgd3: error: "); ok {
			e.message = text
		} else if text, ok := strings.CutPrefix(line, "mgd3: hint: "); ok {
			e.hint = text
		} else if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			e.message = line
		}
	}
	e.part = e.part[max(0, len(e.part)-longest):]
	return e.to.Write(p)
}
