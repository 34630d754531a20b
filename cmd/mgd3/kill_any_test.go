package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestStoppedWorker: of two workers that share a run one is stopped in the middle of a piece. The other takes it over
// and ends the run; the first wakes up, leaves the piece alone, and ends well too; the bytes are those of one process.
// One that is killed in the place of it does as well.
func TestStoppedWorker(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seven starts of the program")
	}
	mgd3 := binary(t)
	dir, args := work(t)
	args = append(args, "--ipc", "3", "--steps", "20") // the last one counts
	start := func(out string, more ...string) (*exec.Cmd, *bytes.Buffer) {
		cmd := exec.CommandContext(t.Context(), mgd3, slices.Concat(args, []string{"--out", out}, more)...)
		said := &bytes.Buffer{}
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, said, said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, said
	}
	ends := func(what string, cmd *exec.Cmd, said *bytes.Buffer) {
		t.Helper()
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%s: %v\n%s", what, err, said)
		}
	}
	one, said := start("one")
	ends("one process", one, said)
	any := []string{"--shard", "any/3", "--lease", "1s"}
	for _, c := range []struct {
		name, leases string
		signal       syscall.Signal
	}{
		{"stopped in encode", "latents/.leases/encode-3.1-*.1", syscall.SIGSTOP},
		{"stopped in sample", ".leases/sample-3.1-*.1", syscall.SIGSTOP},
		{"killed in sample", ".leases/sample-3.1-*.1", syscall.SIGKILL},
	} {
		out := strings.ReplaceAll(c.name, " ", "-")
		first, firstSaid := start(out, any...)
		for held := false; !held; time.Sleep(time.Millisecond) {
			leases, err := filepath.Glob(filepath.Join(dir, out, c.leases))
			if err != nil {
				t.Fatal(err)
			}
			held = len(leases) > 0
		}
		if err := first.Process.Signal(c.signal); err != nil {
			t.Fatalf("%s: %v\n%s", c.name, err, firstSaid)
		}
		second, secondSaid := start(out, any...)
		ends(c.name+", the other", second, secondSaid)
		whole, have := filepath.Join(dir, "one"), filepath.Join(dir, out)
		if err := compareTrees(whole, have); err != nil {
			t.Errorf("%s: after the other has ended: %v", c.name, err)
		}
		if c.signal == syscall.SIGKILL {
			_ = first.Wait()
			continue
		}
		if err := first.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		ends(c.name+", when it goes on", first, firstSaid)
		if err := compareTrees(whole, have); err != nil {
			t.Errorf("%s: when it has gone on: %v", c.name, err)
		}
	}
}
