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

	"mgd3/internal/tiny"
)

// TestKillCompare: a comparison that is killed at random moments, in the making of sets and in trainings, ends with
// the sets and the result of one in one go, byte for byte.
func TestKillCompare(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some ten starts of the program")
	}
	mgd3 := binary(t)
	dir := t.TempDir()
	err := errors.Join(
		tiny.Model(filepath.Join(dir, "model"), 1),
		tiny.Images(filepath.Join(dir, "set"), 12),
		tiny.Images(filepath.Join(dir, "other"), 8),
		os.Rename(filepath.Join(dir, "other", "train"), filepath.Join(dir, "set", "test")),
	)
	if err != nil {
		t.Fatal(err)
	}
	command := func(ctx context.Context, out string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, mgd3, strings.Fields("compare --data set --split train --test-split test --model model --steps 8 "+
			"--ipc 3 --sets 1 --net convnet2 --change epochs=20 --method mgd3,herding,random,full --quiet --out "+out)...)
		cmd.Dir = dir
		return cmd
	}
	start := time.Now()
	if out, err := command(t.Context(), "whole").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	took := time.Since(start)
	random := rand.New(rand.NewPCG(4, 4))
	kills := 0
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration((0.03+0.22*random.Float64())*float64(took)))
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
	t.Logf("%d of 10 starts were killed before their end", kills)
	if kills == 0 {
		t.Error("no start was killed: the comparison is too short to show anything")
	}
	whole, killed := filepath.Join(dir, "whole"), filepath.Join(dir, "killed")
	if err := errors.Join(compareTrees(filepath.Join(whole, "latents"), filepath.Join(killed, "latents")),
		compareTrees(filepath.Join(whole, "sets"), filepath.Join(killed, "sets"))); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"result.json", "table.txt", "report.html"} {
		a, errA := os.ReadFile(filepath.Join(whole, "quick,epochs=20", name))
		b, errB := os.ReadFile(filepath.Join(killed, "quick,epochs=20", name))
		if err := errors.Join(errA, errB); err != nil || string(a) != string(b) {
			t.Errorf("%s differs after %d kills: %v", name, kills, err)
		}
	}
}
