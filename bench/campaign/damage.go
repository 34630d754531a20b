package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// stored finds the files of a run by their kind: each kind is as likely as another, however few its files.
func stored(out string) (map[string][]string, error) {
	kinds := map[string][]string{}
	err := walk(out, func(path string) error {
		kind := kindOf(out, path)
		kinds[kind] = append(kinds[kind], path)
		return nil
	})
	return kinds, err
}

// kindOf is the folder of a stored file of a run, with its name where there is one such file in it.
func kindOf(out, path string) string {
	rel, _ := filepath.Rel(out, path)
	if base := filepath.Base(rel); base == "settings.json" || base == rel {
		return rel
	}
	stage, _, _ := strings.Cut(rel, string(filepath.Separator))
	return stage
}

// damaged makes a whole run, damages one of its stored files, and wants verify to say so and the next run to mend it.
func (r *round) damaged(damage func(data []byte) []byte) error {
	if err := os.CopyFS(r.out, os.DirFS(filepath.Join(r.work, "whole"))); err != nil {
		return err
	}
	kinds, err := stored(r.out)
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(kinds))
	kind := names[r.IntN(len(names))]
	file := kinds[kind][r.IntN(len(kinds[kind]))]
	good, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, damage(slices.Clone(good)), 0o644); err != nil {
		return err
	}
	if err := r.found(kind, file); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	code, text := r.mgd3Run(nil, r.command(r.out)...)
	if err := sane(code, text); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	if code != 0 { // not made anew; without the file it is
		r.counts[kind+" refused"]++
		if code != 5 || !strings.Contains(text, file) {
			return fmt.Errorf("%s: the next run ends with %d, want 5 and the name: %s", kind, code, text)
		}
		if err := os.Remove(file); err != nil {
			return err
		}
		return r.same()
	}
	r.counts[kind+" mended"]++
	if have, err := os.ReadFile(file); err != nil || string(have) != string(good) {
		return fmt.Errorf("%s: the next run leaves another file", kind)
	}
	if kind != "manifest.json" && !(strings.Contains(text, "made again") && strings.Contains(text, file)) {
		return fmt.Errorf("%s: the next run does not say that it made the file again: %s", kind, text)
	}
	return r.isSame()
}

// found wants verify to end with its code, and to name the file. What another version or another machine may have
// written to a manifest is no fault, but a line.
func (r *round) found(kind, file string) error {
	code, text := r.mgd3Run(nil, "verify", r.out)
	if err := sane(code, text); err != nil {
		return err
	}
	name, _ := filepath.Rel(r.out, file)
	if code == 0 && kind == "manifest.json" && strings.Contains(text, name) && strings.Contains(text, "not a fault") {
		r.counts["manifest.json told, as of another machine or version"]++
		return nil
	}
	if code != 7 || !strings.Contains(text, filepath.ToSlash(name)) || !strings.Contains(text, "hint: ") {
		return fmt.Errorf("verify ends with %d, want 7, the name and a hint: %s", code, text)
	}
	return nil
}

func (r *round) flip() error {
	return r.damaged(func(data []byte) []byte {
		at := r.IntN(8 * len(data))
		data[at/8] ^= 1 << (at % 8)
		return data
	})
}

func (r *round) cut() error {
	return r.damaged(func(data []byte) []byte { return data[:r.IntN(len(data))] })
}
