package distill

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/encode"
	"mgd3/stage"
)

// files reads all visible files below a folder.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		all[rel], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// warnings collects those of a run's stages. That of the manifest, of latents that ran away, comes of each whole run
// here: the weights are by chance.
func warnings(r *Run) *[]string {
	said := &[]string{}
	r.Report = func(e stage.Event) {
		if e.Warning != "" && e.Stage != StageMerge {
			*said = append(*said, e.Warning)
		}
	}
	return said
}

// TestFlippedBits is the law that a changed bit in any stored file is found by Verify, and that the next run makes
// the file again, to the byte, and says so. Of the manifest, which every run writes, nothing is said.
func TestFlippedBits(t *testing.T) {
	r := tinyRun(t, 3)
	if _, err := r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	was := files(t, r.Out)
	said := warnings(r)
	random := uint32(1)
	for _, name := range []string{
		"latents/dog.safetensors", "modes/dog.safetensors", "samples/dog/0001.safetensors", "images/dog/0001.png",
		"latents/settings.json", "modes/settings.json", "samples/settings.json", "manifest.json",
	} {
		data, path := was[name], filepath.Join(r.Out, name)
		for at := 0; at < len(data); at += 1 + len(data)/12 {
			random = random*1664525 + 1013904223
			changed := bytes.Clone(data)
			changed[at] ^= 1 << (random >> 29)
			if err := os.WriteFile(path, changed, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := foundBy(t, r.Out, name); err != nil {
				t.Errorf("%s: byte %d, %q for %q: %v", name, at, changed[at], data[at], err)
			}
			*said = nil
			if _, err := r.Do(t.Context()); err != nil {
				t.Fatalf("%s: byte %d: the next run: %v", name, at, err)
			}
			if name != "manifest.json" &&
				!slices.ContainsFunc(*said, func(s string) bool { return strings.Contains(s, "made again") }) {
				t.Errorf("%s: byte %d: the next run said %q, want a line that it was made again", name, at, *said)
			}
			if have, _ := os.ReadFile(path); !bytes.Equal(have, data) {
				t.Fatalf("%s: byte %d: the next run left another file", name, at)
			}
		}
	}
	if is := files(t, r.Out); len(is) != len(was) {
		t.Errorf("there are %d files, were %d", len(is), len(was))
	}
	if faults, unchecked, err := Verify(t.Context(), r.Out); err != nil || len(faults)+len(unchecked) > 0 {
		t.Errorf("at the end: %v, %v, %v", faults, unchecked, err)
	}
}

// foundBy returns an error if Verify does not speak of a file: as a fault, or, of a manifest that another version or
// machine may have written, as something that it could not check.
func foundBy(t *testing.T, out, name string) error {
	t.Helper()
	faults, unchecked, err := Verify(t.Context(), out)
	if err != nil {
		return err
	}
	if name == "manifest.json" {
		faults = append(faults, unchecked...)
	}
	if !slices.ContainsFunc(faults, func(s string) bool { return strings.Contains(s, name) }) {
		return fmt.Errorf("verify found %q, want a line of it", faults)
	}
	return nil
}

// TestCutSettings: a settings file that is cut is made again where what was made under it shows that it was of the
// same settings, and is an ErrUnclear for others: what they would write over is another run's.
func TestCutSettings(t *testing.T) {
	r := tinyRun(t, 3)
	if _, err := r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	was := files(t, r.Out)
	for _, folder := range []string{"latents", "modes", "samples"} {
		path := filepath.Join(r.Out, folder, stage.SettingsFile)
		data := was[filepath.Join(folder, stage.SettingsFile)]
		for _, n := range []int{0, 1, len(data) / 2, len(data) - 1} {
			if err := os.WriteFile(path, data[:n], 0o644); err != nil {
				t.Fatal(err)
			}
			if err := foundBy(t, r.Out, folder+"/"+stage.SettingsFile); err != nil {
				t.Errorf("%s, %d bytes: %v", path, n, err)
			}
			other := *r
			other.Settings.Encode.Crop, other.Settings.Modes.Method, other.Settings.Sample.Seed = encode.CropCenter,
				"gmm", 77
			do := map[string]func(context.Context) error{"latents": other.Encode, "modes": other.Discover,
				"samples": other.Sample}[folder]
			if err := do(t.Context()); !errors.Is(err, stage.ErrUnclear) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s, %d bytes, other settings: got error %v, want an ErrUnclear that names the file", path, n,
					err)
			}
			said := warnings(r)
			if _, err := r.Do(t.Context()); err != nil {
				t.Errorf("%s, %d bytes: the next run: %v", path, n, err)
			}
			if len(*said) != 1 || !strings.Contains((*said)[0], "made again") || !strings.Contains((*said)[0], path) {
				t.Errorf("%s, %d bytes: the next run said %q, want one line of the file", path, n, *said)
			}
		}
	}
	for name, data := range files(t, r.Out) {
		if !bytes.Equal(data, was[name]) {
			t.Errorf("%s is another file", name)
		}
	}
}

// TestBadManifest: whatever a manifest is, Verify says so as a fault, and holds the images against what the stages
// make.
func TestBadManifest(t *testing.T) {
	r := tinyRun(t, 3)
	if _, err := r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(r.Out, manifestName)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(r.Out, "images", "dog", "0001.png")
	picture, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"empty": {}, "cut": good[:len(good)/2], "no classes": []byte(`{"format": 1}`), "another type": []byte(`[]`),
		"null":                     []byte("null"),
		"a later format":           bytes.Replace(good, []byte(`"format": 1`), []byte(`"format": 2`), 1),
		"a word for a number":      bytes.Replace(good, []byte(`"mode": 0`), []byte(`"mode": "x"`), 1),
		"a field in other letters": bytes.Replace(good, []byte(`"label": 0`), []byte(`"Label": 0`), 1),
		"a field of another name":  bytes.Replace(good, []byte(`"label": 0`), []byte(`"labdl": 0`), 1),
	} {
		if bytes.Equal(text, good) {
			t.Fatalf("%s: nothing is changed", name)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		faults, _, err := Verify(t.Context(), r.Out)
		if err != nil || len(faults) != 1 || !strings.HasPrefix(faults[0], manifestName) ||
			strings.Contains(faults[0], "Go ") {
			t.Errorf("%s: faults %q, error %v, want one fault of the manifest", name, faults, err)
		}
		if err := os.WriteFile(image, picture[:len(picture)-1], 0o644); err != nil {
			t.Fatal(err)
		}
		if faults, _, err := Verify(t.Context(), r.Out); err != nil || len(faults) != 2 ||
			!strings.HasPrefix(strings.Join(faults, "\n"), "images/dog/0001.png") &&
				!strings.HasPrefix(faults[1], "images/dog/0001.png") {
			t.Errorf("%s, and an image: faults %q, error %v, want one of each", name, faults, err)
		}
		if err := os.WriteFile(image, picture, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Do(t.Context()); err != nil {
			t.Errorf("%s: the next run: %v", name, err)
		}
		if text, err := os.ReadFile(path); err != nil || !bytes.Equal(text, good) {
			t.Errorf("%s: the next run does not write it anew: %v", name, err)
		}
	}
}

// TestInTheWay: a folder in a file's place, and a file that is cut or empty.
func TestInTheWay(t *testing.T) {
	r := tinyRun(t, 3)
	if _, err := r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	was := files(t, r.Out)
	for _, name := range []string{"latents/dog.safetensors", "modes/dog.safetensors", "samples/dog/0001.safetensors",
		"images/dog/0001.png"} {
		path := filepath.Join(r.Out, name)
		for _, n := range []int{0, 7, len(was[name]) - 1} {
			if err := os.WriteFile(path, was[name][:n], 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Do(t.Context()); err != nil {
				t.Fatalf("%s: %d bytes: %v", name, n, err)
			}
		}
		if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o755)); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Do(t.Context()); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("a folder at %s: got error %v, want one that names it", name, err)
		}
		if faults, _, err := Verify(t.Context(), r.Out); err != nil || len(faults) == 0 {
			t.Errorf("a folder at %s: verify found %v, error %v", name, faults, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Do(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range files(t, r.Out) {
		if !bytes.Equal(data, was[name]) {
			t.Errorf("%s is another file", name)
		}
	}
}

// TestModesOfOtherLatents: images that were encoded anew want other modes; sample says so and does not go on with the
// old ones.
func TestModesOfOtherLatents(t *testing.T) {
	r := tinyRun(t, 4)
	r.Data.Classes[0].Images = r.Data.Classes[0].Images[:3]
	if _, err := r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Data.Classes[0].Images = r.Data.Classes[0].Images[:4]
	said := warnings(r)
	if err := r.Encode(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(*said, func(s string) bool { return strings.Contains(s, "made again") }) {
		t.Errorf("encode said %q, want that latents were made again", *said)
	}
	if err := r.Sample(t.Context()); !errors.Is(err, stage.ErrStage) || !strings.Contains(err.Error(), "cat") {
		t.Errorf("sample: got error %v, want an ErrStage that names the class", err)
	}
	if faults, _, err := Verify(t.Context(), r.Out); err != nil || len(faults) == 0 {
		t.Errorf("verify found %v, error %v", faults, err)
	}
	if err := errors.Join(r.Discover(t.Context()), r.Sample(t.Context())); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(r.latentsDir()); err != nil {
		t.Fatal(err)
	}
	*said = nil
	if err := r.Sample(t.Context()); err != nil || len(*said) == 0 {
		t.Errorf("without latents: error %v, said %q, want a line that nothing was compared", err, *said)
	}
}

// TestOldRun: a folder that was made before there were checksums is taken up as it is, verified as far as it can be,
// and says what could not be. testdata/run-without-checksums is one, of [tinyRun] with the classes cat and dog.
func TestOldRun(t *testing.T) {
	r := tinyRun(t, 3)
	r.Data.Classes = r.Data.Classes[:2]
	for _, class := range r.Data.Classes {
		for i := range class.Images {
			class.Images[i].ID = "fixed" // in place of the files' times
		}
	}
	if err := os.CopyFS(r.Out, os.DirFS(filepath.Join("testdata", "run-without-checksums"))); err != nil {
		t.Fatal(err)
	}
	was := files(t, r.Out)
	faults, unchecked, err := Verify(t.Context(), r.Out)
	if err != nil || len(faults) > 0 || len(unchecked) != 3 {
		t.Errorf("verify: %v, %v, %v, want no faults and three lines of what could not be checked", faults, unchecked,
			err)
	}
	said := warnings(r)
	if r.Engine.Name() != "cpu" {
		t.Skip("the folder was made on the backend cpu")
	}
	if _, err := r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(*said) != 3 {
		t.Errorf("it said %q, want a line for each stage", *said)
	}
	for name, data := range files(t, r.Out) {
		if !bytes.Equal(data, was[name]) {
			t.Errorf("%s: was made again", name)
		}
	}
}
