package compare

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/baseline"
	"mgd3/distill"
	"mgd3/internal/fixtures/maker"
	"mgd3/sets"
)

// TestMadeSetsAreHeld: an image of a made set that is another one since then, though a good one, is an error that names
// the set, a missing one too; a file more is warned of.
func TestMadeSetsAreHeld(t *testing.T) {
	o := maker.New(t, 6)
	o.Settings.Modes.IPC = 2
	dir := filepath.Join(t.TempDir(), "set")
	if err := o.MakeAt(t.Context(), baseline.ID{Method: baseline.Random, IPC: 2}, dir); err != nil {
		t.Fatal(err)
	}
	images, err := filepath.Glob(filepath.Join(distill.ImagesDir(dir), "*", "*.png"))
	if err != nil || len(images) < 2 {
		t.Fatalf("found %v, %v, want images", images, err)
	}
	good, err := os.ReadFile(images[0])
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(images[1])
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	open := func() error {
		set, err := openMade(t.Context(), dir, o.Train.ClassNames(), func(text string) { said = append(said, text) })
		if err == nil {
			err = set.Close()
		}
		return err
	}
	if err := open(); err != nil || said != nil {
		t.Fatalf("as it was made: got %v, %q", err, said)
	}
	for name, spoil := range map[string]func() error{
		"another image": func() error { return os.WriteFile(images[0], other, 0o644) },
		"no image":      func() error { return os.Remove(images[0]) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		var changed *sets.ChangedError
		if err := open(); !errors.As(err, &changed) || changed.Run != dir {
			t.Errorf("%s: got %v, want that the set changed", name, err)
		}
		if err := os.WriteFile(images[0], good, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(images[0]), "more.png"), other, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := open(); err != nil || len(said) != 1 || !strings.Contains(said[0], "more.png") {
		t.Errorf("a file more: got %v, %q, want one warning of it", err, said)
	}
}

// TestComparisonHoldsItsSets: a comparison and a sweep that go on do not train on an image that changed since their
// sets were made: they say so, or make it again.
func TestComparisonHoldsItsSets(t *testing.T) {
	o := tinyComparison(t)
	o.Methods, o.IPCs, o.Sets = []baseline.Method{baseline.Random}, []int{2}, 1
	compare(t, o)
	s := tinySweep(t)
	s.Axes = Axes{}
	sweepOf(t, s)
	for name, c := range map[string]struct {
		glob  string
		again func() error
	}{
		"compare": {filepath.Join(o.Out, "sets", "*", "images", "*", "*.png"), func() error {
			o.Changes = []string{"epochs=1"} // another training on the same set
			_, err := Compare(t.Context(), o)
			return err
		}},
		"sweep": {filepath.Join(s.Out, "sets", "*", "seed0", "images", "*", "*.png"), func() error {
			_, err := s.Do(t.Context())
			return err
		}},
	} {
		images, err := filepath.Glob(c.glob)
		if err != nil || len(images) < 2 {
			t.Fatalf("%s: found %v, %v, want images", name, images, err)
		}
		was, err := os.ReadFile(images[0])
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(images[1])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(images[0], other, 0o644); err != nil {
			t.Fatal(err)
		}
		err = c.again()
		is, _ := os.ReadFile(images[0])
		if changed := (*sets.ChangedError)(nil); !errors.As(err, &changed) && string(is) != string(was) {
			t.Errorf("%s: got %v, and the other image is there", name, err)
		}
	}
}
