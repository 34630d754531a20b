package distill

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/dataset"
	"mgd3/diffusion"
	"mgd3/dit"
	"mgd3/encode"
	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/testengine"
	"mgd3/latent"
	"mgd3/modes"
	"mgd3/stage"
)

// tinyRun is a run with a tiny model over n images of each class.
func tinyRun(t *testing.T, n int) *Run {
	t.Helper()
	dir := t.TempDir()
	if err := errors.Join(fixtures.Model(filepath.Join(dir, "model"), 1),
		fixtures.Images(filepath.Join(dir, "set"), n)); err != nil {
		t.Fatal(err)
	}
	e := testengine.Open(t)
	vae, errVAE := latent.Open(t.Context(), e, filepath.Join(dir, "model", "autoencoder"))
	net, errNet := dit.Open(t.Context(), e, filepath.Join(dir, "model", "dit"))
	set, errSet := dataset.Open(t.Context(), filepath.Join(dir, "set"), dataset.OpenOptions{Split: "train"})
	if err := errors.Join(errVAE, errNet, errSet); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = set.Close() })
	sample, err := diffusion.Published(diffusion.DDPM)
	if err != nil {
		t.Fatal(err)
	}
	sample.Respacing, sample.Stop = "4", 1
	return &Run{
		Settings: Settings{
			Encode: encode.Settings{Size: fixtures.Size, Crop: encode.CropADM},
			Modes:  ModeSettings{IPC: 2, Method: modes.KMeans, Short: modes.ShortError},
			Sample: SampleSettings{Settings: sample},
		},
		Out: filepath.Join(dir, "out"), Shard: stage.Whole, Batch: 2,
		Engine: e, Autoencoder: vae, Denoiser: net, ClassNames: fixtures.Classes, Data: set,
	}
}

// nearlyEqual: on cpu other rows in a call change no bit. Elsewhere they may change the order of sums: about 2⁻²⁴ of
// values of order 1 to 100 in each of some tens of layers and steps.
func nearlyEqual(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool {
		if testengine.Name() == "cpu" {
			return math.Float32bits(x) == math.Float32bits(y)
		}
		return math.Abs(float64(x-y)) <= 1e-3*max(1, math.Abs(float64(y)))
	})
}

// TestRowsTogether: backends that take many rows in a call run the same code with lo..hi of more than one.
// The same images come of it.
func TestRowsTogether(t *testing.T) {
	r := tinyRun(t, 3)
	m, err := r.Do(t.Context())
	if err != nil || m == nil {
		t.Fatal(m, err)
	}
	var record samplesRecord
	if err := stage.ReadLocked(samplesDir(r.Out), &record); err != nil {
		t.Fatal(err)
	}
	s, err := r.newSampling(record)
	if err != nil {
		t.Fatal(err)
	}
	if s.counts, err = record.Modes.counts(r.Out); err != nil {
		t.Fatal(err)
	}
	images := s.images(stage.Whole)
	latentOf := func(im image) []float32 {
		modes, err := record.Modes.read(r.Out, im.class)
		if err != nil {
			t.Fatal(err)
		}
		latent, _, err := readSample(im.latent(r.Out), record.key(im, modes.Key), 4*4*4)
		if err != nil {
			t.Fatal(err)
		}
		return latent
	}
	alone := map[image][]float32{}
	for _, im := range images {
		alone[im] = latentOf(im)
	}
	made, err := s.draw(t.Context(), images, len(images))
	if err == nil {
		err = s.write(t.Context(), made)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, im := range images {
		if !nearlyEqual(latentOf(im), alone[im]) {
			t.Errorf("%v: sampled with all others it is another", im)
		}
	}
}

// TestEvents: each stage counts up to its total, and what is there already counts as kept.
func TestEvents(t *testing.T) {
	r := tinyRun(t, 3)
	for _, kept := range []bool{false, true} {
		last := map[string]stage.Event{}
		r.Report = func(e stage.Event) {
			if before := last[e.Stage]; e.Done < before.Done || e.Kept > e.Done || e.Done > e.Total {
				t.Errorf("after %+v came %+v", before, e)
			}
			last[e.Stage] = e
		}
		if _, err := r.Do(t.Context()); err != nil {
			t.Fatal(err)
		}
		for stage, total := range map[string]int{StageEncode: 9, StageModes: 3, StageSample: 6} {
			e := last[stage]
			if e.Total != total || e.Done != total || kept && e.Kept != total || !kept && e.Kept != 0 {
				t.Errorf("second time %v: %s ended with %+v, want %d", kept, stage, e, total)
			}
		}
	}
}

// TestManifestIsNotTrusted: one of another format is refused rather than misread, and one that names a
// file outside the set is no way to read that file.
func TestManifestIsNotTrusted(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ text, want string }{
		{`{"format": 2}`, "has format 2"},
		{`{`, "it is not JSON: unexpected end"},
		{`{"format": 1, "classes": [{"images": [{"file": "../x"}]}]}`, ""},
	} {
		if err := os.WriteFile(filepath.Join(dir, manifestName), []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadManifest(dir); (err == nil) != (c.want == "") || err != nil &&
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", c.text, err, c.want)
		}
	}
	faults, _, err := Verify(t.Context(), dir)
	if err != nil || len(faults) != 1 || !strings.Contains(faults[0], "outside the set") {
		t.Errorf("got %v, %v, want one fault", faults, err)
	}
}

// TestFinishRefusesWhatIsStale: an image made from modes that have changed since is not of the set, though
// its file is there and whole; the same run makes it anew.
func TestFinishRefusesWhatIsStale(t *testing.T) {
	r := tinyRun(t, 3)
	if m, err := r.Do(t.Context()); err != nil || m == nil {
		t.Fatal(m, err)
	}
	var record samplesRecord
	if err := stage.ReadLocked(samplesDir(r.Out), &record); err != nil {
		t.Fatal(err)
	}
	path := ModesFile(r.Out, "dog")
	modes, err := record.Modes.read(r.Out, "dog")
	if err != nil {
		t.Fatal(err)
	}
	c := modesOf(modes)
	c.Centres.Data[0]++
	if err := writeModes(path, "another key", c, &latent.Class{Names: modes.Names}); err != nil {
		t.Fatal(err)
	}
	if m, err := Finish(r.Out); m != nil || err != nil {
		t.Errorf("got %v, %v, want no manifest of images that are not made from these modes", m, err)
	}
	if m, err := r.Do(t.Context()); m == nil || err != nil {
		t.Errorf("the same run again: got %v, %v, want a manifest", m, err)
	}
}

// modesOf is the clustering that a modes file holds.
func modesOf(m *classModes) modes.Clustering {
	ints := func(v []int64) []int {
		out := make([]int, len(v))
		for i := range v {
			out[i] = int(v[i])
		}
		return out
	}
	return modes.Clustering{Centres: m.Centres, Assignment: ints(m.Assignment), Sizes: ints(m.Sizes),
		Nearest: ints(m.Nearest)}
}

// TestMissingStageOfAClass: a class that another shard has yet to encode is named, with the stage.
func TestMissingStageOfAClass(t *testing.T) {
	r := tinyRun(t, 3)
	r.Shard = stage.Shard{Index: 0, Count: 3}
	if err := r.Encode(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Shard = stage.Whole
	if err := r.Discover(t.Context()); !errors.Is(err, stage.ErrStage) ||
		!strings.Contains(err.Error(), `class "dog"`) {
		t.Errorf("got error %v, want an ErrStage that names class dog", err)
	}
	if err := r.Sample(t.Context()); !errors.Is(err, stage.ErrStage) || !strings.Contains(err.Error(), "dog") {
		t.Errorf("got error %v, want an ErrStage that names dog", err)
	}
}
