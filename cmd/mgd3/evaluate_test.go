package main

import (
	"context"
	"encoding/json"
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

// TestKillEvaluate: SIGKILL at ten random moments, the same command each time, and weights and accuracies are those of
// a run in one go.
func TestKillEvaluate(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some ten starts of the program")
	}
	mgd3 := binary(t)
	dir := t.TempDir()
	if err := errors.Join(tiny.Images(filepath.Join(dir, "set"), 8), tiny.Images(filepath.Join(dir, "real"), 12)); err != nil {
		t.Fatal(err)
	}
	command := func(ctx context.Context, out string) *exec.Cmd {
		args := "evaluate --train set --train-split train --test real --test-split train --net convnet2 --epochs 60 --batch 10 --validate 5 --checkpoint-every 20ms --repeat 2 --quiet --out "
		cmd := exec.CommandContext(ctx, mgd3, strings.Fields(args+out)...)
		cmd.Dir = dir
		return cmd
	}
	start := time.Now()
	if out, err := command(t.Context(), "whole").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	took := time.Since(start)
	random := rand.New(rand.NewPCG(20, 20))
	kills := 0
	for range 10 {
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
	t.Logf("%d of 10 starts were killed before their end", kills)
	if kills == 0 {
		t.Error("no start was killed: the run is too short to show anything")
	}
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
				delete(score, "seconds")
			}
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
