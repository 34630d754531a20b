package main

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mgd3/internal/fixtures"
)

// mounted mounts a small file system in memory at dir until the test ends, and returns a function that makes it
// read-only or not.
func mounted(t *testing.T, dir string) (remount func(how string)) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can mount a file system")
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("a file system cannot be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return func(how string) {
		t.Helper()
		if out, err := exec.Command("mount", "-o", "remount,"+how, dir).CombinedOutput(); err != nil {
			t.Fatalf("mount -o remount,%s: %v: %s", how, err, out)
		}
	}
}

// TestReadOnlyDisk: on a read-only disk a finished run is found finished, and can be read; what would be written is
// refused with the code of the output and the name of a file.
func TestReadOnlyDisk(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(fixtures.Model("model", 1), fixtures.Images("set", 4), os.CopyFS("other", os.DirFS("set")),
		os.Mkdir("disk", 0o755)); err != nil {
		t.Fatal(err)
	}
	remount := mounted(t, "disk")
	const base = " --data set --split train --model model --steps 2 --ipc 1 --quiet"
	commands := map[string]string{
		"run":   "distill --out disk/run" + base,
		"plain": "baseline --method random --out disk/plain" + base,
		"compared": "compare --data set --split train --test other --test-split train --model model --ipc 1 --sets 1 " +
			"--steps 2 --method mgd3,random " +
			"--net convnet1 --change epochs=1 --change size=16 --quiet --out disk/compared",
		"swept": "sweep --data set --split train --model model --ipc 1 --steps 2 --stop 0,1 --held-out 0.3 --net= " +
			"--quiet --out disk/swept",
		"judged": "evaluate --train disk/run --test set --test-split train --epochs 1 --size 16 --net convnet1 " +
			"--quiet --out disk/judged",
	}
	for _, name := range []string{"run", "plain", "judged", "compared", "swept"} {
		if code, said := runs(strings.Fields(commands[name])); code != exitOK {
			t.Fatal(said)
		}
	}
	remount("ro")
	for _, line := range []string{
		commands["run"], commands["plain"], commands["judged"], commands["compared"], commands["swept"],
		"verify disk/run", "verify disk/plain", "inspect disk/run",
		"export disk/run --format zip --out run.zip", "sheet disk/run --out sheet.png", "merge --out merged disk/run",
		"score --set disk/run",
		"sample --model model --steps 2 --out disk/run", "modes --ipc 1 --out disk/run",
	} {
		if code, said := runs(strings.Fields(line)); code != exitOK {
			t.Errorf("mgd3 %s: exit code %d: %s", line, code, said)
		}
	}
	for _, line := range []string{"sheet disk/run", "distill --out disk/new" + base, "export disk/run --format folder",
		"convert model/dit disk/dit"} {
		if code, said := runs(strings.Fields(line)); code != exitOutput || !strings.Contains(said, "disk/") {
			t.Errorf("mgd3 %s: exit code %d, want %d and a name: %s", line, code, exitOutput, said)
		}
	}
	for _, part := range []string{
		"run/manifest.json", "run/images/dog/0000.png", "run/images/dog", "run/samples", "run/modes/dog.safetensors",
		"run/latents", "run/modes/settings.json",
		"plain/manifest.json", "plain/images", "judged/scores.json", "compared/settings.json",
		"compared/quick,epochs=1,size=16/result.json", "swept/sweep.csv", "swept/kept",
		"judged/run/convnet1/seed-0/result.json",
	} {
		remount("rw")
		if err := os.RemoveAll(filepath.Join("disk", part)); err != nil {
			t.Fatal(err)
		}
		remount("ro")
		line := commands[strings.Split(part, "/")[0]]
		if code, said := runs(strings.Fields(line)); code != exitOutput ||
			!strings.Contains(said, filepath.Dir(filepath.Join("disk", part))) {
			t.Errorf("without %s: exit code %d, want %d and a name: %s", part, code, exitOutput, said)
		}
		remount("rw")
		if code, said := runs(strings.Fields(line)); code != exitOK {
			t.Errorf("without %s, on a disk that can be written: exit code %d: %s", part, code, said)
		}
	}
}

// TestTimes: times of files in the future or the past make nothing anew.
func TestTimes(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(fixtures.Model("model", 1), fixtures.Images("set", 3)); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"distill --out run --data set --split train --model model --steps 2 --ipc 1 --quiet",
		"evaluate --out run --train set --train-split train --test set --test-split train --epochs 1 --size 16 " +
			"--net convnet1 --quiet",
		"train autoencoder --out run --channels 8,8,8 --groups 4 --data set --split train --size 16 --steps 1 " +
			"--batch 2 --quiet",
	} {
		if code, said := runs(strings.Fields(line)); code != exitOK {
			t.Fatal(said)
		}
		for _, years := range []int{-30, 30} {
			at := time.Now().AddDate(years, 0, 0)
			is := map[string]time.Time{}
			walk(t, "run", func(path string, _ time.Time) {
				if err := os.Chtimes(path, at, at); err != nil {
					t.Fatal(err)
				}
			})
			walk(t, "run", func(path string, at time.Time) { is[path] = at })
			if code, said := runs(strings.Fields(line)); code != exitOK || strings.Contains(said, "again") {
				t.Errorf("%d years: mgd3 %s: exit code %d: %s", years, line, code, said)
			}
			after := map[string]time.Time{}
			walk(t, "run", func(path string, at time.Time) { after[path] = at })
			for path := range after {
				if strings.HasSuffix(path, "scores.json") || strings.HasSuffix(path, ".html") ||
					strings.HasSuffix(path, "recipe.json") {
					delete(is, path)
					delete(after, path) // pages, which every run writes
				}
			}
			if !maps.EqualFunc(is, after, time.Time.Equal) {
				t.Errorf("%d years: mgd3 %s: files were written: %v, then %v", years, line, is, after)
			}
		}
	}
}

// walk calls do with the files below dir, and the times at which they were written.
func walk(t *testing.T, dir string, do func(path string, at time.Time)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			do(path, info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
