package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mgd3/internal/tiny"
)

// TestKillTraining: SIGKILL at random moments of both trainings, the same commands each time, and the model folder is that of
// trainings in one go, byte for byte: weights, curves, samples and records.
func TestKillTraining(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some sixteen starts of the program")
	}
	mgd3 := binary(t)
	dir := t.TempDir()
	if err := tiny.Images(filepath.Join(dir, "set"), 8); err != nil {
		t.Fatal(err)
	}
	const shared = " --data set --split train --size 16 --batch 8 --steps 60 --warmup 5 --log-every 7 --checkpoint-every 10 --sample-every 20 --quiet --out "
	const seed = 4
	random := rand.New(rand.NewPCG(seed, seed))
	for _, train := range []string{
		"train autoencoder --channels 8,8,8 --groups 4" + shared,
		"train dit --hidden 16 --depth 2 --heads 2 --sample-steps 3" + shared,
	} {
		command := func(ctx context.Context, out string) *exec.Cmd {
			cmd := exec.CommandContext(ctx, mgd3, strings.Fields(train+out)...)
			cmd.Dir = dir
			return cmd
		}
		start := time.Now()
		if out, err := command(t.Context(), "whole").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		took := time.Since(start)
		kills := 0
		for range 6 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration((0.1+0.4*random.Float64())*float64(took))) // CommandContext kills with SIGKILL
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
		t.Logf("%d of 6 starts were killed before their end", kills)
		if kills == 0 {
			t.Error("no start was killed: the training is too short to show anything")
		}
	}
	if err := compareTrees(filepath.Join(dir, "whole"), filepath.Join(dir, "killed")); err != nil {
		t.Error(err)
	}
	wantNoRemains(t, filepath.Join(dir, "killed"))
}
