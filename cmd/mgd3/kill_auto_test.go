package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKillAuto: killed at random moments while it makes sets, trains on them, and makes the set it has chosen for,
// distill chooses the same and makes the same, byte for byte.
func TestKillAuto(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some six starts of the program")
	}
	dir, args := work(t)
	args = append(args, strings.Fields("--ipc 2 --steps 8 --stop auto --auto-sets 1 --held-out 0.2 --auto-net "+
		"convnet2 --auto-recipe epochs=3")...)
	wholeAndKilled(t, dir, args, 5, 0.05, 0.25)
	whole, killed := filepath.Join(dir, "whole"), filepath.Join(dir, "killed")
	// The networks' scores have times; the manifest has the accuracies.
	for _, part := range []string{"images", "samples", "modes", "latents", "auto/kept", "auto/held"} {
		if err := compareTrees(filepath.Join(whole, part), filepath.Join(killed, part)); err != nil {
			t.Error(err)
		}
	}
	if a, b := read(t, whole, "manifest.json"), read(t, killed, "manifest.json"); a != b {
		t.Errorf("the manifest is\n%s\nafter kills, want\n%s", b, a)
	}
	wantNoRemains(t, killed)
}

// read returns a file's text.
func read(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
