package evaluate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestInterrupted: stopped after every epoch, and in validations, a run ends as one in one go does; done, it is not
// done again.
func TestInterrupted(t *testing.T) {
	for _, changes := range [][]string{nil, {"norm=batch"}} {
		want := do(t, briefRun(t, changes...))
		r := briefRun(t, changes...)
		r.Dir = t.TempDir()
		stops := 0
		for {
			ctx, cancel := context.WithCancel(t.Context())
			r.Report = func(Event) { cancel() }
			s, err := r.Do(ctx)
			cancel()
			if err == nil {
				same(t, "interrupted", s, want)
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			stops++
		}
		if stops < 5 {
			t.Errorf("stopped %d times, want nearly as often as there are epochs", stops)
		}
		r.Report = func(e Event) { t.Errorf("trained again: %+v", e) }
		same(t, "found", do(t, r), want)
		if files, err := filepath.Glob(filepath.Join(r.Dir, "*")); err != nil || len(files) != 1 {
			t.Errorf("the folder has %v, want the result alone", files)
		}
	}
}

// TestKilled: from the state after any step, on disk, a run ends as one in one go does.
func TestKilled(t *testing.T) {
	want := do(t, briefRun(t, "epochs=3"))
	var states [][]byte
	r := briefRun(t, "epochs=3")
	r.Dir, r.Every = t.TempDir(), time.Nanosecond
	key := r.key()
	training, err := r.start(key)
	if err != nil {
		t.Fatal(err)
	}
	for b, err := range ahead(t.Context(), training.plans(0), waiting, training.fill) {
		if err != nil {
			t.Fatal(err)
		}
		if err := training.take(b); err != nil {
			t.Fatal(err)
		}
		states = append(states, saved(t, training)) // before the validation, where there is one
		if b.index == training.steps()-1 {
			if err := training.endEpoch(t.Context(), b.epoch+1); err != nil {
				t.Fatal(err)
			}
			states = append(states, saved(t, training))
		}
	}
	if len(states) != 12 {
		t.Fatalf("%d states, want 3 steps and a validation of 3 epochs", len(states))
	}
	for i, state := range states {
		r := briefRun(t, "epochs=3")
		r.Dir = t.TempDir()
		if err := os.WriteFile(r.checkpoint(), state, 0o644); err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprintf("state %d", i), do(t, r), want)
	}
}

// TestDamagedCheckpoint: a damaged checkpoint is named, and the training begins anew, to the same score.
func TestDamagedCheckpoint(t *testing.T) {
	want := do(t, briefRun(t, "epochs=3"))
	r := briefRun(t, "epochs=3")
	r.Dir = t.TempDir()
	key := r.key()
	training, err := r.start(key)
	if err != nil {
		t.Fatal(err)
	}
	data := saved(t, training)
	data[len(data)-3] ^= 1
	if err := os.WriteFile(r.checkpoint(), data, 0o644); err != nil {
		t.Fatal(err)
	}
	var warnings []string
	r.Report = func(e Event) {
		if e.Warning != "" {
			warnings = append(warnings, e.Warning)
		}
	}
	same(t, "after damage", do(t, r), want)
	if len(warnings) != 1 || !strings.Contains(warnings[0], r.checkpoint()) ||
		!strings.Contains(warnings[0], "begins anew") {
		t.Errorf("warnings %q, want one that names %q", warnings, r.checkpoint())
	}
}

func saved(t *testing.T, r *training) []byte {
	t.Helper()
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(r.checkpoint())
	if err != nil {
		t.Fatal(err)
	}
	return data
}
