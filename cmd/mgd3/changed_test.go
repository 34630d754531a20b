package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"mgd3/internal/fixtures"
)

// TestChangedImages: what is trained on or scored as a run's is what its manifest says: a missing image or a changed
// one that can still be read is an error that names it, a further one a warning. A folder of the same images is free.
func TestChangedImages(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(fixtures.Model("model", 1), fixtures.Images("set", 4)); err != nil {
		t.Fatal(err)
	}
	makes := strings.Fields("distill --out run --data set --split train --model model --steps 2 --ipc 2 --quiet")
	if code, said := runs(makes); code != exitOK {
		t.Fatal(said)
	}
	const image, extra = "run/images/dog/0001.png", "run/images/dog/0002.png"
	good, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile("run/images/dog/0000.png")
	if err != nil {
		t.Fatal(err)
	}
	const score = "score --set run --quiet"
	const train = " --test set --test-split train --epochs 1 --size 16 --net convnet1 --quiet"
	for _, c := range []struct {
		name, line string
		change     func() error
		code       int
		want       []string
	}{
		{"missing", "evaluate --train run" + train, func() error { return os.Remove(image) }, exitVerify,
			[]string{image, "missing", "mgd3 verify run"}},
		{"missing, under a name", "evaluate --train a=run" + train, func() error { return os.Remove(image) },
			exitVerify,
			[]string{image, "missing", "mgd3 verify run"}},
		{"missing", score, func() error { return os.Remove(image) }, exitVerify,
			[]string{image, "missing", "mgd3 verify run"}},
		{"missing", "sheet run --out sheet.png", func() error { return os.Remove(image) }, exitOutput,
			[]string{image, "hint: "}},
		{"another picture", "evaluate --train run" + train, func() error { return os.WriteFile(image, other, 0o644) },
			exitVerify, []string{image, "SHA-256", "mgd3 verify run"}},
		{"another picture", score, func() error { return os.WriteFile(image, other, 0o644) }, exitVerify,
			[]string{image, "SHA-256", "mgd3 verify run"}},
		{"another picture", "sheet run --out sheet.png", func() error { return os.WriteFile(image, other, 0o644) },
			exitOutput, []string{image, "hint: "}},
		{"a folder in its place", score,
			func() error { return errors.Join(os.Remove(image), os.Mkdir(image, 0o755)) }, exitVerify,
			[]string{image, "mgd3 verify run"}},
		{"one more", "evaluate --train run" + train, func() error { return os.WriteFile(extra, other, 0o644) }, exitOK,
			[]string{"warning", "dog/0002.png"}},
		{"one more", score, func() error { return os.WriteFile(extra, other, 0o644) }, exitOK,
			[]string{"warning", "dog/0002.png"}},
		{"a folder, not a run", "evaluate --train run/images" + train, func() error { return os.Remove(image) }, exitOK,
			[]string{"warning", image, "missing"}},
		{"nothing", score, func() error { return nil }, exitOK, nil},
	} {
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
		code, said := runs(strings.Fields(c.line))
		if code != c.code {
			t.Errorf("%s: mgd3 %s: exit code %d, want %d: %s", c.name, c.line, code, c.code, said)
		}
		for _, want := range c.want {
			if !strings.Contains(said, want) {
				t.Errorf("%s: mgd3 %s: want %q in: %s", c.name, c.line, want, said)
			}
		}
		if err := errors.Join(os.RemoveAll(image), os.RemoveAll(extra), os.WriteFile(image, good, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}
