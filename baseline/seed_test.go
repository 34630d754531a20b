package baseline_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mgd3/baseline"
	"mgd3/distill"
	"mgd3/encode"
	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/maker"
	"mgd3/stage"
)

// filesIn returns the files in dir by their names.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := fixtures.FilesIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestSetsAreDraws: with SeedEncodes, as under the published presets, sets of other seeds have other latents and
// other modes, in folders of their own; without, all share one encoding, as ever.
func TestSetsAreDraws(t *testing.T) {
	o := maker.New(t, 6)
	o.Settings.Encode.Flip, o.SeedEncodes = true, true
	var dirs []string
	for seed := range uint64(3) {
		dir := makeSet(t, o, baseline.MGD3, 2, seed)
		m, err := distill.ReadManifest(dir)
		if err != nil || m.Settings.Encode.Seed != seed || m.Settings.Sample.Seed != seed ||
			m.Settings.Modes.Seed != 0 {
			t.Errorf("set %d: got settings %+v, %v, want its seed for flips and noise, and 0 for the clustering", seed,
				m.Settings, err)
		}
		dirs = append(dirs, dir)
	}
	latents := filepath.Join(o.Out, "latents")
	first, second, third := filesIn(t, latents), filesIn(t, filepath.Join(latents, "seed-1")),
		filesIn(t, filepath.Join(latents, "seed-2"))
	for name := range first {
		if first[name] == second[name] || second[name] == third[name] || first[name] == third[name] {
			t.Errorf("latents %s of two seeds are equal", name)
		}
	}
	if len(first) != 4 || len(second) != 4 {
		t.Errorf("got %d and %d files of latents, want 3 classes and the settings", len(first), len(second))
	}
	if maps.Equal(filesIn(t, filepath.Join(dirs[0], "modes")), filesIn(t, filepath.Join(dirs[1], "modes"))) {
		t.Error("sets 0 and 1 have equal modes")
	}

	// What chooses by latents has sets of its own as well; a set of real images by chance has no latents.
	for _, m := range []baseline.Method{baseline.Nearest, baseline.Herding, baseline.KCenter} {
		if a, b := makeSet(t, o, m, 2, 0), makeSet(t, o, m, 2, 1); a == b {
			t.Errorf("%s: sets 0 and 1 have one folder %s", m, a)
		}
	}

	o.SeedEncodes, o.Out = false, t.TempDir()
	makeSet(t, o, baseline.MGD3, 2, 0)
	before := filesIn(t, filepath.Join(o.Out, "latents"))
	makeSet(t, o, baseline.MGD3, 2, 1)
	if entries, err := os.ReadDir(filepath.Join(o.Out, "latents")); err != nil ||
		!maps.Equal(filesIn(t, filepath.Join(o.Out, "latents")), before) ||
		slices.ContainsFunc(entries, os.DirEntry.IsDir) {
		t.Errorf("without SeedEncodes the second set has changed the latents (%v)", err)
	}
	if !maps.Equal(before, first) {
		t.Error("the latents of seed 0 are others without SeedEncodes")
	}
}

// TestSharedLatents: a cache that is there stays that of its seed, and is not encoded again; other seeds get folders
// in it, whichever comes first.
func TestSharedLatents(t *testing.T) {
	for _, there := range []uint64{0, 1, 5} {
		o := maker.New(t, 4)
		o.Settings.Encode.Flip, o.Latents = true, t.TempDir()
		o.Settings.Encode.Seed = there
		makeSet(t, o, baseline.MGD3, 2, 0) // by one encoding for all seeds
		before := filesIn(t, o.Latents)

		o.SeedEncodes, o.Settings.Encode.Seed, o.Out = true, 0, t.TempDir()
		encoded := map[string]bool{}
		o.Report = func(set baseline.ID, e stage.Event) {
			if e.Stage == distill.StageEncode && e.Done > e.Kept {
				encoded[set.String()] = true
			}
		}
		for seed := range uint64(2) {
			makeSet(t, o, baseline.MGD3, 2, seed)
		}
		if !maps.Equal(filesIn(t, o.Latents), before) {
			t.Errorf("a cache of seed %d has changed", there)
		}
		for seed := range uint64(2) {
			want := o.Latents
			if seed != there {
				want = filepath.Join(o.Latents, []string{"seed-0", "seed-1"}[seed])
			}
			if c, err := encode.ReadRecord(want); err != nil || c.Settings.Seed != seed {
				t.Errorf("beside a cache of seed %d: %s has %+v, %v, want seed %d", there, want, c.Settings, err, seed)
			}
		}
		want := 2
		if there < 2 {
			want = 1
		}
		if len(encoded) != want {
			t.Errorf("beside a cache of seed %d: encoded for %v, want %d sets", there,
				slices.Collect(maps.Keys(encoded)), want)
		}
	}
}
