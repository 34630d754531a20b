package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/internal/fixtures"
)

// TestExitCodes runs command lines in this process and compares what docs/exit-codes.md promises.
func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	model, set := filepath.Join(dir, "model"), filepath.Join(dir, "set")
	if err := errors.Join(fixtures.Model(model, 1), fixtures.Images(set, 3)); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(dir, "broken.safetensors")
	if err := os.WriteFile(broken, []byte("\xff\xff\xff\xff\xff\xff\xff\x7f{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	base := []string{"distill", "--data", set, "--split", "train", "--model", model, "--steps", "2", "--quiet"}
	for _, c := range []struct {
		name  string
		extra []string
		want  int
		says  string
	}{
		{"done", []string{"--ipc", "1", "--out", filepath.Join(dir, "a")}, exitOK, ""},
		{"unknown flag", []string{"--no-such-flag"}, exitUsage, "no-such-flag"},
		{"setting out of range", []string{"--ipc", "0", "--out", filepath.Join(dir, "b")}, exitUsage, "ipc is 0"},
		{"crop unknown", []string{"--crop", "oval", "--out", filepath.Join(dir, "b")}, exitUsage, "oval"},
		{"too few images", []string{"--ipc", "4", "--out", filepath.Join(dir, "b")}, exitInput, "have 3, want 4"},
		{"no such class", []string{"--classes", "woof", "--out", filepath.Join(dir, "c")}, exitInput, "n02096294"},
		{"no such set", []string{"--data", filepath.Join(dir, "none"), "--out", filepath.Join(dir, "c")}, exitInput,
			"none"},
		{"size without latent", []string{"--size", "18", "--out", filepath.Join(dir, "c")}, exitUsage, "18 pixels"},
		{"latent of another size", []string{"--size", "32", "--ipc", "1", "--out", filepath.Join(dir, "c")}, exitModel,
			"[4 8 8]"},
		{"no such model", []string{"--model", set, "--out", filepath.Join(dir, "c")}, exitModel, "has no folder"},
		{"damaged weights", []string{"--vae", filepath.Join(dir, "vae"), "--out", filepath.Join(dir, "c")}, exitModel,
			"vae"},
		{"another run", []string{"--ipc", "2", "--out", filepath.Join(dir, "a")}, exitOutput, "holds another run"},
		{"no such backend", []string{"--backend", "abacus", "--out", filepath.Join(dir, "c")}, exitBackend, "abacus"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if got := run(append(base[:len(base):len(base)], c.extra...), &stdout, &stderr); got != c.want ||
				!strings.Contains(stderr.String(), c.says) {
				t.Errorf("got exit code %d, want %d, and a message with %q; it said:\n%s", got, c.want, c.says, &stderr)
			}
		})
	}
	for name, c := range map[string]struct {
		args []string
		want int
	}{
		"inspect damaged":     {[]string{"inspect", broken}, exitModel},
		"verify whole":        {[]string{"verify", filepath.Join(dir, "a")}, exitOK},
		"verify without":      {[]string{"verify", set}, exitInput},
		"too many arguments":  {[]string{"verify", "a", "b"}, exitUsage},
		"missing flags":       {[]string{"modes"}, exitUsage},
		"modes before encode": {[]string{"modes", "--out", filepath.Join(dir, "empty")}, exitInput},
	} {
		var stdout, stderr bytes.Buffer
		if got := run(c.args, &stdout, &stderr); got != c.want {
			t.Errorf("%s: got exit code %d, want %d; it said:\n%s", name, got, c.want, &stderr)
		}
	}
}
