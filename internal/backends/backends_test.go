package backends

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"mgd3/engine"
	"mgd3/internal/bench"
	"mgd3/internal/exits"
)

// TestOpenRefuses: what does not go together is a mistake of the command line, and a backend that is not in this build
// is not.
func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		choice    Choice
		precision engine.Precision
		says      string
		code      int
	}{
		{Choice{Name: "cpu", Plugin: "x.so"}, engine.Float32, "--plugin is for the backend xla", exits.Usage},
		{Choice{Name: "cpu"}, "half", `precision is "half"`, exits.Usage},
		{Choice{Name: "go"}, engine.BF16, "cannot compute in bf16", exits.Usage},
		{Choice{Name: "abacus"}, engine.Float32, "abacus", exits.Backend},
	} {
		_, err := c.choice.Open(c.precision, "")
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: got %v, want an error with %q", c.choice, err, c.says)
			continue
		}
		if code, _ := exits.Diagnose(err); code != c.code {
			t.Errorf("%+v: got the exit code %d, want %d", c.choice, code, c.code)
		}
	}
}

func TestIsXLA(t *testing.T) {
	for name, want := range map[string]bool{"xla": true, "xla:cuda": true, "cpu": false, "go": false, "xlarge": false} {
		if got := (Choice{Name: name}).IsXLA(); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

func TestList(t *testing.T) {
	var text, objects bytes.Buffer
	c := Choice{Name: "cpu"}
	if err := errors.Join(c.List(&text, false), c.List(&objects, true)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"backends  ", "\nopen      cpu: ", "\ndevice    0: "} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the list lacks %q:\n%s", want, &text)
		}
	}
	lines := strings.Split(strings.TrimSpace(objects.String()), "\n")
	if len(lines) != 2 || !json.Valid([]byte(lines[0])) || !json.Valid([]byte(lines[1])) {
		t.Errorf("got %q, want two lines of JSON", lines)
	}
}

// TestCheckEnds: a check that is stopped reports nothing, and says so.
func TestCheckEnds(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	err := Choice{Name: "cpu"}.Check(ctx, []string{"float32"}, func(c bench.Check) { t.Errorf("reported %+v", c) })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was stopped", err)
	}
}
