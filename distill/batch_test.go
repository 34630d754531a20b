package distill

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/dit"
	"mgd3/engine"
	"mgd3/latent"
	"mgd3/stage"
)

// onGo is tinyRun on the portable backend as if it were one with fixed rows: its bytes do depend on the number of rows.
func onGo(t *testing.T) *Run {
	t.Helper()
	r := tinyRun(t, 3)
	e, err := engine.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	e.FixedRows = true
	model := filepath.Join(filepath.Dir(r.Out), "model")
	var errVAE, errNet error
	r.Engine = e
	r.Autoencoder, errVAE = latent.Open(t.Context(), e, filepath.Join(model, "autoencoder"))
	r.Denoiser, errNet = dit.Open(t.Context(), e, filepath.Join(model, "dit"))
	if err := errors.Join(errVAE, errNet); err != nil {
		t.Fatal(err)
	}
	return r
}

// hashes are those of a complete run's images.
func hashes(t *testing.T, m *Manifest, err error) (list []string) {
	t.Helper()
	if err != nil || m == nil {
		t.Fatal(m, err)
	}
	for _, class := range m.Classes {
		for _, im := range class.Images {
			list = append(list, im.SHA256)
		}
	}
	return list
}

// TestFixedRows: with fixed rows the bytes do not depend on how the work is cut into shards and calls, the batch is
// recorded, and a folder that was begun with one batch is not taken up with another, unless the run may choose.
func TestFixedRows(t *testing.T) {
	r := onGo(t)
	r.Batch = 4 // six images, three real ones of each class: no piece is full
	m, err := r.Do(t.Context())
	whole := hashes(t, m, err)
	if m.Batch != 4 || m.EncodeBatch != 4 {
		t.Errorf("the manifest has batches %d and %d, want 4", m.Batch, m.EncodeBatch)
	}
	alone := r.Out
	r.Out = t.TempDir()
	for i := range 4 {
		r.Shard = stage.Shard{Index: i, Count: 4}
		if m, err = r.Do(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if shards := hashes(t, m, nil); !slices.Equal(shards, whole) {
		t.Error("four shards give other bytes than the whole")
	}

	r.Out, r.Shard, r.Batch = alone, stage.Whole, 2
	if _, err := r.Do(t.Context()); !errors.Is(err, stage.ErrOther) ||
		!strings.Contains(err.Error(), "batch is 4 there and 2 here") {
		t.Errorf("got %v, want an ErrOther that names the batch", err)
	}
	r.Batch = Auto
	if again, err := r.Do(t.Context()); err != nil || again.Batch != 4 {
		t.Errorf("got %+v, %v, want the batch that the folder was begun with", again, err)
	}

	r.Out = t.TempDir()
	if m, err = r.Do(t.Context()); err != nil || m.Batch != 8 || m.EncodeBatch != 4 {
		t.Errorf("got %+v, %v, want a batch of 8 for six images, 4 for three", m, err)
	}
	r.Out, r.Batch = t.TempDir(), 1
	if m, err = r.Do(t.Context()); err != nil || m.Batch != 0 || m.EncodeBatch != 0 {
		t.Errorf("got %+v, %v, want no batch in the manifest: one by one, nothing depends on it", m, err)
	}
}

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
		r := &Run{Batch: Auto, Engine: &engine.Engine{FixedRows: true}, Report: func(e stage.Event) {
			if strings.Contains(e.Warning, "too little memory for a batch of") {
				warnings++
			}
		}}
		dir := filepath.Join(t.TempDir(), "stage")
		got, err := r.settle(t.Context(), StageSample, dir, c.rows,
			func(batch int) any { return samplesRecord{Batch: batch} }, nobodys,
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
	r := &Run{Batch: Auto, Engine: &engine.Engine{FixedRows: true}}
	dir := t.TempDir()
	record := func(batch int) any { return samplesRecord{Batch: batch} }
	got, err := r.settle(t.Context(), StageSample, dir, 1000, record, nobodys,
		func(int) error { _, err := stage.LockSettings(dir, record(16), nobodys); return err })
	if err != nil || got != 16 {
		t.Errorf("got %d, %v, want the other's 16", got, err)
	}
}

// TestOldFolders: folders and keys from before there was a batch in them stay what they are.
func TestOldFolders(t *testing.T) {
	l := latentsRecord{Classes: []string{"cat"}, Autoencoder: "a", Shape: []int{4, 2, 2}, Backend: "cpu"}
	data, err := json.Marshal(l)
	if want := `"classes":["cat"],"autoencoder":"a","shape":[4,2,2],"backend":"cpu"}`; err != nil ||
		!strings.HasSuffix(string(data), want) {
		t.Errorf("got %s, %v, want an end of %s", data, err, want)
	}
	c := samplesRecord{Denoiser: "d", Backend: "cpu", Modes: modesRecord{Latents: l}}
	old := stage.Key(c.Settings, "d", "a", "cpu", "modes", int32(7), 3)
	im := image{class: "cat", index: 3, label: 7}
	if got := c.key(im, "modes"); got != old {
		t.Errorf("the key is %s, want %s as before", got, old)
	}
	c.Batch = 8
	if c.key(im, "modes") == old {
		t.Error("the batch does not change the key")
	}
}
