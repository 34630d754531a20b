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
)

// TestDamage is the law that whatever is damaged in a run, every command that reads it ends with the code of
// docs/exit-codes.md, the file's name and a hint, and that the hint is true: the command that made the run, once
// more, makes it whole, and the command then ends well. What a command does not read does not keep it from its work.
func TestDamage(t *testing.T) {
	if testing.Short() {
		t.Skip("some two hundred commands")
	}
	t.Chdir(t.TempDir())
	if err := errors.Join(fixtures.Model("model", 1), fixtures.Images("set", 4)); err != nil {
		t.Fatal(err)
	}
	makes := strings.Fields("distill --out run --data set --split train --model model --steps 2 --ipc 2 --quiet")
	if code, said := runs(makes); code != exitOK {
		t.Fatal(said)
	}
	commands := []struct {
		line  string
		codes []int    // that it may end with; with 0 nothing was read of the file
		reads []string // what the names of files begin with of which 0 is wrong, unless it says that it made them again
	}{
		{"verify run", []int{exitVerify}, []string{"manifest.json", "images", "latents", "modes", "samples"}},
		{"export run --format folder --out out", []int{exitVerify, exitOK}, []string{"manifest.json", "images"}},
		{"export run --format parquet --out out.parquet", []int{exitVerify, exitOK},
			[]string{"manifest.json", "images"}},
		{"sheet run --out out.png", []int{exitOutput, exitOK}, []string{"manifest.json", "images"}},
		{"inspect run", []int{exitOutput, exitOK}, []string{"manifest.json"}},
		{"merge --out merged run", []int{exitOutput, exitOK}, []string{"images", "modes/dog", "samples"}},
		{"score --set run", []int{exitOutput, exitVerify, exitOK}, []string{"images", "latents", "samples"}},
		{"evaluate --train run --test set --test-split train --epochs 1 --size 16 --net convnet1",
			[]int{exitOutput, exitVerify, exitOK}, []string{"images"}},
		{"evaluate --train run --masses --test set --test-split train --epochs 1 --size 16 --net convnet1",
			[]int{exitOutput, exitVerify, exitOK}, []string{"images", "manifest.json"}},
		{"modes --ipc 2 --out run", []int{exitOutput, exitOK}, []string{"latents/settings", "modes"}},
		{"sample --model model --steps 2 --out run", []int{exitOutput, exitOK}, []string{"modes"}},
		{"encode --data set --split train --model model --out run", []int{exitOK}, nil},
	}
	for _, name := range []string{
		"manifest.json", "images/dog/0001.png", "latents/dog.safetensors", "modes/dog.safetensors",
		"samples/dog/0001.safetensors",
		"latents/settings.json", "modes/settings.json", "samples/settings.json",
	} {
		path := filepath.Join("run", filepath.FromSlash(name))
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		middle := bytes.Clone(good)
		middle[len(good)/2] ^= 4
		first := bytes.Clone(good)
		first[0] ^= 1
		for how, bad := range map[string][]byte{"empty": {}, "cut": good[:len(good)/2], "a bit in its middle": middle,
			"its first bit": first} {
			for _, c := range commands {
				mustSee := slices.ContainsFunc(c.reads, func(p string) bool { return strings.HasPrefix(name, p) })
				if !mustSee && how != "cut" {
					continue // one damage is enough for a file that the command need not read
				}
				if err := os.WriteFile(path, bad, 0o644); err != nil {
					t.Fatal(err)
				}
				args := append(strings.Fields(c.line), "--quiet")
				code, said := runs(args)
				file := filepath.Base(name)
				switch {
				case !slices.Contains(c.codes, code):
					t.Errorf("%s, %s: mgd3 %s: exit code %d, want one of %v: %s", name, how, c.line, code, c.codes,
						said)
				case code == exitOK && mustSee && strings.Contains(said, file) && strings.Contains(said, "made again"):
				case code == exitOK && mustSee:
					t.Errorf("%s, %s: mgd3 %s: exit code 0: %s", name, how, c.line, said)
				case code != exitOK && !(strings.Contains(said, file) && strings.Contains(said, "hint: ")):
					t.Errorf("%s, %s: mgd3 %s: want the name and a hint: %s", name, how, c.line, said)
				case strings.Contains(said, "Go ") || strings.Contains(said, "panic"):
					t.Errorf("%s, %s: mgd3 %s: %s", name, how, c.line, said)
				}
				if code == exitOK {
					continue
				}
				if code, said := runs(makes); code != exitOK {
					t.Errorf("%s, %s: the next run: exit code %d: %s", name, how, code, said)
				}
				if have, err := os.ReadFile(path); err != nil || !bytes.Equal(have, good) {
					t.Errorf("%s, %s: the next run leaves another file", name, how)
				}
				if code, said := runs(args); code != exitOK {
					t.Errorf("%s, %s: made again, mgd3 %s: exit code %d: %s", name, how, c.line, code, said)
				}
				for _, out := range []string{"out", "out.parquet", "out.png", "merged"} {
					if err := os.RemoveAll(out); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := os.WriteFile(path, good, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
