package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// command is the run that is disturbed: small enough for half a second.
func (c *campaign) command(out string) []string {
	return []string{
		"distill", "--data", filepath.Join(c.work, "set"), "--split", "train", "--model",
		filepath.Join(c.work, "model"),
		"--ipc", "3", "--steps", "12", "--batch", "2", "--quiet", "--out", out,
	}
}

// longest is more time than any command here needs.
const longest = 2 * time.Minute

// mgd3Run runs mgd3 and returns its exit code, -1 for a signal and -2 where it does not end, and what it prints.
func (c *campaign) mgd3Run(disturb func(p *os.Process), args ...string) (int, string) {
	return c.run(disturb, append([]string{c.mgd3}, args...))
}

func (c *campaign) run(disturb func(p *os.Process), line []string) (int, string) {
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &out, c.work
	if err := cmd.Start(); err != nil {
		return -2, err.Error()
	}
	disturbed := make(chan struct{})
	go func() {
		defer close(disturbed)
		if disturb != nil {
			disturb(cmd.Process)
		}
	}()
	_ = cmd.Wait()
	<-disturbed // it may have a process of its own
	if ctx.Err() != nil {
		return -2, fmt.Sprintf("it does not end within %v: %s", longest, out.String())
	}
	if c.verbose {
		fmt.Printf("  %s: %d\n%s", strings.Join(line[1:], " "), cmd.ProcessState.ExitCode(), out.String())
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// allowed are the exit codes of docs/exit-codes.md that a disturbed run may end with.
var allowed = []int{0, 1, 3, 5, 7, 130, -1}

// sane checks what every command must hold.
func sane(code int, text string) error {
	if !slices.Contains(allowed, code) {
		return fmt.Errorf("exit code %d: %s", code, text)
	}
	for _, word := range []string{"panic", "goroutine", "internal error", "SIGBUS", "runtime error"} {
		if strings.Contains(text, word) {
			return fmt.Errorf("it says %q: %s", word, text)
		}
	}
	return nil
}

// same runs the command once more, undisturbed, and wants the undisturbed result.
func (r *round) same() error {
	code, text := r.mgd3Run(nil, r.command(r.out)...)
	if err := sane(code, text); err != nil || code != 0 {
		return fmt.Errorf("the next run: %d, %v: %s", code, err, text)
	}
	return r.isSame()
}

// isSame wants the undisturbed result, and verify to find nothing.
func (r *round) isSame() error {
	got, err := result(r.out)
	if err != nil {
		return err
	}
	if err := equal(got, r.want); err != nil {
		return err
	}
	if code, text := r.mgd3Run(nil, "verify", r.out); code != 0 {
		return fmt.Errorf("verify: %d: %s", code, text)
	}
	return nil
}

// equal compares the hashes of files.
func equal(got, want map[string]string) error {
	for name, hash := range want {
		if got[name] != hash {
			return fmt.Errorf("%s differs from the undisturbed run's", name)
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d files, want %d", len(got), len(want))
	}
	return nil
}

// result hashes a finished run's manifest and images.
func result(out string) (map[string]string, error) {
	files, err := hashes(out)
	for name := range files {
		if name != "manifest.json" && !strings.HasPrefix(name, "images"+string(filepath.Separator)) {
			delete(files, name)
		}
	}
	return files, err
}

// hashes are of all files below a folder that are not hidden.
func hashes(dir string) (map[string]string, error) {
	files := map[string]string{}
	err := walk(dir, func(path string) error {
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		files[rel] = fmt.Sprintf("%x", sha256.Sum256(data))
		return err
	})
	return files, err
}

// walk calls f with each file below a folder that is neither hidden nor in a hidden folder: those are no results.
func walk(dir string, f func(path string) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case os.IsNotExist(err): // killed before it began
			return nil
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case !d.Type().IsRegular() || strings.HasPrefix(d.Name(), "."):
			return nil
		}
		return f(path)
	})
}
