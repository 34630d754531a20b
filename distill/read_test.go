package distill

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mgd3/encode"
	"mgd3/scores"
	"mgd3/stage"
)

// TestRead: what a run has written is read back, as far from the modes as its manifest says; before, it is an ErrStage.
func TestRead(t *testing.T) {
	r := tinyRun(t, 4)
	if _, err := encode.ReadRecord(r.latentsDir()); !errors.Is(err, stage.ErrStage) {
		t.Errorf("before the run: cache with error %v, want an ErrStage", err)
	}
	if _, err := Samples(r.Out, "dog"); !errors.Is(err, stage.ErrStage) {
		t.Errorf("before the run: samples with error %v, want an ErrStage", err)
	}
	m, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cache, err := encode.ReadRecord(r.latentsDir())
	if err != nil || cache.Settings != r.Settings.Encode || !slices.Equal(cache.Classes, r.Data.ClassNames()) ||
		cache.Autoencoder != r.Autoencoder.SHA256 {
		t.Errorf("cache is %+v, error %v", cache, err)
	}
	syn, err := Samples(r.Out, "dog")
	if err != nil {
		t.Fatal(err)
	}
	centres, err := Centres(r.Out, "dog")
	if err != nil {
		t.Fatal(err)
	}
	own, err := scores.ModeDistances(syn, centres)
	if err != nil {
		t.Fatal(err)
	}
	var want []float64
	for _, im := range m.Classes[slices.Index(cache.Classes, "dog")].Images {
		want = append(want, im.Distance.Own)
	}
	if !slices.Equal(own, want) {
		t.Errorf("distances to the modes are %v, the manifest says %v", own, want)
	}
	if _, err := Samples(r.Out, "cow"); err == nil {
		t.Error("samples of a class that is not there: no error")
	}
	if err := os.Remove(filepath.Join(samplesDir(r.Out), "dog", "0001.safetensors")); err != nil {
		t.Fatal(err)
	}
	if _, err := Samples(r.Out, "dog"); !errors.Is(err, stage.ErrStage) {
		t.Errorf("one sample missing: error %v, want an ErrStage", err)
	}
}
