package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/internal/fixtures"
)

// TestKillCompare: a comparison that is killed at random moments, in the making of sets and in trainings, ends with
// the sets and the result of one in one go, byte for byte.
func TestKillCompare(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some ten starts of the program")
	}
	dir := t.TempDir()
	err := errors.Join(
		fixtures.Model(filepath.Join(dir, "model"), 1),
		fixtures.Images(filepath.Join(dir, "set"), 12),
		fixtures.Images(filepath.Join(dir, "other"), 8),
		os.Rename(filepath.Join(dir, "other", "train"), filepath.Join(dir, "set", "test")),
	)
	if err != nil {
		t.Fatal(err)
	}
	wholeAndKilled(t, dir, strings.Fields("compare --data set --split train --test-split test --model model --steps 8 "+
		"--ipc 3 --sets 1 --net convnet1 --change epochs=20 --method mgd3,herding,random,full --quiet"), 10, 0.05, 0.3)
	whole, killed := filepath.Join(dir, "whole"), filepath.Join(dir, "killed")
	if err := errors.Join(compareTrees(filepath.Join(whole, "latents"), filepath.Join(killed, "latents")),
		compareTrees(filepath.Join(whole, "sets"), filepath.Join(killed, "sets"))); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"result.json", "table.txt", "report.html"} {
		a, errA := os.ReadFile(filepath.Join(whole, "quick,epochs=20", name))
		b, errB := os.ReadFile(filepath.Join(killed, "quick,epochs=20", name))
		if err := errors.Join(errA, errB); err != nil || string(a) != string(b) {
			t.Errorf("%s differs after kills: %v", name, err)
		}
	}
}
