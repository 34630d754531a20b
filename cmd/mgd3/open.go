package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/dit"
	"mgd3/engine"
	"mgd3/latent"
)

// openRun is a run ready to go, and how to end it.
type openRun struct {
	*distill.Run
	close []func()
}

func (r *openRun) Close() {
	for i := len(r.close) - 1; i >= 0; i-- {
		r.close[i]()
	}
}

// open checks the flags, opens the networks and the images that the command needs, and takes the output folder.
func (e *env) open(ctx context.Context, o *options) (_ *openRun, err error) {
	if err := o.resolve(); err != nil {
		return nil, err
	}
	shard, err := distill.ParseShard(o.shard)
	if err != nil {
		return nil, fail(exitUsage, "", err)
	}
	if o.flags.Lookup("batch") != nil && o.batch < 1 {
		return nil, fail(exitUsage, "", fmt.Errorf("--batch is %d, want at least 1", o.batch))
	}
	p := newProgress(e.stdout, e.stderr, e.quiet, e.json)
	r := &openRun{Run: &distill.Run{Settings: o.settings, Out: o.out, Latents: o.latents, Shard: shard, Batch: o.batch, Report: p.event}}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	if o.flags.Lookup("model") != nil {
		if err := e.openModel(ctx, o, r); err != nil {
			return nil, err
		}
	}
	if o.flags.Lookup("data") != nil {
		_, err := r.Autoencoder.LatentShape(r.Settings.Encode.Size)
		if err := errors.Join(r.Settings.Encode.Check(), err); err != nil {
			return nil, fail(exitUsage, "", err)
		}
		if err := o.openData(ctx, r); err != nil {
			return nil, err
		}
	}
	if !o.dryRun {
		unlock, err := distill.Lock(o.out, shard)
		if err != nil {
			return nil, fail(exitOutput, "", err)
		}
		r.close = append(r.close, unlock)
	}
	return r, nil
}

// openModel opens the backend and the networks.
func (e *env) openModel(ctx context.Context, o *options, r *openRun) error {
	vae, err := pick(o.vae, o.model, "--vae", "autoencoder", "vae")
	if err != nil {
		return err
	}
	if r.Engine, err = engine.Open(e.backend); err != nil {
		return err
	}
	r.close = append(r.close, r.Engine.Close)
	if r.Autoencoder, err = latent.Open(ctx, r.Engine, vae); err != nil {
		return fail(exitModel, "", err)
	}
	if o.rule == "" && o.settings.Encode.Size != 0 { // encode alone, at a given size, needs no denoiser
		return nil
	}
	denoiser, err := pick(o.dit, o.model, "--dit", "dit", "transformer")
	if err != nil {
		return err
	}
	config, err := dit.ReadConfig(filepath.Join(denoiser, "config.json"))
	if err != nil {
		return fail(exitModel, "", err)
	}
	if r.Settings.Encode.Size == 0 {
		r.Settings.Encode.Size = config.InputSize * r.Autoencoder.Downsampling()
	}
	if o.rule == "" {
		return nil
	}
	if r.Denoiser, err = dit.Open(ctx, r.Engine, denoiser); err != nil {
		return fail(exitModel, "", err)
	}
	if o.model != "" {
		r.ClassNames, err = readLines(filepath.Join(o.model, "classes.txt"))
	}
	return err
}

// pick returns the folder a flag names, or the first of names that is below the model's folder.
func pick(given, model, flag string, names ...string) (string, error) {
	if given != "" {
		return given, nil
	}
	if model == "" {
		return "", fail(exitUsage, "", fmt.Errorf("missing --model, or %s", flag))
	}
	for _, name := range names {
		dir := filepath.Join(model, name)
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir, nil
		}
	}
	return "", fail(exitModel, flag+" names its folder if it is elsewhere", fmt.Errorf("%s: has no folder %s", model, strings.Join(names, " or ")))
}

// readLines returns the lines of a file, without empty ones, or nil if there is no such file.
func readLines(path string) ([]string, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fail(exitModel, "", err)
	}
	defer f.Close()
	var lines []string
	for s := bufio.NewScanner(f); s.Scan(); {
		if line := strings.TrimSpace(s.Text()); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// openData opens the images.
func (o *options) openData(ctx context.Context, r *openRun) error {
	classes, err := dataset.ParseClasses(o.classes)
	if err != nil {
		return fail(exitInput, "", err)
	}
	r.Data, err = openSet(ctx, o.data, dataset.OpenOptions{Split: o.settings.Encode.Split, Classes: classes, Limit: o.settings.Encode.Limit})
	if err != nil {
		return fail(exitInput, "", err)
	}
	r.close = append(r.close, func() { _ = r.Data.Close() })
	return nil
}
