package batch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/engine"
	"mgd3/stage"
)

// record is the settings of a stage whose bytes depend on the batch alone.
type record struct {
	Batch int `json:"batch,omitempty"`
}

func nobodys() (bool, error) { return false, nil }

// TestSettle: a batch that does not fit is halved, with a warning, and any other error is not.
func TestSettle(t *testing.T) {
	full := errors.New("PJRT error (code=8): RESOURCE_EXHAUSTED: Out of memory")
	for _, c := range []struct {
		rows, fits, want, warnings int
		other                      error
	}{
		{1000, 64, 64, 0, nil},
		{1000, 9, 8, 3, nil},
		{1000, 1, 1, 6, nil},
		{1000, 0, 0, 6, nil},
		{5, 64, 8, 0, nil},
		{1, 64, 1, 0, nil},
		{1000, 9, 0, 0, errors.New("another error")},
	} {
		var tried []int
		warnings := 0
		s := Setting{Size: Auto, Engine: &engine.Engine{FixedRows: true}, Report: func(e stage.Event) {
			if strings.Contains(e.Warning, "too little memory for a batch of") {
				warnings++
			}
		}}
		dir := filepath.Join(t.TempDir(), "stage")
		got, err := s.Settle(t.Context(), "sample", dir, c.rows,
			func(batch int) any { return record{batch} }, nobodys,
			func(batch int) error {
				tried = append(tried, batch)
				if batch > c.fits {
					return errors.Join(full, c.other)
				}
				return c.other
			})
		switch {
		case c.other != nil:
			if !errors.Is(err, c.other) {
				t.Errorf("%+v: got %d, %v, want the error", c, got, err)
			}
			continue
		case c.want == 0:
			if !errors.Is(err, engine.ErrMemory) || !strings.Contains(err.Error(), "batch of 1") {
				t.Errorf("%+v: got %d, %v, want an ErrMemory with the batch", c, got, err)
			}
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%+v: locked a folder for nothing: %v", c, err)
			}
		case err != nil || got != c.want:
			t.Errorf("%+v: got %d, %v", c, got, err)
		}
		if warnings != c.warnings || len(tried) != c.warnings+1 {
			t.Errorf("%+v: tried %v with %d warnings", c, tried, warnings)
		}
	}
}

// TestSettleTogether: another process locks the folder while this one tries its batch.
func TestSettleTogether(t *testing.T) {
	s := Setting{Size: Auto, Engine: &engine.Engine{FixedRows: true}}
	dir := t.TempDir()
	of := func(batch int) any { return record{batch} }
	got, err := s.Settle(t.Context(), "sample", dir, 1000, of, nobodys,
		func(int) error { _, err := stage.LockSettings(dir, of(16), nobodys); return err })
	if err != nil || got != 16 {
		t.Errorf("got %d, %v, want the other's 16", got, err)
	}
}
