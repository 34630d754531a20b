package review

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/export"
	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/tinyrun"
	"mgd3/sets"
	"mgd3/stage"
)

func journal(t *testing.T, set string) *Journal {
	t.Helper()
	j, cut, err := OpenJournal(set)
	if err != nil || cut != 0 {
		t.Fatal(cut, err)
	}
	t.Cleanup(j.Close)
	return j
}

// TestReview goes the whole way: one image kept, one rejected, one replaced by one made again. The new set says so, is
// as its manifest says, and everything that takes a set takes it; the old one is as it was. Twice gives the same bytes.
func TestReview(t *testing.T) {
	r := tinyrun.Make(t)
	before, err := os.ReadFile(distill.ManifestFile(r.Out))
	if err != nil {
		t.Fatal(err)
	}
	m, err := distill.ReadManifest(r.Out)
	if err != nil {
		t.Fatal(err)
	}
	class := m.Classes[1]
	j := journal(t, r.Out)
	settings := r.Settings.Sample
	settings.Seed, settings.Lambda = 5, 0.3
	d, err := r.Again(t.Context(), distill.Again{Class: class.Name, Mode: 2, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	c, err := j.Add(class.Name, d)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []Decision{{File: class.Images[0].File, Verdict: distill.Keep, Reason: "sharp"},
		{File: class.Images[1].File, Verdict: distill.Reject, Reason: "two heads"},
		{File: m.Classes[0].Images[0].File, Verdict: distill.Reject},
		{File: class.Images[2].File, Verdict: distill.Replace, Reason: "blurred", Candidate: c.ID}} {
		if _, err := j.Decide(d, 0); err != nil {
			t.Fatal(err)
		}
	}
	if d, err := j.Decide(Decision{File: m.Classes[0].Images[0].File, Verdict: Open}, 3); err != nil || d.N != 5 {
		t.Fatal(d, err) // nothing is decided about it any more
	}
	out := filepath.Join(t.TempDir(), "new")
	for range 2 {
		if notes, err := j.Write(t.Context(), out); err != nil || len(notes) > 0 {
			t.Fatal(notes, err)
		}
	}
	now, err := distill.ReadManifest(out)
	if err != nil {
		t.Fatal(err)
	}
	images := now.Classes[1].Images
	if len(images) != 2 || len(now.Classes[0].Images) != 3 || now.Reviewed.Kept != 1 || now.Reviewed.Replaced != 1 ||
		len(now.Reviewed.Rejected) != 1 || now.Reviewed.Rejected[0].Reason != "two heads" {
		t.Fatalf("got %d images and the review %+v", len(images), now.Reviewed)
	}
	if images[0].Review.Reason != "sharp" || images[0].SHA256 != class.Images[0].SHA256 {
		t.Errorf("the image that was kept is %+v, was %+v", images[0], class.Images[0])
	}
	mass := func(c distill.ManifestClass) (n int64) {
		for _, im := range c.Images {
			n += im.ClusterSize
		}
		return n
	}
	if got, want := mass(now.Classes[1]), mass(class); got != want {
		t.Errorf("the images stand for %d real ones, want %d", got, want)
	}
	// the entry is enough for the run's networks to make the image once more
	by := images[1]
	if by.SHA256 != d.Entry.SHA256 || by.Review.Was != class.Images[2].SHA256 || by.Seed != 5 {
		t.Errorf("the image that replaces one is %+v, want %+v", by, d.Entry)
	}
	again, err := r.Again(t.Context(), distill.Again{Class: class.Name, Mode: by.Mode,
		Settings: by.Review.Again.Settings})
	data, errRead := os.ReadFile(filepath.Join(out, by.File))
	if err := errors.Join(err, errRead); err != nil || !bytes.Equal(again.PNG, data) {
		t.Errorf("made by its manifest it is another image: %v", err)
	}
	if faults, _, err := distill.Verify(t.Context(), out); len(faults) > 0 || err != nil {
		t.Errorf("verify: %q, %v", faults, err)
	}
	if after, _ := os.ReadFile(distill.ManifestFile(r.Out)); !bytes.Equal(before, after) {
		t.Error("the set's manifest has changed")
	}
	if faults, _, err := distill.Verify(t.Context(), r.Out); len(faults) > 0 || err != nil {
		t.Errorf("verify of the set: %q, %v", faults, err)
	}
	if made, err := (&sets.Opener{}).Made(t.Context(), out, dataset.OpenOptions{}); err != nil {
		t.Errorf("as a set: %v", err)
	} else {
		_ = made.Images.Close()
	}
	for _, format := range export.Formats {
		if _, err := export.Write(t.Context(), out, filepath.Join(t.TempDir(), "x"),
			export.Options{Format: format}); err != nil {
			t.Errorf("exported as %s: %v", format, err)
		}
	}
	t.Run("damage", func(t *testing.T) { damage(t, out, by.File) })
}

// damage: verify finds what somebody changed in a reviewed set.
func damage(t *testing.T, out, file string) {
	latent := filepath.Join("again", strings.TrimSuffix(strings.TrimPrefix(file, "images/"), ".png")+".safetensors")
	slots := func(dir string, class int) string {
		return filepath.Join(dir, "slots", fixtures.Classes[class]+".safetensors")
	}
	edit := func(from, to string) func(string) error {
		return func(dir string) error {
			text, err := os.ReadFile(distill.ManifestFile(dir))
			if err == nil && !bytes.Contains(text, []byte(from)) {
				err = fmt.Errorf("no %q in the manifest", from)
			}
			text = bytes.Replace(text, []byte(from), []byte(to), 1)
			return errors.Join(err, os.WriteFile(distill.ManifestFile(dir), text, 0o666))
		}
	}
	for name, do := range map[string]func(dir string) error{
		"empty slots": func(dir string) error { return os.WriteFile(slots(dir, 0), nil, 0o666) },
		"slots of another class": func(dir string) error {
			data, err := os.ReadFile(slots(dir, 0))
			return errors.Join(err, os.WriteFile(slots(dir, 1), data, 0o666))
		},
		"no latent":        func(dir string) error { return os.Remove(filepath.Join(dir, latent)) },
		"an empty latent":  func(dir string) error { return os.WriteFile(filepath.Join(dir, latent), nil, 0o666) },
		"another lambda":   edit(`"lambda": 0.3`, `"lambda": 0.4`),
		"another verdict":  edit(`"verdict": "replace"`, `"verdict": "keep"`),
		"no such verdict":  edit(`"verdict": "keep"`, `"verdict": "love"`),
		"one more kept":    edit(`"kept": 1`, `"kept": 2`),
		"more than before": edit(`"images_before": 9`, `"images_before": 10`),
	} {
		dir := filepath.Join(t.TempDir(), "set")
		if err := errors.Join(os.CopyFS(dir, os.DirFS(out)), do(dir)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if faults, _, err := distill.Verify(t.Context(), dir); len(faults) == 0 || err != nil {
			t.Errorf("%s: verify found nothing, %v", name, err)
		}
	}
}

// set writes a set of n images of one class, by hand.
func set(t testing.TB, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "set")
	c := distill.ManifestClass{Name: "cat"}
	for i := range n {
		c.Images = append(c.Images, distill.ManifestImage{File: distill.ImageFile("cat", i)})
	}
	text, err := json.Marshal(distill.Manifest{Format: 1, Classes: []distill.ManifestClass{c}})
	if err := errors.Join(err, os.MkdirAll(dir, 0o777), os.WriteFile(distill.ManifestFile(dir), text,
		0o666)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestTogether: of many who decide at once about few images, each decision is there or its maker knows of another.
func TestTogether(t *testing.T) {
	dir := set(t, 3)
	j := journal(t, dir)
	var mu sync.Mutex
	made := map[int]Decision{}
	var wg sync.WaitGroup
	for who := range 8 {
		wg.Go(func() {
			seen := map[string]int{}
			for i := range 20 {
				d := Decision{File: distill.ImageFile("cat", i%3), Verdict: distill.Keep,
					Reason: fmt.Sprintf("%d of %d", i, who)}
				got, err := j.Decide(d, seen[d.File])
				seen[d.File] = got.N
				if err == nil {
					mu.Lock()
					made[got.N] = got
					mu.Unlock()
				} else if !errors.Is(err, ErrSeen) || got.N == 0 {
					t.Errorf("got %+v, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
	j.Close()
	text, err := os.ReadFile(filepath.Join(Dir(dir), "decisions.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte{'\n'})[1:]
	if len(lines) != len(made) {
		t.Fatalf("the journal has %d decisions, %d were made", len(lines), len(made))
	}
	for i, line := range lines {
		var d Decision
		if err := json.Unmarshal(line, &d); err != nil || d != made[i+1] {
			t.Errorf("line %d is %s, want %+v", i, line, made[i+1])
		}
	}
}

// TestCrash: wherever a process is killed while it writes a line, the lines before it are there, and the journal goes
// on.
func TestCrash(t *testing.T) {
	dir := set(t, 3)
	j := journal(t, dir)
	for i := range 3 {
		if _, err := j.Decide(Decision{File: distill.ImageFile("cat", i), Verdict: distill.Reject}, 0); err != nil {
			t.Fatal(err)
		}
	}
	j.Close()
	path := filepath.Join(Dir(dir), "decisions.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(text) + 1 {
		if err := os.WriteFile(path, text[:n], 0o666); err != nil {
			t.Fatal(err)
		}
		j, cut, err := OpenJournal(dir)
		if err != nil {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
		lines := bytes.Count(text[:n], []byte{'\n'})
		if got := j.Decisions(); len(got) != max(0, lines-1) || (cut == 0) != (n == 0 || text[n-1] == '\n') {
			t.Errorf("cut to %d bytes: %d decisions, and %d bytes cut off", n, len(got), cut)
		}
		file := distill.ImageFile("cat", 2)
		if _, err := j.Decide(Decision{File: file, Verdict: distill.Keep}, j.last[file].N); err != nil {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
		j.Close()
		j, cut, err = OpenJournal(dir)
		if err != nil || cut != 0 || j.last[file].Verdict != distill.Keep {
			t.Fatalf("cut to %d bytes, and gone on: %d, %v", n, cut, err)
		}
		j.Close()
	}
}

func TestRefused(t *testing.T) {
	dir := set(t, 2)
	j := journal(t, dir)
	file := distill.ImageFile("cat", 0)
	for name, d := range map[string]Decision{
		"no image":            {File: "../secret", Verdict: distill.Keep},
		"no verdict":          {File: file, Verdict: "love"},
		"a long reason":       {File: file, Verdict: distill.Keep, Reason: strings.Repeat("x", longestReason+1)},
		"nothing to replace":  {File: file, Verdict: distill.Replace},
		"no such candidate":   {File: file, Verdict: distill.Replace, Candidate: strings.Repeat("a", 24)},
		"a path":              {File: file, Verdict: distill.Replace, Candidate: "../../secret"},
		"kept by a candidate": {File: file, Verdict: distill.Keep, Candidate: strings.Repeat("a", 24)},
	} {
		if _, err := j.Decide(d, 0); !errors.Is(err, ErrDecision) {
			t.Errorf("%s: got %v, want %v", name, err, ErrDecision)
		}
	}
	if _, _, err := OpenJournal(dir); !errors.Is(err, stage.ErrBusy) {
		t.Errorf("opened twice: got %v, want %v", err, stage.ErrBusy)
	}
	if _, err := j.Write(t.Context(), filepath.Join(dir, "inside")); err == nil {
		t.Error("a set was written into the set")
	}
	j.Close()
	if err := os.WriteFile(distill.ManifestFile(dir), []byte(`{"format": 1, "classes": [{"name": "dog"}]}`),
		0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenJournal(dir); !errors.Is(err, stage.ErrOther) {
		t.Errorf("of another manifest: got %v, want %v", err, stage.ErrOther)
	}
}

// FuzzJournal: whatever is in the file, it is refused, or read and gone on with.
func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"n":1,"file":"images/cat/0000.png","verdict":"keep"}` + "\n"))
	f.Add([]byte(`{"n":2,"file":"images/cat/0000.png","verdict":"keep"}` + "\n"))
	f.Add([]byte("{}\n\n"))
	dir := set(f, 1)
	path := filepath.Join(Dir(dir), "decisions.jsonl")
	j, _, err := OpenJournal(dir)
	if err != nil {
		f.Fatal(err)
	}
	j.Close()
	head, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, append(bytes.Clone(head), text...), 0o666); err != nil {
			t.Fatal(err)
		}
		j, cut, err := OpenJournal(dir)
		if err != nil {
			return
		}
		defer j.Close()
		have, _ := os.ReadFile(path)
		if want := len(head) + len(text) - cut; len(have) != want {
			t.Errorf("the journal has %d bytes, want %d", len(have), want)
		}
		file := distill.ImageFile("cat", 0)
		if _, err := j.Decide(Decision{File: file, Verdict: distill.Keep}, j.last[file].N); err != nil {
			t.Errorf("not gone on with: %v", err)
		}
	})
}
