package distill

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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

// warnings collects those of a run.
func warnings(r *Run) *[]string {
	said := &[]string{}
	r.Report = func(e Event) {
		if e.Warning != "" {
			*said = append(*said, e.Warning)
		}
	}
	return said
}

// TestFlippedBits is the law that a changed bit in any stored file is found by Verify, and that the next run makes the file again, to
// the byte, and says so. Of the manifest, which every run writes, nothing is said.
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
			if name == "manifest.json" && (strings.ContainsAny(string(data[at]), " \n") || strings.Contains(string(data[max(0, at-20):at+1]), "version")) {
				continue // between fields nothing changes, and versions may differ
			}
			if err := os.WriteFile(path, changed, 0o644); err != nil {
				t.Fatal(err)
			}
			if faults, _, err := Verify(t.Context(), r.Out); err == nil && len(faults) == 0 {
				t.Errorf("%s: byte %d, %q for %q: nothing found", name, at, changed[at], data[at])
			}
			*said = nil
			if _, err := r.Do(t.Context()); err != nil {
				t.Fatalf("%s: byte %d: the next run: %v", name, at, err)
			}
			if name != "manifest.json" && !slices.ContainsFunc(*said, func(s string) bool { return strings.Contains(s, "made again") }) {
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

// TestInTheWay: a folder in a file's place, and a file that is cut or empty.
func TestInTheWay(t *testing.T) {
	r := tinyRun(t, 3)
	if _, err := r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	was := files(t, r.Out)
	for _, name := range []string{"latents/dog.safetensors", "modes/dog.safetensors", "samples/dog/0001.safetensors", "images/dog/0001.png"} {
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

// TestModesOfOtherLatents: images that were encoded anew want other modes; sample says so and does not go on with the old ones.
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
	if err := r.Sample(t.Context()); !errors.Is(err, ErrStage) || !strings.Contains(err.Error(), "cat") {
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

// TestOldRun: a folder that was made before there were checksums is taken up as it is, verified as far as it can be, and says what could
// not be. testdata/run-without-checksums is one, of [tinyRun] with the classes cat and dog.
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
		t.Errorf("verify: %v, %v, %v, want no faults and three lines of what could not be checked", faults, unchecked, err)
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
