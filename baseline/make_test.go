package baseline_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/baseline"
	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/maker"
	"mgd3/modes"
	"mgd3/stage"
)

// makeSet makes a set and returns its folder.
func makeSet(t *testing.T, o baseline.Maker, m baseline.Method, ipc int, seed uint64) string {
	t.Helper()
	dir, err := o.Make(t.Context(), baseline.ID{Method: m, IPC: ipc, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// choiceIn reads the manifest of a set of real images.
func choiceIn(t *testing.T, dir string) (c baseline.Chosen) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// imagesOf returns the bytes of a set's images by their path below the set's folder.
func imagesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := fixtures.Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(files, func(name, _ string) bool {
		return !strings.HasPrefix(name, "images/") || path.Ext(name) != ".png"
	})
	return files
}

// TestMake: every method makes as many images as wanted, distinct ones of the model's size, in a folder that
// distill.Verify finds whole; making it again keeps it, in another folder it is the same to the byte.
func TestMake(t *testing.T) {
	o := maker.New(t, 6)
	const ipc = 3
	for _, m := range baseline.Makes {
		t.Run(string(m), func(t *testing.T) {
			dir := makeSet(t, o, m, ipc, 1)
			first := imagesOf(t, dir)
			if want := ipc * len(fixtures.Classes); len(first) != want {
				t.Fatalf("got %d images, want %d", len(first), want)
			}
			if n := len(slices.Compact(slices.Sorted(maps.Values(first)))); n != len(first) {
				t.Errorf("got %d distinct images of %d", n, len(first))
			}
			for name, data := range first {
				if im, err := dataset.Decode([]byte(data)); err != nil || im.W != fixtures.Size ||
					im.H != fixtures.Size {
					t.Errorf("%s: got %v, %v, want %d × %d pixels", name, im, err, fixtures.Size, fixtures.Size)
				}
			}
			if faults, _, err := distill.Verify(t.Context(), dir); err != nil || len(faults) > 0 {
				t.Errorf("verify: %v, %v", faults, err)
			}
			again := o
			var last stage.Event
			again.Report = func(_ baseline.ID, e stage.Event) {
				if e.Warning == "" { // which may follow: weights by chance throw latents far
					last = e
				}
			}
			makeSet(t, again, m, ipc, 1)
			if last.Kept != last.Total || last.Total != len(first) {
				t.Errorf("the second time the last event is %+v, want all of %d kept", last, len(first))
			}
			other := o
			other.Out, other.Latents, other.Batch = t.TempDir(), "", 1
			if !maps.Equal(imagesOf(t, makeSet(t, other, m, ipc, 1)), first) {
				t.Error("another folder and batch give other images")
			}
		})
	}
}

// TestChosenAreReal: the images of a coreset are the crops of those that its manifest names, one each, and none
// that a kill or a hand took away stays away.
func TestChosenAreReal(t *testing.T) {
	o := maker.New(t, 6)
	for _, m := range []baseline.Method{baseline.Nearest, baseline.Herding, baseline.KCenter, baseline.Random} {
		dir := makeSet(t, o, m, 4, 0)
		before := imagesOf(t, dir)
		for i, class := range choiceIn(t, dir).Classes {
			for j, im := range class.Images {
				refs := slices.DeleteFunc(slices.Clone(o.Train.Classes[i].Images),
					func(r dataset.Ref) bool { return r.Name != im.Source })
				for sample := range o.Train.Load(t.Context(), refs, o.Settings.Encode.LoadOptions()) {
					got, err := dataset.Decode([]byte(before[distill.ImageFile(class.Name, j)]))
					if err != nil || !slices.Equal(got.Pix, sample.Image.Pix) {
						t.Errorf("%s: %s is not the crop of %s: %v", m, im.File, im.Source, err)
					}
				}
			}
		}
		if err := os.Remove(filepath.Join(dir, distill.ImageFile("dog", 2))); err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(imagesOf(t, makeSet(t, o, m, 4, 0)), before) {
			t.Errorf("%s: a lost image does not come back", m)
		}
	}
}

// TestSettingsOfMethods: the methods change what they are named after, and nothing else.
func TestSettingsOfMethods(t *testing.T) {
	o := maker.New(t, 4)
	read := func(m baseline.Method) distill.Settings {
		manifest, err := distill.ReadManifest(makeSet(t, o, m, 2, 7))
		if err != nil {
			t.Fatal(err)
		}
		return manifest.Settings
	}
	want := o.Settings
	want.Modes.IPC, want.Sample.Seed = 2, 7
	if got := read(baseline.MGD3); got != want {
		t.Errorf("mgd3: got %+v, want %+v", got, want)
	}
	noStop := want
	noStop.Sample.Stop = 0
	if got := read(baseline.NoStop); got != noStop {
		t.Errorf("nostop: got %+v, want %+v", got, noStop)
	}
	unguided := want
	unguided.Sample.Lambda = 0
	if got := read(baseline.Unguided); got != unguided {
		t.Errorf("unguided: got %+v, want %+v", got, unguided)
	}
}

// TestSeeds: the seed changes what it is of, and a smaller random set is the beginning of a larger one.
func TestSeeds(t *testing.T) {
	o := maker.New(t, 8)
	for _, m := range baseline.Makes {
		same := maps.Equal(imagesOf(t, makeSet(t, o, m, 2, 0)), imagesOf(t, makeSet(t, o, m, 2, 1)))
		if same == m.Seeded() {
			t.Errorf("%s: seeds 0 and 1 give equal sets: %v", m, same)
		}
	}
	small, large := imagesOf(t, makeSet(t, o, baseline.Random, 2, 3)), imagesOf(t, makeSet(t, o, baseline.Random, 5, 3))
	for name, data := range small {
		if large[name] != data {
			t.Errorf("random: %s of 2 is another image than of 5", name)
		}
	}
}

// TestMakeRefuses: what cannot be made says so, and a folder of another set is left as it is.
func TestMakeRefuses(t *testing.T) {
	o := maker.New(t, 3)
	for _, m := range baseline.Makes {
		if _, err := o.Make(t.Context(), baseline.ID{Method: m, IPC: 4, Seed: 0}); !errors.Is(err, modes.ErrTooFew) {
			t.Errorf("%s, 4 of 3 images: got error %v, want an ErrTooFew", m, err)
		}
		if _, err := o.Make(t.Context(), baseline.ID{Method: m, IPC: 0, Seed: 0}); err == nil {
			t.Errorf("%s, 0 images: got no error", m)
		}
	}
	if _, err := o.Make(t.Context(), baseline.ID{Method: baseline.Full, IPC: 1, Seed: 0}); err == nil ||
		!strings.Contains(err.Error(), "makes no set") {
		t.Errorf("full: got error %v", err)
	}
	dir := t.TempDir()
	if err := o.MakeAt(t.Context(), baseline.ID{Method: baseline.Herding, IPC: 2, Seed: 0}, dir); err != nil {
		t.Fatal(err)
	}
	before := imagesOf(t, dir)
	if err := o.MakeAt(t.Context(), baseline.ID{Method: baseline.KCenter, IPC: 2, Seed: 0},
		dir); !errors.Is(err, stage.ErrOther) || !strings.Contains(err.Error(), "method") {
		t.Errorf("over another method: got error %v, want an ErrOther that names it", err)
	}
	if err := o.MakeAt(t.Context(), baseline.ID{Method: baseline.MGD3, IPC: 2, Seed: 0},
		dir); !errors.Is(err, stage.ErrOther) {
		t.Errorf("sampling over real images: got error %v, want an ErrOther", err)
	}
	if !maps.Equal(imagesOf(t, dir), before) {
		t.Error("the images have changed")
	}
}

// TestSkipBad: without it an image that cannot be read is an error by its name; with it the choice goes on without.
func TestSkipBad(t *testing.T) {
	o := maker.New(t, 3)
	set := t.TempDir()
	if err := errors.Join(fixtures.Images(set, 3), os.WriteFile(filepath.Join(set, "train", "dog", "001.png"),
		[]byte("no image"), 0o644)); err != nil {
		t.Fatal(err)
	}
	var err error
	if o.Train, err = dataset.Open(t.Context(), set, dataset.OpenOptions{Split: "train"}); err != nil {
		t.Fatal(err)
	}
	for _, m := range []baseline.Method{baseline.Random, baseline.Herding} {
		o.Settings.Encode.SkipBad, o.Out = false, t.TempDir()
		if _, err := o.Make(t.Context(), baseline.ID{Method: m, IPC: 3, Seed: 0}); !errors.Is(err, dataset.ErrImage) ||
			!strings.Contains(err.Error(), "dog/001.png") {
			t.Errorf("%s: got error %v, want an ErrImage that names dog/001.png", m, err)
		}
		o.Settings.Encode.SkipBad, o.Out = true, t.TempDir()
		if _, err := o.Make(t.Context(), baseline.ID{Method: m, IPC: 3, Seed: 0}); !errors.Is(err, modes.ErrTooFew) ||
			!strings.Contains(err.Error(), "dog") {
			t.Errorf("%s: got error %v, want an ErrTooFew that names dog", m, err)
		}
		dir := makeSet(t, o, m, 2, 0)
		if n := len(imagesOf(t, dir)); n != 6 {
			t.Errorf("%s: got %d images, want 6", m, n)
		}
		if faults, _, err := distill.Verify(t.Context(), dir); err != nil || len(faults) > 0 {
			t.Errorf("%s: verify: %v, %v", m, faults, err)
		}
	}
}
