package compare

import (
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/baseline"
	"mgd3/evaluate"
	"mgd3/internal/fixtures"
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

// TestCompareSetsAreDraws: the comparison says that its sets have encodings of their own, and does not go on with one
// that has not.
func TestCompareSetsAreDraws(t *testing.T) {
	o := tinyComparison(t)
	o.IPCs, o.Methods, o.Sets = []int{2}, []baseline.Method{baseline.MGD3, baseline.Nearest}, 2
	o.Settings.Encode.Flip = true
	old := o
	compare(t, old)
	o.SeedEncodes = true
	if _, err := Compare(t.Context(), o); !errors.Is(err, stage.ErrOther) ||
		!strings.Contains(err.Error(), "seed_encodes") {
		t.Errorf("over sets of one encoding: got error %v, want an ErrOther that names seed_encodes", err)
	}
	o.Out = t.TempDir()
	c := compare(t, o)
	if runs := c.Cell("convnet1", 2, baseline.Nearest).Runs; len(runs) != 2 || !c.Made.SeedEncodes ||
		!strings.Contains(c.repeats(), "anew for each seed") ||
		strings.Contains(c.repeats(), "left to chance in nearest") {
		t.Errorf("got %d runs, notes %q", len(runs), c.repeats())
	}
	if a, b := filesIn(t, filepath.Join(o.Out, "sets", "nearest-ipc2-seed0", "modes")),
		filesIn(t, filepath.Join(o.Out, "sets", "nearest-ipc2-seed1", "modes")); len(a) == 0 || maps.Equal(a, b) {
		t.Error("the nearest images of both sets come from equal modes")
	}
}

// TestSweepSetsAreDraws: in a sweep the kept part of the images is that of each set's own encoding.
func TestSweepSetsAreDraws(t *testing.T) {
	s := tinySweep(t)
	s.Sets, s.Judge = 2, evaluate.Judge{}
	s.Axes = Axes{}
	s.Settings.Encode.Flip, s.SeedEncodes = true, true
	if _, err := s.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(s.Out, keptDir)
	if a, b := filesIn(t, kept), filesIn(t, filepath.Join(kept, "seed-1")); len(a) < 2 || len(a) != len(b) ||
		maps.Equal(a, b) {
		t.Errorf("got %d and %d files of kept latents, want as many and others", len(a), len(b))
	}
}
