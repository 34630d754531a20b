package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/internal/fixtures"
)

// TestKillEvaluate: SIGKILL at ten random moments, the same command each time, and weights and accuracies are those of
// a run in one go.
func TestKillEvaluate(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some ten starts of the program")
	}
	dir := t.TempDir()
	if err := errors.Join(fixtures.Images(filepath.Join(dir, "set"), 8),
		fixtures.Images(filepath.Join(dir, "real"), 12)); err != nil {
		t.Fatal(err)
	}
	wholeAndKilled(t, dir, strings.Fields("evaluate --train set --train-split train --test real --test-split train "+
		"--net convnet1 "+
		"--epochs 45 --batch 10 --validate 5 --checkpoint-every 20ms --repeat 2 --quiet"), 10, 0.08, 0.2)
	want, got := scoresIn(t, filepath.Join(dir, "whole")), scoresIn(t, filepath.Join(dir, "killed"))
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	wantNoRemains(t, filepath.Join(dir, "killed"))
}

// scoresIn returns all scores below an output folder, without the times they took.
func scoresIn(t *testing.T, dir string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "scores.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Sets []struct{ Scores [][]map[string]any }
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	for _, set := range all.Sets {
		for _, scores := range set.Scores {
			for _, score := range scores {
				if score["weights"] == "" || score["seconds"] == nil {
					t.Errorf("a score has no weights or no time: %v", score)
				}
				for _, cost := range []string{"seconds", "peak_mib", "energy_j"} {
					delete(score, cost)
				}
			}
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
