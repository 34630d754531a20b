package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mgd3/engine"
	"mgd3/internal/fixtures"
)

// The folders in testdata/older were written by the program of commit 097f6c7, in version 0.1.0. "finished" is
// whole; in the others the command was killed where the folder's name says. SHA256SUMS has the files that the same
// commands left in one go, without the seconds that they took. Both are of a processor with AVX2. The sum of the DiT is
// a newer one: the gradient of attention rounds otherwise since it is one kernel, and both ways lead to these bytes.
const (
	olderDistill = "distill --data set --split train --model model --ipc 2 --steps 8 --stop 2 --batch 1 --quiet"
	olderScores  = "evaluate --train set --train-split train --test set --test-split test --net convnet1 --size 4 " +
		"--epochs 60 --batch 4 --validate 5 --checkpoint-every 20ms --repeat 2 --quiet"
	olderTraining = " --data set --split train --size 16 --steps 40 --batch 6 --warmup 2 --log-every 5 " +
		"--checkpoint-every 10 --sample-every 0 --flip --quiet"
	olderCompare = "compare --data set --split train --test-split test --model model --steps 4 --ipc 2 --sets 1 " +
		"--net convnet1 --change epochs=4 --change size=4 --method mgd3,herding,random,full --quiet"
	olderAutoencoder = "train autoencoder --channels 2,2 --groups 1 --latent-channels 2" + olderTraining
	olderDiT         = "train dit --hidden 4 --depth 1 --heads 1 --patch 4 --half" + olderTraining
)

// TestOlderFolders: the command that an earlier version of the program was killed in goes on where that one was
// stopped, keeps every file that was complete, and ends with the bytes of one go.
func TestOlderFolders(t *testing.T) {
	for _, c := range []struct {
		folder, command string
		whole           string   // what SHA256SUMS calls the folder made in one go
		unfinished      []string // what may change: files in the making, and those written anew after each step
	}{
		{"encode", olderDistill, "distill", []string{"latents/dog.safetensors.part"}},
		{"sample", olderDistill, "distill", nil},
		{"finished", olderDistill, "distill", nil},
		{"evaluate", olderScores, "evaluate", []string{"set/convnet1/seed-1/checkpoint.safetensors"}},
		{"autoencoder", olderAutoencoder, "train",
			[]string{"training/autoencoder/state.safetensors", "training/autoencoder/loss.csv"}},
		{"dit", olderDiT, "train", []string{"training/dit/state.safetensors", "training/dit/loss.csv"}},
		{"compare", olderCompare, "compare",
			[]string{"quick,epochs=4,size=4/result.json", "quick,epochs=4,size=4/table.txt"}},
	} {
		t.Run(c.folder, func(t *testing.T) {
			sums := olderSums(t, c.whole)
			olderWork(t, c.folder)
			was := filesOf(t, c.folder)
			code, said := runs(append(strings.Fields(c.command), "--out", c.folder))
			if code != exitOK || strings.Contains(said, "made again") || strings.Contains(said, "made anew") {
				t.Fatalf("exit code %d; it said:\n%s", code, said)
			}
			now := filesOf(t, c.folder)
			for name, data := range was {
				if !slices.Contains(c.unfinished, name) && now[name] != data {
					t.Errorf("%s was complete, and was made again", name)
				}
			}
			if c.folder == "autoencoder" { // the whole has the denoiser, too
				maps.DeleteFunc(sums, func(name, _ string) bool { return !strings.Contains(name, "autoencoder/") })
			}
			for _, name := range newer {
				delete(now, name)
				delete(sums, name)
			}
			wantSums(t, now, sums)
		})
	}
}

// TestOlderFolderVerifies: verify finds nothing wrong with a set of an earlier version.
func TestOlderFolderVerifies(t *testing.T) {
	olderWork(t, "finished")
	if code, said := runs([]string{"verify", "finished"}); code != exitOK {
		t.Errorf("exit code %d; it said:\n%s", code, said)
	}
}

// newer are files that commit 097f6c7 wrote without what is in them now, or did not write: recipes, and what the ± are
// over.
var newer = []string{"recipe.json", "quick,epochs=4,size=4/table.txt", "quick,epochs=4,size=4/report.html"}

// olderWork is a working folder with what the commands of the older folders take, and a copy of one of these.
func olderWork(t *testing.T, folder string) {
	t.Helper()
	older := os.DirFS(filepath.Join("testdata", "older", folder))
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, folder), older); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	at := time.Unix(1_700_000_000, 0) // the keys hang on the times of the images
	if err := errors.Join(
		fixtures.Model("model", 1), fixtures.Images("set", 6), fixtures.Images("other", 4),
		os.Rename("other/train", "set/test"),
		filepath.WalkDir(".", func(path string, _ fs.DirEntry, _ error) error { return os.Chtimes(path, at, at) }),
	); err != nil {
		t.Fatal(err)
	}
}

// ofRun matches what no two runs have alike in a score: its time, and the key, which hangs on the times of the
// set's images.
var ofRun = regexp.MustCompile(`"(seconds|key)": ?("[0-9a-f]+"|[0-9.e+-]+)`)

// costs are what the commits did not keep yet.
var costs = regexp.MustCompile(`,\s*"(peak_mib|energy_j)": ?[0-9.e+-]+`)

// weightsSum matches what commit 097f6c7 did not write to training.json yet.
var weightsSum = regexp.MustCompile(`\n  "sha256": \{[^}]*\},`)

// sealOf matches the checksum of a score or a training.json, which commit 097f6c7 did not write yet.
var sealOf = regexp.MustCompile(`,\n *"crc32c_of": "[^"]*",\n *"crc32c": "[0-9a-f]{8}"`)

// filesOf returns the visible files below dir, by their paths with slashes, without what is of one run alone.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := fixtures.Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for name, data := range files {
		if filepath.Base(name) == "result.json" || name == "scores.json" {
			data = sealOf.ReplaceAllString(ofRun.ReplaceAllString(costs.ReplaceAllString(data, ""), `"$1":0`), "")
		}
		if filepath.Base(name) == "training.json" {
			data = sealOf.ReplaceAllString(weightsSum.ReplaceAllString(data, ""), "")
		}
		if name != "report.html" { // which has times and plots of them
			all[name] = data
		}
	}
	return all
}

// olderSums reads the sums of the files below a folder.
func olderSums(t *testing.T, folder string) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/older/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(text)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if name, ours := strings.CutPrefix(name, folder+"/"); ours {
			sums[name] = sum
		}
	}
	if len(sums) == 0 {
		t.Fatalf("there are no sums of %s", folder)
	}
	return sums
}

// wantSums demands exactly these files; their bytes where the processor gives those of AVX2: plain Go rounds
// otherwise.
func wantSums(t *testing.T, files, sums map[string]string) {
	t.Helper()
	have, want := slices.Sorted(maps.Keys(files)), slices.Sorted(maps.Keys(sums))
	if !slices.Equal(have, want) {
		t.Errorf("the folder has\n%q, want\n%q", have, want)
	}
	e, err := engine.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if !strings.Contains(e.Description(), "avx") {
		t.Logf("bytes were not compared: %s", e.Description())
		return
	}
	for name, data := range files {
		if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(data))); sum != sums[name] {
			t.Errorf("%s differs from what one go writes", name)
		}
	}
}
