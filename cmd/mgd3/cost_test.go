package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/testengine"
)

// TestCostIsKept: a run keeps what it cost, once for each process that made something, and its page says it. The images
// and the manifest are those of any other run.
func TestCostIsKept(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(fixtures.Model("model", 1), fixtures.Images("set", 3)); err != nil {
		t.Fatal(err)
	}
	do := func(args ...string) (stderr string) {
		t.Helper()
		var out, said bytes.Buffer
		if code := run(slices.Concat(args, testengine.Flags()), &out, &said); code != 0 {
			t.Fatalf("%s: exit code %d\n%s", args[0], code, &said)
		}
		return said.String()
	}
	records := func(n int) {
		t.Helper()
		if files, err := filepath.Glob(filepath.Join("run", ".cost", "*.json")); err != nil || len(files) != n {
			t.Errorf("the run has the costs %q, want %d, %v", files, n, err)
		}
	}
	distil := []string{"distill", "--data", "set", "--split", "train", "--model", "model", "--ipc", "1", "--steps", "2",
		"--out", "run"}
	do(distil...)
	records(1)
	do(distil...) // makes nothing
	records(1)
	if err := os.Remove(filepath.Join("run", "images", fixtures.Classes[0], "0000.png")); err != nil {
		t.Fatal(err)
	}
	do(distil...)
	records(2)
	do("page", "run", "--out", "page.html")
	text, err := os.ReadFile("page.html")
	if err != nil {
		t.Fatal(err)
	}
	wanted := []string{"energy of the processors", "<dt>time</dt>"}
	if runtime.GOOS == "linux" {
		wanted = append(wanted, "peak memory")
	}
	for _, want := range wanted {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("the page does not say %q", want)
		}
	}
	costs, err := filepath.Glob(filepath.Join("run", ".cost", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(costs[0], []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if said := do("page", "run", "--out", "page.html"); !strings.Contains(said, strconv.Quote(costs[0])) {
		t.Errorf("a cost that is damaged is passed over without its name: %q", said)
	}
}
