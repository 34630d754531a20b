package devices

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"mgd3/distill"
	"mgd3/stage"
)

func TestParseDevices(t *testing.T) {
	for _, c := range []struct {
		list, shown string
		want        []string // nil is an error
	}{
		{"1", "", []string{"0"}},
		{"3", "", []string{"0", "1", "2"}},
		{"3,", "", []string{"3"}},
		{"0,2", "", []string{"0", "2"}},
		{"2", "4,6", []string{"4", "6"}},
		{"1,0", "GPU-a,GPU-b", []string{"GPU-b", "GPU-a"}},
		{"3", "4,6", nil},
		{"0", "", nil},
		{"-1", "", nil},
		{"5000", "", nil},
		{"0,0", "", nil},
		{"0,,1", "", nil},
		{"a", "", nil},
		{",", "", nil},
		{"", "", nil},
	} {
		got, err := Parse(c.list, c.shown)
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("%q of %q: got %v, %v, want %v", c.list, c.shown, got, err, c.want)
		}
	}
}

// TestJoint: two processes, one ahead of the other.
func TestJoint(t *testing.T) {
	var got []stage.Event
	j := NewJoint(2, func(e stage.Event) { got = append(got, e) })
	encode := func(done int) stage.Event { return stage.Event{Stage: distill.StageEncode, Done: done, Total: 5} }
	sample := func(done int) stage.Event { return stage.Event{Stage: distill.StageSample, Done: done, Total: 3} }
	j.Event(0, encode(2))
	j.Event(1, encode(1))
	j.Event(0, encode(5))
	j.Event(0, sample(1)) // the other still encodes
	j.Event(1, stage.Event{Stage: distill.StageEncode, Warning: "skipped"})
	j.Event(0, stage.Event{Stage: distill.StageEncode, Done: 5, Warning: "skipped"})
	j.Event(1, encode(5))
	j.Event(1, sample(3))
	want := []stage.Event{
		encode(2), {Stage: distill.StageEncode, Done: 3, Total: 10}, {Stage: distill.StageEncode, Done: 6, Total: 10},
		{Stage: distill.StageEncode, Warning: "skipped"}, {Stage: distill.StageEncode, Done: 10, Total: 10},
		{Stage: distill.StageSample, Done: 4, Total: 6},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}

// TestWorker: a process that fails says why, with its exit code; one that dies says what it said last; one that
// is interrupted ends.
func TestWorker(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no shell")
	}
	w := Worker{"GPU-a", stage.Shard{Index: 1, Count: 4}}
	run := func(ctx context.Context, script string) error {
		return w.Run(ctx, exec.CommandContext(ctx, "sh", "-c", script), func(stage.Event) {})
	}
	for script, want := range map[string]struct {
		code int
		text string
		hint string
	}{
		`echo "mgd3: error: no such model" >&2; echo "mgd3: hint: look elsewhere" >&2; exit 4`: {4,
			"device GPU-a, shard 1/4: no such model", "look elsewhere"},
		`echo "CUDA driver is too old" >&2; kill -SEGV $$`: {1,
			"after CUDA driver is too old", ""},
		`exit 3`: {3, "exit status 3", ""},
	} {
		err := run(t.Context(), script)
		var f *Failure
		if !errors.As(err, &f) || f.Code != want.code || !strings.Contains(err.Error(), want.text) ||
			f.Hint != want.hint {
			t.Errorf("%s: got %v, %+v, want %+v", script, err, f, want)
		}
	}
	var events []stage.Event
	c := exec.CommandContext(t.Context(), "sh", "-c",
		`echo '{"stage":"encode","done":1,"total":2}'; echo noise; echo '{"out":"o","complete":true}'`)
	if err := w.Run(t.Context(), c, func(e stage.Event) { events = append(events, e) }); err != nil ||
		len(events) != 1 || events[0].Total != 2 {
		t.Errorf("got %+v, %v, want the one event", events, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := run(ctx, `trap 'exit 130' INT; while :; do sleep 0.01; done`); err == nil {
		t.Error("interrupted it ended well")
	}
}
