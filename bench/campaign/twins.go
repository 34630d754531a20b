package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// link puts links to a file of somebody's where files in the making of fixed names could be.
func (r *round) link() error {
	precious := filepath.Join(r.dir, "precious")
	if err := os.WriteFile(precious, []byte("precious"), 0o644); err != nil {
		return err
	}
	var links []string
	for _, name := range []string{
		"images/cat/.0000.png.tmp", ".manifest.json.tmp", "latents/.cat.safetensors.tmp", "modes/.cat.safetensors.tmp",
		"samples/cat/.0000.safetensors.tmp",
	} {
		path := filepath.Join(r.out, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(precious, path)); err != nil {
			return err
		}
		links = append(links, path)
	}
	code, text := r.mgd3Run(nil, r.command(r.out)...)
	if err := sane(code, text); err != nil || code != 0 {
		return fmt.Errorf("%d, %v: %s", code, err, text)
	}
	if data, err := os.ReadFile(precious); err != nil || string(data) != "precious" {
		return fmt.Errorf("a link was followed: the file holds %q, %w", data, err)
	}
	for _, path := range links { // verify would say that they do not belong there
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return r.same()
}

// twins runs the same command twice, or two overlapping shards, side by side.
func (r *round) twins() error {
	a, b := r.command(r.out), r.command(r.out)
	if r.IntN(2) == 0 {
		b = append(b, "--shard", "0/2")
	}
	if err := r.both(a, b); err != nil {
		return err
	}
	return r.same()
}

// both runs two commands side by side, the second after a moment. One that is refused must be so as busy.
func (r *round) both(a, b []string) error {
	var wg sync.WaitGroup
	codes, texts := make([]int, 2), make([]string, 2)
	wait := time.Duration(r.Float64() * float64(r.took) / 2)
	for i, args := range [][]string{a, b} {
		wg.Go(func() {
			time.Sleep(wait * time.Duration(i))
			codes[i], texts[i] = r.mgd3Run(nil, args...)
		})
	}
	wg.Wait()
	won := 0
	for i, code := range codes {
		switch {
		case code == 0:
			won++
		case code == 5 && strings.Contains(texts[i], "at work on it"):
			r.counts["busy"]++
		default:
			return fmt.Errorf("ended with %d: %s", code, texts[i])
		}
	}
	if won == 0 {
		return fmt.Errorf("both were busy: %s", texts)
	}
	return nil
}

// exports runs two exports to one place side by side, in each form, and reads what is there.
func (r *round) exports() error {
	format := []string{"folder", "zip", "webdataset", "parquet"}[r.IntN(4)]
	ending := ""
	if format == "zip" {
		ending = ".zip"
	}
	return r.oncePlace(ending, func(place string) []string {
		return []string{"export", filepath.Join(r.work, "whole"), "--format", format, "--out", place}
	})
}

// converts runs two conversions to one place side by side, to a file or to a folder.
func (r *round) converts() error {
	ending := []string{"", ".safetensors"}[r.IntN(2)]
	return r.oncePlace(ending, func(place string) []string {
		return []string{"convert", filepath.Join(r.work, "model", []string{"dit", "autoencoder"}[len(ending)%2]), place}
	})
}

// oncePlace runs a command twice to one place, and wants there what one alone makes.
func (r *round) oncePlace(ending string, command func(place string) []string) error {
	place, alone := filepath.Join(r.dir, "both"+ending), filepath.Join(r.dir, "alone"+ending)
	if err := r.both(command(place), command(place)); err != nil {
		return err
	}
	if code, text := r.mgd3Run(nil, command(alone)...); code != 0 {
		return fmt.Errorf("%d: %s", code, text)
	}
	if out, err := exec.Command("diff", "-r", "-x", ".*", place, alone).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: differs from one made alone: %s", strings.Join(command(place), " "), out)
	}
	return nil
}
