package main

import (
	"context"
	"errors"
	"path/filepath"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/engine"
	"mgd3/latent"
)

// openRun is a run ready to go, and how to end it.
type openRun struct {
	*distill.Run
	shared string // --latents: the cache of runs of all seeds
	close  []func()
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
	p := newProgress(e.stdout, e.stderr, e.quiet, e.json)
	r := &openRun{shared: o.latents, Run: &distill.Run{
		Settings: o.settings, Out: o.out, Latents: o.latents, Shard: shard, Batch: o.batch, Report: p.event, SeedEncodes: o.seedEncodes,
	}}
	if o.seedEncodes && o.latents != "" && o.flags.Lookup("data") != nil {
		r.Latents = distill.SeedLatents(o.latents, r.Settings.Encode.Seed, false)
	}
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
		if r.Settings.Encode.FromSample && !r.Autoencoder.HasPosterior() {
			return nil, fail(exitUsage, "leave --posterior-sample out", latent.ErrNoPosterior)
		}
		if err := o.openData(ctx, e, r); err != nil {
			return nil, err
		}
	}
	for _, w := range r.presetWarnings(o) {
		r.Report(distill.Event{Stage: distill.StageEncode, Warning: w})
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
	vae, err := pick(o.vae, modelFolder(o.model), "--vae", "autoencoder", "vae")
	if err != nil {
		return err
	}
	if r.Engine, err = e.openEngineIn(engine.Precision(o.precision), o.autotuneDir()); err != nil {
		return err
	}
	r.Engine.KeepHalf = o.lowMemory
	r.close = append(r.close, r.Engine.Close)
	if r.Autoencoder, err = e.openAutoencoder(ctx, r.Engine, vae); err != nil {
		return err
	}
	if o.rule == "" && o.settings.Encode.Size != 0 { // encode alone, at a given size, needs no denoiser
		return nil
	}
	denoiser, err := pick(o.dit, modelFolder(o.model), "--dit", "dit", "transformer")
	if err != nil {
		return err
	}
	config, err := denoiser.denoiserConfig()
	if err != nil {
		return err
	}
	if r.Settings.Encode.Size == 0 {
		r.Settings.Encode.Size = config.InputSize * r.Autoencoder.Downsampling()
	}
	if o.rule == "" {
		return nil
	}
	if r.Denoiser, err = e.openDenoiser(ctx, r.Engine, denoiser); err != nil {
		return err
	}
	if err := o.takeSchedule(&r.Settings.Sample.Settings, r.Denoiser.Noise()); err != nil {
		return fail(exitUsage, "", err)
	}
	if o.model != "" {
		r.ClassNames, err = modelFolder(o.model).lines("classes.txt")
	}
	labels, errL := denoiser.labels()
	if r.ClassNames == nil {
		r.ClassNames = labels
	}
	return errors.Join(err, errL)
}

// autotuneDir is where a run on a GPU keeps which kernels XLA chose; "" where nothing is written.
func (o *options) autotuneDir() string {
	if o.out == "" || o.dryRun {
		return ""
	}
	return filepath.Join(o.out, "autotune")
}

// openData opens the images.
func (o *options) openData(ctx context.Context, e *env, r *openRun) error {
	classes, err := dataset.ParseClasses(o.classes)
	if err != nil {
		return fail(exitInput, "", err)
	}
	names, err := dataset.ParseNames(o.classNames)
	if err != nil {
		return fail(exitInput, "", err)
	}
	r.Data, err = e.openSet(ctx, o.data, dataset.OpenOptions{Split: o.settings.Encode.Split, Classes: classes, Names: names, Labels: o.labels, Limit: o.settings.Encode.Limit})
	if err != nil {
		return fail(exitInput, "", err)
	}
	r.close = append(r.close, func() { _ = r.Data.Close() })
	return nil
}
