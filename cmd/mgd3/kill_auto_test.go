package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKillAuto: killed at random moments while it makes sets, trains on them, and makes the set it has chosen for, distill
// chooses the same and makes the same, byte for byte.
func TestKillAuto(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some six starts of the program")
	}
	mgd3 := binary(t)
	dir, args := work(t)
	command := func(ctx context.Context, out string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, mgd3, append(args(out), strings.Fields(
			"--ipc 2 --steps 8 --stop auto --auto-sets 1 --held-out 0.2 --auto-net convnet2 --auto-recipe epochs=3")...)...)
		cmd.Dir = dir
		return cmd
	}
	start := time.Now()
	if out, err := command(t.Context(), "whole").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	took := time.Since(start)
	random := rand.New(rand.NewPCG(5, 5))
	kills := 0
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration((0.05+0.2*random.Float64())*float64(took)))
		err := command(ctx, "killed").Run()
		cancel()
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
			kills++
		}
	}
	if out, err := command(t.Context(), "killed").CombinedOutput(); err != nil {
		t.Fatalf("after %d kills: %v\n%s", kills, err, out)
	}
	t.Logf("%d of 5 starts were killed before their end", kills)
	if kills == 0 {
		t.Error("no start was killed: the run is too short to show anything")
	}
	whole, killed := filepath.Join(dir, "whole"), filepath.Join(dir, "killed")
	// The networks' scores have times; the manifest has the accuracies.
	for _, part := range []string{"images", "samples", "modes", "latents", "auto/kept", "auto/held"} {
		if err := compareTrees(filepath.Join(whole, part), filepath.Join(killed, part)); err != nil {
			t.Error(err)
		}
	}
	if a, b := read(t, whole, "manifest.json"), read(t, killed, "manifest.json"); a != b {
		t.Errorf("the manifest is\n%s\nafter %d kills, want\n%s", b, kills, a)
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
