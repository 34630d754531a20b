package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"mgd3/engine"
	"mgd3/internal/fixtures/testengine"
)

// TestCheckAll holds every kind of network on the tests' backend to cpu in float32.
func TestCheckAll(t *testing.T) {
	reference, err := engine.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reference.Close)
	e := testengine.Open(t)
	for _, precision := range []engine.Precision{engine.Float32, engine.BF16} {
		e.Precision = precision
		n := 0
		err := CheckAll(t.Context(), e, reference, func(c Check) {
			n++
			t.Logf("%s, %s: off by %.1e of %.1e, allowed %.1e", c.Backend, c.Network, c.RMS, c.Scale, c.Tolerance)
			if !c.OK() || !(c.Scale > 0) {
				t.Errorf("%s, %s: %+v", c.Backend, c.Network, c)
			}
		})
		if want := map[engine.Precision]int{engine.Float32: 8, engine.BF16: 6}[precision]; err != nil || n != want {
			t.Errorf("%s: got %d networks, %v, want %d", precision, n, err, want)
		}
	}
}

// TestCheckOK: a network that is too far, that gives no number, or that fails is not in order.
func TestCheckOK(t *testing.T) {
	nan := 0.0
	nan /= nan
	for c, want := range map[Check]bool{
		{Scale: 2, RMS: 0.02, Tolerance: 0.01}:                true,
		{Scale: 2, RMS: 0.021, Tolerance: 0.01}:               false,
		{Scale: 2, RMS: nan, Tolerance: 0.01}:                 false,
		{Scale: 2, RMS: 0, Tolerance: 0.01, Error: "no room"}: false,
	} {
		if got := c.OK(); got != want {
			t.Errorf("%+v: got %t", c, got)
		}
	}
}

// TestCheckFails: what fails, is too far or is no number is not in order, and says so as text and as JSON.
func TestCheckFails(t *testing.T) {
	inf := float32(math.Inf(1))
	for name, c := range map[string]struct {
		got  []float32
		err  error
		says string
	}{
		"too far":     {[]float32{1, 2.5}, nil, "TOO FAR"},
		"no number":   {[]float32{1, inf - inf}, nil, "FAILED: has NaN at 1, want finite numbers"},
		"infinite":    {[]float32{inf, 2}, nil, "FAILED: has +Inf at 0, want finite numbers"},
		"too few":     {[]float32{1}, nil, "FAILED: has 1 numbers, want 2"},
		"its failure": {nil, errors.New("no room"), "FAILED: no room"},
	} {
		check := Check{Network: "denoiser", Backend: "other", Tolerance: 0.01}
		check.compare(c.got, []float32{1, 2}, c.err)
		var text bytes.Buffer
		if err := check.Text(&text); err != nil || check.OK() || !strings.Contains(text.String(), c.says) {
			t.Errorf("%s: ok %t, %v, and it says %q", name, check.OK(), err, &text)
		}
		var again Check
		if line, err := json.Marshal(check); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if err := json.Unmarshal(line, &again); err != nil || again != check {
			t.Errorf("%s: as JSON it is %s, %v", name, line, err)
		}
	}
}
