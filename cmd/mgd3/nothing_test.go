package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/internal/fixtures"
)

// TestNothingMade is the law that a command whose input is missing or wrong makes nothing: no output, no empty folder
// for it and none above it, no lock. It names what is missing.
func TestNothingMade(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("HF_HOME", filepath.Join(".", "hub"))
	if err := errors.Join(fixtures.Model("model", 1), fixtures.Images("set", 3)); err != nil {
		t.Fatal(err)
	}
	base := " --data set --split train --model model --steps 2 --ipc 1 --quiet"
	for _, line := range []string{"distill --out run" + base, "distill --seed 1 --out other" + base,
		"distill --out half --shard 0/3" + base} {
		if code, said := runs(strings.Fields(line)); code != exitOK {
			t.Fatal(said)
		}
	}
	if err := errors.Join(os.CopyFS("broken", os.DirFS("run")), os.Truncate("broken/manifest.json", 10),
		os.Truncate("broken/samples/owl/0000.safetensors", 100), os.CopyFS("gone", os.DirFS("run")),
		os.Remove("gone/images/dog/0000.png"),
		os.CopyFS("few", os.DirFS("set")), os.RemoveAll("few/train/dog"), os.Mkdir("empty", 0o755),
		os.WriteFile("text", []byte("text"), 0o644)); err != nil {
		t.Fatal(err)
	}
	const out = " --out new/deep/out"
	for _, c := range []struct {
		line string
		code int
		says string
	}{
		{"distill --data missing --model model --ipc 1" + out, exitInput, "missing"},
		{"distill --data set --split test --model model --ipc 1" + out, exitInput, "test"},
		{"distill --data set --split train --model missing --ipc 1" + out, exitModel, "missing"},
		{"distill --data set --split train --model model --ipc 9" + out, exitInput, "class"},
		{"distill --data set --split train --model model --ipc 0" + out, exitUsage, "ipc"},
		{"distill --data set --split train --model model --ipc 1 --lambda -1" + out, exitUsage, "lambda"},
		{"distill --data few --split train --classes missing --model model --ipc 1" + out, exitInput, "missing"},
		{"encode --data missing --model model" + out, exitInput, "missing"},
		{"encode --data set --split train --model missing" + out, exitModel, "missing"},
		{"modes --ipc 1" + out, exitInput, "new/deep/out"},
		{"modes --ipc 1 --out empty", exitInput, "empty/latents"},
		{"sample --model model" + out, exitInput, "new/deep/out"},
		{"sample --model model --out empty", exitInput, "empty/modes"},
		{"baseline --method random --data missing --model model --ipc 1" + out, exitInput, "missing"},
		{"baseline --method random --data set --split train --model model --ipc 9" + out, exitInput, "class"},
		{"baseline --method herding --data set --split train --model missing --ipc 1" + out, exitModel, "missing"},
		{"compare --data set --split train --test missing --model model --ipc 1" + out, exitInput, "missing"},
		{"compare --data set --split train --test few --test-split train --model model --ipc 1" + out, exitInput,
			"class"},
		{"compare --data missing --split train --test set --model model --ipc 1" + out, exitInput, "missing"},
		{"compare --data set --split train --test set --test-split missing --model model --ipc 1" + out, exitInput,
			"missing"},
		{"sweep --data missing --model model --ipc 1 --stop 0,1" + out, exitInput, "missing"},
		{"sweep --data set --split train --model model --ipc 9 --stop 0,1" + out, exitInput, "class"},
		{"sweep --data set --split train --model model --ipc 1 --stop 0,1 --on test --test missing" + out, exitInput,
			"missing"},
		{"evaluate --train missing --test set --test-split train" + out, exitInput, "missing"},
		{"evaluate --train run --test missing" + out, exitInput, "missing"},
		{"evaluate --train run --test few --test-split train" + out, exitInput, "class"},
		{"evaluate --train run --test set --test-split train --net convnet9x --size 16" + out, exitUsage, "convnet9x"},
		{"evaluate --train run --test set --test-split train --protocol soft --teacher missing.pth" + out, exitModel,
			"missing.pth"},
		{"train autoencoder --size 16 --data missing" + out, exitInput, "missing"},
		{"train autoencoder --size 16 --data set --split train --from missing" + out, exitFailed, "missing"},
		{"train dit --size 16 --data missing" + out, exitInput, "missing"},
		{"train dit --size 16 --data set --split train" + out, exitModel, "new/deep/out"},
		{"train dit --size 16 --data set --split train --vae missing" + out, exitModel, "missing"},
		{"merge missing" + out, exitInput, `"missing"`},
		{"merge run missing" + out, exitInput, `"missing"`},
		{"merge empty" + out, exitInput, `"empty"`},
		{"merge text" + out, exitInput, `"text"`},
		{"merge run other" + out, exitOutput, `"other"`},
		{"merge half broken" + out, exitOutput, "broken/samples/owl/0000.safetensors"},
		{"merge half gone" + out, exitOutput, "gone/images/dog/0000.png"},
		{"export missing --format zip --out new/deep/out.zip", exitInput, "missing"},
		{"export empty --format folder" + out, exitInput, "empty"},
		{"export broken --format webdataset" + out, exitVerify, "broken/manifest.json"},
		{"export gone --format parquet" + out, exitVerify, "gone/images/dog/0000.png"},
		{"export gone --format folder" + out, exitVerify, "gone/images/dog/0000.png"},
		{"sheet missing --out new/deep/out.png", exitInput, "missing"},
		{"sheet broken --out new/deep/out.png", exitOutput, "broken/manifest.json"},
		{"sheet gone --out new/deep/out.png", exitOutput, "gone/images/dog/0000.png"},
		{"sheet run --data missing --out new/deep/out.png", exitInput, "missing"},
		{"convert missing new/deep/out", exitModel, "missing"},
		{"convert text new/deep/out.safetensors", exitModel, "text"},
		{"convert model/dit --to autoencoder new/deep/out", exitModel, "model/dit"},
		{"glyphs --per-class 99999" + out, exitUsage, "99999"},
		{"glyphs --split missing --sheet new/deep/out.png" + out, exitUsage, "missing"},
		{"demo --letters ? " + out, exitUsage, "?"},
		{"pull --mirror http://127.0.0.1:1 some/thing", exitHub, "127.0.0.1:1"},
		{"pull --offline some/thing", exitHub, "some/thing"},
		{"pull nothing", exitUsage, "nothing"},
		{"score --set missing", exitInput, "missing"},
		{"verify missing", exitInput, "missing"},
		{"inspect missing", exitModel, "missing"},
	} {
		before := placesHere(t)
		code, said := runs(strings.Fields(c.line))
		if code != c.code || !strings.Contains(said, c.says) {
			t.Errorf("mgd3 %s: exit code %d, want %d and %s: %s", c.line, code, c.code, c.says, said)
		}
		if after := placesHere(t); !slices.Equal(after, before) {
			made := slices.DeleteFunc(after, func(path string) bool { return slices.Contains(before, path) })
			t.Errorf("mgd3 %s: it made %q", c.line, made)
			for _, path := range made {
				if err := os.RemoveAll(path); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// placesHere lists the files and folders below the working folder.
func placesHere(t *testing.T) (places []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry,
		err error) error {
		places = append(places, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return places
}
