package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/distill"
	"mgd3/internal/fixtures/testengine"
	"mgd3/internal/fixtures/tinyrun"
	"mgd3/review"
)

// TestReviewed: a set of which images were kept, rejected and replaced has a page like its run's, with rows, map and a
// line from each mode to its image, is judged and merged like any other.
func TestReviewed(t *testing.T) {
	r := tinyrun.Make(t)
	dir := filepath.Dir(r.Out)
	in := func(name string) string { return filepath.Join(dir, name) }
	do := func(args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if code := run(slices.Concat(args, testengine.Flags()), &stdout, &stderr); code != 0 {
			t.Fatalf("%s: exit code %d\n%s", args[0], code, &stderr)
		}
		return stdout.String()
	}
	before, err := distill.ReadManifest(r.Out)
	if err != nil {
		t.Fatal(err)
	}
	j, _, err := review.OpenJournal(r.Out)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	class := before.Classes[0]
	settings := r.Settings.Sample
	settings.Seed = 5
	made, err := r.Again(t.Context(), distill.Again{Class: class.Name, Mode: 1, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	candidate, err := j.Add(class.Name, made)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []review.Decision{{File: class.Images[0].File, Verdict: distill.Keep},
		{File: class.Images[1].File, Verdict: distill.Reject, Reason: "two heads"},
		{File: class.Images[2].File, Verdict: distill.Replace, Reason: "blurred", Candidate: candidate.ID}} {
		if _, err := j.Decide(d, 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := j.Write(t.Context(), in("new")); err != nil {
		t.Fatal(err)
	}
	do("verify", in("new"))
	page := func(args ...string) string {
		t.Helper()
		do(append([]string{"page", "--data", in("set"), "--split", "train", "--out", in("page.html")}, args...)...)
		text, err := os.ReadFile(in("page.html"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if !strings.Contains(page(in("new")), "--latents RUN/latents") {
		t.Error("without latents of the real images the page does not say how to get a map")
	}
	latents := filepath.Join(r.Out, "latents")
	images := 3*len(before.Classes) - 1
	alone := page(in("new"), "--latents", latents)
	for want, n := range map[string]int{`<svg class="map"`: len(before.Classes), `<path class="link s0"`: images,
		`<article class="slot`: images, "replaced: blurred": 1, "kept": 1, `id="s-0-1"`: 1} {
		if got := strings.Count(alone, want); got != n {
			t.Errorf("its page has %q %d times, want %d", want, got, n)
		}
	}
	// the row of the image that was rejected has only the run's, and lines lead to the images of both
	both := page(r.Out, in("new"), "--latents", latents)
	for want, n := range map[string]int{`<article class="slot`: images + 1, `<path class="link s0"`: images + 1,
		`<path class="link s1"`: images, `<img class="s1"`: images} {
		if got := strings.Count(both, want); got != n {
			t.Errorf("the page of both has %q %d times, want %d", want, got, n)
		}
	}
	if strings.Contains(both, "were made from other modes") {
		t.Error("the page of both says that a reviewed set has other modes than its run")
	}
	if got := do("evaluate", "--train", in("new"), "--test", in("set"), "--test-split", "train", "--net", "convnet1",
		"--epochs", "1"); !strings.Contains(got, "convnet1") {
		t.Errorf("evaluate said %q", got)
	}
	do("merge", in("new"), "--out", in("merged"))
	do("verify", in("merged"))
	m, err := distill.ReadManifest(in("merged"))
	if err != nil || len(m.Merged) != 1 || len(m.Classes) != len(before.Classes) ||
		m.Classes[0].Images[0].SHA256 != class.Images[0].SHA256 ||
		m.Classes[0].Images[1].SHA256 != candidate.Entry.SHA256 {
		t.Errorf("the merged set is %+v, %v", m, err)
	}
}
