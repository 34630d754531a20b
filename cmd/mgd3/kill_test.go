package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"mgd3/internal/exits"
	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/testengine"
)

// binary is the program, which TestMain has put on the path: this test's own file under the program's name.
func binary(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("mgd3")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// work is a folder with a model and images, and a run that takes a few seconds.
func work(t *testing.T) (dir string, args []string) {
	t.Helper()
	dir = t.TempDir()
	if err := errors.Join(fixtures.Model(filepath.Join(dir, "model"), 1),
		fixtures.Images(filepath.Join(dir, "set"), 40)); err != nil {
		t.Fatal(err)
	}
	return dir, strings.Fields("distill --data set --split train --model model --ipc 8 --steps 50 --batch 3 --quiet")
}

// TestKill is the law that nothing is lost and nothing is half there: SIGKILL at twenty random moments,
// the same command each time, and the result is that of a run in one go, byte for byte.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some twenty starts of the program")
	}
	dir, args := work(t)
	wholeAndKilled(t, dir, args, 20, 0, 0.3)
	if err := compareTrees(filepath.Join(dir, "whole"), filepath.Join(dir, "killed")); err != nil {
		t.Error(err)
	}
	wantNoRemains(t, filepath.Join(dir, "killed"))
}

// wholeAndKilled runs a command in dir that ends with an output folder: in one go into whole, and into killed with
// starts that SIGKILL ends at random moments, between the shares lo and hi of the time of the first, and a last one
// that is left alone; all of it on the backend that the environment names to package testengine.
func wholeAndKilled(t *testing.T, dir string, args []string, starts int, lo, hi float64) {
	t.Helper()
	mgd3 := binary(t)
	args = slices.Concat(args, testengine.Flags())
	if testengine.IsXLA() {
		starts /= 3 // each compiles all graphs anew, which is most of its time
	}
	command := func(ctx context.Context, out string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, mgd3, append(slices.Clone(args), "--out", out)...)
		cmd.Dir = dir
		return cmd
	}
	start := time.Now()
	if out, err := command(t.Context(), "whole").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	took := time.Since(start)
	random := rand.New(rand.NewPCG(20, uint64(starts)))
	kills := 0
	for range starts {
		// CommandContext kills with SIGKILL
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration((lo+(hi-lo)*random.Float64())*float64(took)))
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
	t.Logf("%d of %d starts were killed before their end", kills, starts)
	if kills == 0 {
		t.Error("no start was killed: the run is too short to show anything")
	}
}

// wantNoRemains demands that no half file is left anywhere, hidden or not.
func wantNoRemains(t *testing.T, dir string) {
	t.Helper()
	for _, pattern := range []string{"*/.*.tmp", "*/*/.*.tmp", "*/*.part", ".*.tmp"} {
		left, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		if len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

// TestInterrupt: Ctrl-C, SIGTERM, and SIGHUP, which a terminal sends when it is closed, stop the program, which says
// how to go on, and the same command does. Under nohup SIGHUP stops nothing.
func TestInterrupt(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seven starts of the program")
	}
	mgd3 := binary(t)
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			// these tests run under nohup: a signal that is caught here is not ignored in the program
			if signal.Ignored(sig) {
				caught := make(chan os.Signal, 1)
				signal.Notify(caught, sig)
				defer signal.Stop(caught)
			}
			interrupt(t, mgd3, sig)
		})
	}
	t.Run("nohup", func(t *testing.T) {
		dir, args := work(t)
		cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-c", `trap "" HUP; exec "$@"`, "sh", mgd3},
			append(args, "--out", "out")...)...)
		cmd.Dir = dir
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for !exists(filepath.Join(dir, "out", "latents")) {
			time.Sleep(time.Millisecond)
		}
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil || !exists(filepath.Join(dir, "out", "manifest.json")) {
			t.Errorf("got %v, want a finished run", err)
		}
	})
}

func interrupt(t *testing.T, mgd3 string, sig os.Signal) {
	dir, args := work(t)
	args = append(args, "--out", "out")
	cmd := exec.CommandContext(t.Context(), mgd3, args...)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for !exists(filepath.Join(dir, "out", "latents")) { // it is at work
		time.Sleep(time.Millisecond)
	}
	if err := cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exits.Interrupted {
		t.Fatalf("got %v, want exit code %d; it said:\n%s", err, exits.Interrupted, stderr.String())
	}
	for _, want := range []string{"interrupted", "same command again"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("it said %q, want something with %q", stderr.String(), want)
		}
	}
	again := exec.CommandContext(t.Context(), mgd3, args...)
	again.Dir = dir
	if out, err := again.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !exists(filepath.Join(dir, "out", "manifest.json")) {
		t.Error("there is no manifest after the second start")
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
