package encode

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"mgd3/dataset"
	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/testengine"
	"mgd3/latent"
	"mgd3/stage"
)

// tiny is a run with a tiny autoencoder over three images of each class.
func tiny(t *testing.T) *Run {
	t.Helper()
	dir := t.TempDir()
	if err := errors.Join(fixtures.Model(filepath.Join(dir, "model"), 1),
		fixtures.Images(filepath.Join(dir, "set"), 3)); err != nil {
		t.Fatal(err)
	}
	e := testengine.Open(t)
	autoencoder, errA := latent.Open(t.Context(), e, filepath.Join(dir, "model", "autoencoder"))
	set, errS := dataset.Open(t.Context(), filepath.Join(dir, "set"), dataset.OpenOptions{Split: "train"})
	if err := errors.Join(errA, errS); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = set.Close() })
	return &Run{Settings: Settings{Size: fixtures.Size, Crop: CropADM}, Dir: filepath.Join(dir, "latents"),
		Shard: stage.Whole, Batch: 2, Engine: e, Autoencoder: autoencoder, Data: set}
}

// nearlyEqual: on cpu other rows in a call change no bit. Elsewhere they may change the order of sums: about 2⁻²⁴ of
// values of order 1 to 100 in each of some tens of layers.
func nearlyEqual(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool {
		if testengine.Name() == "cpu" {
			return math.Float32bits(x) == math.Float32bits(y)
		}
		return math.Abs(float64(x-y)) <= 1e-3*max(1, math.Abs(float64(y)))
	})
}

// TestRowsTogether: images that are encoded together have the latents that each has alone.
func TestRowsTogether(t *testing.T) {
	r := tiny(t)
	var samples []dataset.Sample
	for sample := range r.Data.Load(t.Context(), r.Data.Classes[0].Images, r.Settings.LoadOptions()) {
		samples = append(samples, sample)
	}
	for _, fromSample := range []bool{false, true} {
		r.Settings.FromSample, r.Settings.Flip = fromSample, fromSample
		const d = 4 * 4 * 4
		together, alone := make([]float32, 3*d), make([]float32, 3*d)
		if err := r.encodeRows(together, "cat", samples); err != nil {
			t.Fatal(err)
		}
		for i := range samples {
			if err := r.encodeRows(alone[i*d:(i+1)*d], "cat", samples[i:i+1]); err != nil {
				t.Fatal(err)
			}
		}
		if !nearlyEqual(together, alone) {
			t.Errorf("from a sample: %v: three images encoded together differ from one by one", fromSample)
		}
	}
}

// TestDo: the folder says what it was made with, has a row for every image, and is kept when it is made again.
func TestDo(t *testing.T) {
	r := tiny(t)
	if _, err := ReadRecord(r.Dir); !errors.Is(err, stage.ErrStage) {
		t.Errorf("before: error %v, want an ErrStage", err)
	}
	for again := range 2 {
		kept := 0
		r.Report = func(e stage.Event) { kept = e.Kept }
		if err := r.Do(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := again * 9; kept != want { // three classes of three images
			t.Errorf("call %d: %d images were kept, want %d", again, kept, want)
		}
	}
	record, err := ReadRecord(r.Dir)
	if err != nil || record.Settings != r.Settings || record.Autoencoder != r.Autoencoder.SHA256 {
		t.Errorf("the record is %+v, %v", record, err)
	}
	for _, class := range r.Data.Classes {
		c, err := Open(r.Dir, class.Name)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Names) != len(class.Images) || !slices.Equal(c.Shape, record.Shape) {
			t.Errorf("class %q has %d latents of shape %v", class.Name, len(c.Names), c.Shape)
		}
		_ = c.Close()
	}
}
