package distill

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/dit"
	"mgd3/encode"
	"mgd3/engine"
	"mgd3/latent"
	"mgd3/stage"
	"mgd3/stage/batch"
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
	r.Batch = batch.Auto
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

// TestOldFolders: folders and keys from before there was a batch in them stay what they are.
func TestOldFolders(t *testing.T) {
	l := encode.Record{Classes: []string{"cat"}, Autoencoder: "a", Shape: []int{4, 2, 2}, Backend: "cpu"}
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
