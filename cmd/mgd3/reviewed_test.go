package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/distill"
	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/testengine"
	"mgd3/review"
)

// TestReviewed: a set of which images were kept and rejected has a page, is judged and merged like any other. It has no
// latents, and so no map, which the page says.
func TestReviewed(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(fixtures.Model(in("model"), 1), fixtures.Images(in("set"), 4)); err != nil {
		t.Fatal(err)
	}
	do := func(args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if code := run(slices.Concat(args, testengine.Flags()), &stdout, &stderr); code != 0 {
			t.Fatalf("%s: exit code %d\n%s", args[0], code, &stderr)
		}
		return stdout.String()
	}
	do("distill", "--data", in("set"), "--split", "train", "--model", in("model"), "--ipc", "2", "--steps", "2",
		"--out", in("run"))
	before, err := distill.ReadManifest(in("run"))
	if err != nil {
		t.Fatal(err)
	}
	j, _, err := review.OpenJournal(in("run"))
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	images := before.Classes[0].Images
	for _, d := range []review.Decision{{File: images[0].File, Verdict: distill.Keep},
		{File: images[1].File, Verdict: distill.Reject, Reason: "two heads"}} {
		if _, err := j.Decide(d, 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := j.Write(t.Context(), in("new")); err != nil {
		t.Fatal(err)
	}
	do("page", in("new"), "--data", in("set"), "--split", "train", "--out", in("new.html"))
	page, err := os.ReadFile(in("new.html"))
	if err != nil || !bytes.Contains(page, []byte("the latents of the real images are not there")) {
		t.Errorf("the page does not say why it has no map, %v", err)
	}
	if got := do("evaluate", "--train", in("new"), "--test", in("set"), "--test-split", "train", "--net", "convnet1",
		"--epochs", "1"); !strings.Contains(got, "convnet1") {
		t.Errorf("evaluate said %q", got)
	}
	do("merge", in("new"), "--ipc", "1", "--out", in("merged"))
	do("verify", in("merged"))
	m, err := distill.ReadManifest(in("merged"))
	if err != nil || len(m.Merged) != 1 || len(m.Classes) != len(before.Classes) ||
		m.Classes[0].Images[0].SHA256 != images[0].SHA256 {
		t.Errorf("the merged set is %+v, %v", m, err)
	}
}
