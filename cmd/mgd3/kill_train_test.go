package main

import (
	"path/filepath"
	"strings"
	"testing"

	"mgd3/internal/fixtures"
)

// TestKillTraining: SIGKILL at random moments of both trainings, the same commands each time, and the model folder is
// that of trainings in one go, byte for byte: weights, curves, samples and records.
func TestKillTraining(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some sixteen starts of the program")
	}
	dir := t.TempDir()
	if err := fixtures.Images(filepath.Join(dir, "set"), 8); err != nil {
		t.Fatal(err)
	}
	const shared = " --data set --split train --size 16 --batch 8 --steps 60 --warmup 5 --log-every 7 " +
		"--checkpoint-every 10 --sample-every 20 --quiet"
	for _, train := range []string{
		"train autoencoder --channels 8,8,8 --groups 4" + shared,
		"train dit --hidden 16 --depth 2 --heads 2 --sample-steps 3" + shared,
	} {
		wholeAndKilled(t, dir, strings.Fields(train), 6, 0.1, 0.5)
	}
	if err := compareTrees(filepath.Join(dir, "whole"), filepath.Join(dir, "killed")); err != nil {
		t.Error(err)
	}
	wantNoRemains(t, filepath.Join(dir, "killed"))
}
