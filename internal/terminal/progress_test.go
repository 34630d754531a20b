package terminal

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"mgd3/compare"
	"mgd3/stage"
)

// TestProgress replays a run by a clock of its own: rates count only what was made now, and at most one
// line comes in ten seconds, but for the last of a stage.
func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := New(&bytes.Buffer{}, &out, false, false)
	now := time.Unix(0, 0)
	p.now = func() time.Time { return now }
	for _, e := range []struct {
		after time.Duration
		event stage.Event
	}{
		{0, stage.Event{Stage: "encode", Done: 100, Total: 300, Kept: 100, Class: "cat"}},
		{5 * time.Second, stage.Event{Stage: "encode", Done: 110, Total: 300, Kept: 100, Class: "dog"}},
		{5 * time.Second, stage.Event{Stage: "encode", Done: 120, Total: 300, Kept: 100, Class: "dog"}},
		{0, stage.Event{Stage: "encode", Warning: "skipped: x.png", Class: "dog"}},
		{90 * time.Second, stage.Event{Stage: "encode", Done: 300, Total: 300, Kept: 100, Class: "dog"}},
		{time.Second, stage.Event{Stage: "modes", Done: 1, Total: 2, Class: "cat"}},
		{time.Second, stage.Event{Stage: "modes", Done: 2, Total: 2, Class: "dog"}},
		{time.Second, stage.Event{Stage: "sample", Done: 0, Total: 2}},
	} {
		now = now.Add(e.after)
		p.Event(e.event)
	}
	want := `encode 100/300 images, 100 were there, class "cat"
encode 120/300 images, 100 were there, 2/s, 1m30s left, class "dog"
mgd3: warning: class "dog": skipped: x.png
encode 300/300 images, 100 were there, 2/s
modes  1/2 classes, class "cat"
modes  2/2 classes, 1/s
sample 0/2 images
`
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestTrial: what a trial came to is a line for a person, and an object with --json, where nothing said it before.
func TestTrial(t *testing.T) {
	accuracy := 0.5
	at := compare.Point{Lambda: 0.1, Stop: 25, Cluster: "kmeans", Steps: "50", CFG: 4}
	trial := compare.Trial{Seed: 1, Accuracy: &accuracy, Scores: map[string]float64{"frechet": 2}}
	var stdout, stderr bytes.Buffer
	New(&stdout, &stderr, false, false).Trial(1, 2, at, trial)
	New(&stdout, &stderr, true, false).Trial(1, 2, at, trial)
	if got, want := stderr.String(), fmt.Sprintf("1/2  %v, %v\n", at, trial); got != want || stdout.Len() > 0 {
		t.Errorf("got %q and %q, want %q once", got, &stdout, want)
	}
	New(&stdout, &stderr, false, true).Trial(1, 2, at, trial)
	want := `{"done":1,"total":2,"point":{"lambda":0.1,"stop":25,"cluster":"kmeans","steps":"50","cfg":4},` +
		`"trial":{"seed":1,"accuracy":0.5,"scores":{"frechet":2}}}` + "\n"
	if got := stdout.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestQuietProgressStillWarns(t *testing.T) {
	var out bytes.Buffer
	p := New(&bytes.Buffer{}, &out, true, false)
	p.Event(stage.Event{Stage: "encode", Done: 1, Total: 1})
	if out.Len() > 0 {
		t.Errorf("quiet, it said %q", &out)
	}
	p.Event(stage.Event{Stage: "encode", Warning: "look"})
	if got, want := out.String(), "mgd3: warning: look\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSizesForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 16384: "16.4 kB", 21e9: "21 GB", 5e15: "5e+03 TB"} {
		if got := Size(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
	if got := strings.Join([]string{Short(1499 * time.Millisecond).String(), Short(99 * time.Second).String()},
		" "); got != "1s 1m40s" {
		t.Errorf("got %q", got)
	}
}

// TestPrintable keeps from the terminal what it would obey.
func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain, größer\nnext": "plain, größer\nnext",
		"\x1b[31mred":         `\x1b[31mred`,
		"over\rwritten":       `over\rwritten`,
		"\x00\x07\u009b":      `\x00\a\u009b`,
		"caf\xe9 �":           `caf\xe9 �`,
		"a\u202eb":            `a\u202eb`,
	} {
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
}
