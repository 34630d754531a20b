package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/distill"
)

// classesOf changes the manifest of a set: its classes become those of the names, and have n images.
func classesOf(t *testing.T, dir string, names []string, n int, change func(*distill.Manifest)) string {
	t.Helper()
	m, err := distill.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	m.Classes = slices.DeleteFunc(m.Classes, func(c distill.ManifestClass) bool {
		return !slices.Contains(names, c.Name)
	})
	for i := range m.Classes {
		m.Classes[i].Images = m.Classes[i].Images[:n]
		for j := range m.Classes[i].Images {
			m.Classes[i].Images[j].ClusterSize = int64(10*(j+1) + 1)
			m.Classes[i].Images[j].Seed = 1<<63 + 1 // more than a float64 holds
		}
	}
	m.Denoiser, m.Backend = "abc", "go"
	m.Settings.Modes.IPC, m.Settings.Sample.Lambda, m.Settings.Encode.Size = n, 0.1, 64
	if change != nil {
		change(m)
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, manifestName), data)
	images, err := os.ReadDir(filepath.Join(dir, "images"))
	if err != nil {
		t.Fatal(err)
	}
	for _, class := range images { // others would be strangers in the set
		files, _ := os.ReadDir(filepath.Join(dir, "images", class.Name()))
		for j, file := range files {
			if !slices.Contains(names, class.Name()) || j >= n {
				if err := os.Remove(filepath.Join(dir, "images", class.Name(), file.Name())); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return dir
}

func setOf(t *testing.T, names []string, n int, change func(*distill.Manifest)) string {
	dir, _ := newSet(t)
	return classesOf(t, dir, names, n, change)
}

// verified is the manifest of a set that distill.Verify finds no fault in.
func verified(t *testing.T, dir string) *distill.Manifest {
	t.Helper()
	faults, _, err := distill.Verify(t.Context(), dir)
	if err != nil || faults != nil {
		t.Errorf("verify: %q, %v", faults, err)
	}
	m, err := distill.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestMerge: sets of other classes, of other numbers of images, become one, whose classes keep their order and their
// images, and whose manifest has what is from where; the same again changes nothing.
func TestMerge(t *testing.T) {
	one := setOf(t, []string{"owl"}, 3, nil)
	two := setOf(t, []string{"cat", "n01.tench å"}, 2, func(m *distill.Manifest) { m.Denoiser = "other" })
	out := filepath.Join(t.TempDir(), "out")
	for range 2 {
		if notes, err := Merge(t.Context(), out, []string{one, two}, MergeOptions{}); err != nil || notes != nil {
			t.Fatalf("%v, notes %q", err, notes)
		}
	}
	m := verified(t, out)
	if got, want := m.ClassNames(), []string{"owl", "cat", "n01.tench å"}; !slices.Equal(got, want) {
		t.Errorf("classes %q, want %q", got, want)
	}
	if n := []int{len(m.Classes[0].Images), len(m.Classes[1].Images)}; !slices.Equal(n, []int{3, 2}) {
		t.Errorf("images %v, want 3 and 2", n)
	}
	if im := m.Classes[0].Images[2]; im.ClusterSize != 31 || im.Seed != 1<<63+1 {
		t.Errorf("the third owl is %+v, want it as it was", im)
	}
	if m.Denoiser != "" || m.Backend != "go" || m.Settings.Modes.IPC != 0 || m.Settings.Encode.Size != 64 {
		t.Errorf("%+v: want what both have alike, and no more", m)
	}
	if len(m.Merged) != 2 || !strings.Contains(string(m.Merged[1].Of), `"denoiser": "other"`) ||
		fmt.Sprint(m.Merged[0].Classes) != "[{owl 3 3 }]" {
		t.Errorf("merged: %d sources, the first with %v", len(m.Merged), m.Merged[0].Classes)
	}
	for _, format := range Formats {
		o := Options{Format: format}
		if _, err := Write(t.Context(), out, o.Format.Path(filepath.Join(t.TempDir(), "x")), o); err != nil {
			t.Errorf("export to %s: %v", o.Format, err)
		}
	}
	// a set that was put together is put together again, and knows its parts
	more := filepath.Join(t.TempDir(), "more")
	few := MergeOptions{Classes: []string{"cat", "owl"}, IPC: 1}
	if _, err := Merge(t.Context(), more, []string{out}, few); err != nil {
		t.Fatal(err)
	}
	if m := verified(t, more); !slices.Equal(m.ClassNames(), []string{"cat", "owl"}) || len(m.Merged) != 1 ||
		!strings.Contains(string(m.Merged[0].Of), `"merged": [`) {
		t.Errorf("merged again: %q of %d sources", m.ClassNames(), len(m.Merged))
	}
	put(t, filepath.Join(out, "images", "cat", "0000.png"), []byte("x"))
	if faults, _, err := distill.Verify(t.Context(), out); len(faults) != 1 || err != nil {
		t.Errorf("a changed image: %q, %v", faults, err)
	}
	if _, err := Merge(t.Context(), out, []string{one, two}, MergeOptions{}); !errors.Is(err, ErrExists) {
		t.Errorf("onto something else: %v", err)
	}
}

// TestMergeRefused: what cannot be put together is named.
func TestMergeRefused(t *testing.T) {
	one, two := setOf(t, []string{"owl", "cat"}, 2, nil), setOf(t, []string{"cat"}, 3, nil)
	out := filepath.Join(t.TempDir(), "out")
	for name, c := range map[string]struct {
		dirs []string
		o    MergeOptions
		want error
	}{
		`class "cat": is in two sets`: {[]string{one, two}, MergeOptions{}, ErrOverlap},
		`class "dog"`:                 {[]string{one}, MergeOptions{Classes: []string{"owl", "dog"}}, ErrNoClass},
		"none of its classes":         {[]string{one, two}, MergeOptions{Classes: []string{"owl"}}, ErrNoClass},
		"not a finished set":          {[]string{t.TempDir()}, MergeOptions{}, ErrSet},
	} {
		_, err := Merge(t.Context(), out, c.dirs, c.o)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if left, _ := os.ReadDir(filepath.Dir(out)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestMergeJoin: of a class in two sets the images of the second follow, and the real images are those of both.
func TestMergeJoin(t *testing.T) {
	one, two := setOf(t, []string{"owl", "cat"}, 2, nil), setOf(t, []string{"cat"}, 3, nil)
	out := filepath.Join(t.TempDir(), "out")
	if _, err := Merge(t.Context(), out, []string{one, two}, MergeOptions{Join: true}); err != nil {
		t.Fatal(err)
	}
	m := verified(t, out)
	cat := m.Classes[1]
	if len(cat.Images) != 5 || cat.Real != 10 || cat.Images[4].File != "images/cat/0004.png" ||
		cat.Images[4].SHA256 != verified(t, two).Classes[0].Images[2].SHA256 {
		t.Errorf("cat: %+v", cat)
	}
}

// TestMergeMasses: without the modes the real images are shared out, and none is lost.
func TestMergeMasses(t *testing.T) {
	dir := setOf(t, []string{"owl", "cat"}, 3, nil)
	out := filepath.Join(t.TempDir(), "out")
	notes, err := Merge(t.Context(), out, []string{dir}, MergeOptions{IPC: 2})
	if err != nil || len(notes) != 2 || !strings.Contains(notes[0], "shared out") {
		t.Fatalf("%v, notes %q", err, notes)
	}
	for _, class := range verified(t, out).Classes { // 11, 21 and 31 real images: 63·11/32 = 21.7
		if a, b := class.Images[0].ClusterSize, class.Images[1].ClusterSize; a != 22 || b != 41 {
			t.Errorf("%s: masses %d and %d, want 22 and 41", class.Name, a, b)
		}
	}
}
