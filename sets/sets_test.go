package sets

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/internal/fixtures"
)

// TestOpen: a path is a set on disk, also one that is called ./glyphs, and glyphs is the set in the program.
func TestOpen(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(fixtures.Images("glyphs", 3),
		os.WriteFile("list", []byte("B ball\nA\n"), 0o666)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		spec  Spec
		want  []string // the classes
		wrong error
	}{
		{"on disk", Spec{Path: "./glyphs", Split: "train", Limit: 2}, fixtures.Classes, nil},
		{"in the program", Spec{Path: "glyphs", Limit: 2, Classes: "list"}, []string{"B", "A"}, nil},
		{"no such split", Spec{Path: "glyphs", Split: "val"}, nil, dataset.ErrSet},
		{"labels of one kind", Spec{Path: "glyphs", Labels: "coarse"}, nil, dataset.ErrOneKind},
		{"no list", Spec{Path: "glyphs", Classes: "none"}, nil, dataset.ErrList},
		{"no names", Spec{Path: "glyphs", ClassNames: "none"}, nil, dataset.ErrList},
		{"no set", Spec{Path: "none"}, nil, dataset.ErrSet},
	} {
		set, err := (&Opener{}).Open(t.Context(), c.spec)
		if !errors.Is(err, c.wrong) || (err == nil) != (c.wrong == nil) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.wrong)
		}
		if err != nil {
			continue
		}
		if got := set.ClassNames(); !slices.Equal(got, c.want) || len(set.Classes[0].Images) != 2 {
			t.Errorf("%s: got the classes %q with %d images, want %q with 2", c.name, got, len(set.Classes[0].Images),
				c.want)
		}
		_ = set.Close()
	}
}

// TestWarnings: what is passed over, and names that fit no class, are told once; strict, the former is an error.
func TestWarnings(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(fixtures.Images("set", 3), os.WriteFile("set/train/cat/notes.txt", []byte("x"), 0o666),
		os.WriteFile("names", []byte("cat\ndog\n"), 0o666)); err != nil {
		t.Fatal(err)
	}
	var passed, warned []string
	o := &Opener{
		PassedOver: func(text string) { passed = append(passed, text) },
		Warn:       func(text string) { warned = append(warned, text) },
	}
	for range 2 { // as for its classes first, and then for its images
		set, err := o.Open(t.Context(), Spec{Path: "set", Split: "train"})
		if err != nil {
			t.Fatal(err)
		}
		_ = set.Close()
	}
	if len(passed) != 1 || !strings.HasPrefix(passed[0], "set: ") || !strings.Contains(passed[0], "notes.txt") {
		t.Errorf("told of %q, want the one text file", passed)
	}
	if _, err := o.Open(t.Context(), Spec{Path: "glyphs", ClassNames: "names"}); err != nil || len(warned) != 1 {
		t.Errorf("warned of %q, %v; want one line on the names", warned, err)
	}
	o.Strict = true
	if _, err := o.Open(t.Context(), Spec{Path: "set", Split: "train"}); !errors.Is(err, dataset.ErrPassedOver) {
		t.Errorf("strict: got %v, want %v", err, dataset.ErrPassedOver)
	}
}

// TestMade: the folder of a run that is not finished gives its images whatever the split is, any other folder its own.
func TestMade(t *testing.T) {
	dir := t.TempDir()
	run := filepath.Join(dir, "run")
	if err := fixtures.Images(filepath.Join(dir, "set"), 2); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(run, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "set", "train"), distill.ImagesDir(run)); err != nil {
		t.Fatal(err)
	}
	if err := fixtures.Images(filepath.Join(dir, "set"), 2); err != nil {
		t.Fatal(err)
	}
	for path, isRun := range map[string]bool{run: true, filepath.Join(dir, "set"): false} {
		m, err := (&Opener{}).Made(t.Context(), path, dataset.OpenOptions{Split: "train", Labels: "coarse"})
		if err != nil {
			t.Fatal(err)
		}
		if m.IsRun != isRun || m.Manifest != nil || !slices.Equal(m.Images.ClassNames(), fixtures.Classes) {
			t.Errorf("%s: got %+v, want the images of a run: %v", path, m, isRun)
		}
		_ = m.Images.Close()
	}
}

// TestImagesOfARunAreHeld: the images of a finished run are held against its manifest by whatever path they are named;
// a folder of that name beside another program's manifest is any set. One to judge that is named as a folder is taken
// with a warning.
func TestImagesOfARunAreHeld(t *testing.T) {
	dir := t.TempDir()
	run := filepath.Join(dir, "run")
	if err := fixtures.Images(filepath.Join(dir, "set"), 1); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(run, 0o777),
		os.Rename(filepath.Join(dir, "set", "train"), distill.ImagesDir(run))); err != nil {
		t.Fatal(err)
	}
	var classes []string
	for _, class := range fixtures.Classes {
		files, err := os.ReadDir(filepath.Join(distill.ImagesDir(run), class))
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(distill.ImagesDir(run), class, files[0].Name()))
		if err != nil {
			t.Fatal(err)
		}
		classes = append(classes, fmt.Sprintf(`{"name": %q, "images": [{"file": "images/%s/%s",
			"sha256": "%x"}]}`, class,
			class, files[0].Name(), sha256.Sum256(data)))
	}
	ours := `{"format": 1, "classes": [` + strings.Join(classes, ", ") + `]}`
	damaged := strings.Replace(ours, `"sha256": "`, `"sha256": "0`, 1)
	for _, c := range []struct {
		manifest string
		changed  bool
	}{{ours, false}, {damaged, true}, {`{"other": 1}`, false}, {"", false}} {
		if err := os.WriteFile(filepath.Join(run, "manifest.json"), []byte(c.manifest), 0o666); err != nil {
			t.Fatal(err)
		}
		for _, spec := range []Spec{{Path: distill.ImagesDir(run)}, {Path: run, Split: "images"}} {
			set, err := (&Opener{}).Alike(t.Context(), spec, fixtures.Classes)
			var changed *ChangedError
			if errors.As(err, &changed) != c.changed || (err == nil) == c.changed {
				t.Errorf("%+v with the manifest %.20q: got %v", spec, c.manifest, err)
			}
			if err == nil {
				_ = set.Close()
			}
		}
		var warnings []string
		o := Opener{Warn: func(text string) { warnings = append(warnings, text) }}
		made, err := o.Made(t.Context(), distill.ImagesDir(run), dataset.OpenOptions{})
		if err != nil || c.changed != (len(warnings) == 1 && strings.Contains(warnings[0], "is not as the manifest")) {
			t.Fatalf("made, with the manifest %.20q: got %v, and it said %q", c.manifest, err, warnings)
		}
		_ = made.Images.Close()
	}
}

// TestUnfinished: a run without a manifest is one that is not finished, by whatever path its images are named; images
// beside which nothing was sampled are any set.
func TestUnfinished(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(fixtures.Images(dir, 2), os.Rename(filepath.Join(dir, "train"), distill.ImagesDir(dir)),
		os.Mkdir(filepath.Join(dir, "samples"), 0o777)); err != nil {
		t.Fatal(err)
	}
	for _, begun := range []bool{false, true} {
		if begun {
			if err := os.WriteFile(filepath.Join(dir, "samples", "settings.json"), []byte("{}"), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		for _, path := range []string{dir, distill.ImagesDir(dir)} {
			var warnings []string
			o := Opener{Warn: func(text string) { warnings = append(warnings, text) }}
			made, err := o.Made(t.Context(), path, dataset.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			_ = made.Images.Close()
			if begun != (len(warnings) == 1 && strings.Contains(warnings[0], "6 images are there")) {
				t.Errorf("%q, begun %v: it said %q", path, begun, warnings)
			}
		}
	}
}
