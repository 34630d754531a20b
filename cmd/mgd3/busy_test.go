package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/internal/fixtures"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
)

// TestBusy is the law that every command that writes takes the lock of what it writes, and of the run it reads:
// beside another process it ends with the exit code of the output and says so, and leaves what is there as it is.
func TestBusy(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(fixtures.Model("model", 1), fixtures.Images("set", 3)); err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields
	base := fields("--data set --split train --model model --steps 2 --ipc 1 --quiet")
	if code, said := runs(append(fields("distill --out run"), base...)); code != exitOK {
		t.Fatal(said)
	}
	inside := func(out string) func() (func(), error) {
		return func() (func(), error) { return stage.Lock(out, stage.Whole) }
	}
	reading := func(out string) func() (func(), error) {
		return func() (func(), error) { return stage.LockReading(out) }
	}
	beside := func(out string) func() (func(), error) { return func() (func(), error) { return atomicfile.Lock(out) } }
	for name, c := range map[string]struct {
		lock func() (func(), error)
		args []string
	}{
		"distill":                     {inside("run"), append(fields("distill --out run"), base...)},
		"distill, a shard":            {inside("run"), append(fields("distill --shard 1/2 --out run"), base...)},
		"distill, what is being read": {reading("run"), append(fields("distill --out run"), base...)},
		"encode": {inside("run"),
			fields("encode --data set --split train --model model --out run")},
		"modes":  {inside("run"), fields("modes --ipc 1 --out run")},
		"sample": {inside("run"), fields("sample --model model --steps 2 --out run")},
		"baseline": {inside("random"), append(fields("baseline --method random --out random"),
			base...)},
		"verify, what is being made": {inside("run"), fields("verify run")},
		"merge, a shard being made":  {inside("run"), fields("merge --out merged run")},
		"merge":                      {inside("merged"), fields("merge --out merged run")},
		"sheet":                      {beside("sheet.png"), fields("sheet run --out sheet.png")},
		"sheet, what is being made":  {inside("run"), fields("sheet run")},
		"export zip":                 {beside("run.zip"), fields("export run --format zip")},
		"export parquet":             {beside("run.parquet"), fields("export run --format parquet")},
		"export folder":              {beside("run-folder"), fields("export run --format folder")},
		"export webdataset":          {beside("run-webdataset"), fields("export run --format webdataset")},
		"export, what is being made": {inside("run"), fields("export run --format zip")},
		"convert to a file":          {beside("one.safetensors"), fields("convert model/dit one.safetensors")},
		"convert to a folder":        {inside("converted"), fields("convert model/dit converted")},
		"glyphs":                     {inside("letters"), fields("glyphs --per-class 1 --out letters")},
		"glyphs, a sheet":            {beside("letters.png"), fields("glyphs --sheet letters.png")},
		"train": {inside("trained"),
			fields("train autoencoder --data set --split train --size 16 --out trained")},
		"evaluate": {inside("judged"),
			fields("evaluate --train run --test set --test-split train --epochs 1 --size 16 --net convnet1 --out " +
				"judged")},
		"compare": {inside("compared"),
			fields("compare --data set --split train --test set --test-split test --model model --ipc 1 --out " +
				"compared")},
		"sweep": {inside("swept"),
			fields("sweep --data set --split train --model model --ipc 1 --stop 0,1 --out swept")},
		"demo": {inside("demo"), fields("demo --out demo")},
	} {
		t.Run(name, func(t *testing.T) {
			unlock, err := c.lock()
			if err != nil {
				t.Fatal(err)
			}
			before := filesHere(t)
			code, said := runs(c.args)
			if code != exitOutput || !strings.Contains(said, "another mgd3 is at work on it") ||
				!strings.Contains(said, "hint: ") {
				t.Errorf("got exit code %d, want %d with a word of another mgd3 and a hint; it said:\n%s", code,
					exitOutput, said)
			}
			if after := filesHere(t); !slices.Equal(after, before) {
				t.Errorf("it wrote: before %v, after %v", before, after)
			}
			unlock()
		})
	}
	for _, path := range filesHere(t) {
		if strings.HasPrefix(filepath.Base(path), ".") {
			t.Errorf("%s is left", path)
		}
	}
}

// runs runs a command line in this process.
func runs(args []string) (code int, said string) {
	var stdout, stderr bytes.Buffer
	code = run(args, &stdout, &stderr)
	return code, stdout.String() + stderr.String()
}

// filesHere lists the files below the working folder.
func filesHere(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestLostOutput: a command whose words could not be written does not end with 0.
func TestLostOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	defer full.Close()
	t.Chdir(t.TempDir())
	if err := errors.Join(fixtures.Model("model", 1), fixtures.Images("set", 2)); err != nil {
		t.Fatal(err)
	}
	base := "--data set --split train --model model --steps 2 --ipc 1"
	if code, said := runs(strings.Fields("distill --out run " + base)); code != exitOK {
		t.Fatal(said)
	}
	for _, line := range []string{
		"distill --out run " + base, "distill --out run2 --dry-run " + base, "distill --json --out run " + base,
		"verify run", "verify --json run",
		"export run --format zip", "sheet run", "inspect run", "inspect model/dit", "inspect --json model/dit",
		"presets", "backends",
		"--help", "--version", "distill --help", "pull", "pull --list", "pull --json",
		"convert model/dit one.safetensors",
		"glyphs --per-class 1 --out letters", "baseline --method random --out random " + base, "merge --out merged run",
		"help sheet", "completion bash",
	} {
		var stderr bytes.Buffer
		if code := run(strings.Fields(line), full, &stderr); code != exitOutput ||
			!strings.Contains(stderr.String(), "standard output") {
			t.Errorf("mgd3 %s, to a full device: exit code %d, want %d; it said:\n%s", line, code, exitOutput, &stderr)
		}
	}
}
