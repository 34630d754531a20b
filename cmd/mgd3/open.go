package main

import (
	"context"
	"errors"

	"mgd3/diffusion"
	"mgd3/distill"
	"mgd3/encode"
	"mgd3/engine"
	"mgd3/latent"
	"mgd3/model"
	"mgd3/stage"
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
	if o.networks != nil && o.sampling != nil && o.preset == "" && !o.given("rule") && o.networks.networks().IsUNet() {
		o.sampling.Rule = string(diffusion.DDPMSD)
	}
	if err := o.resolve(); err != nil {
		return nil, err
	}
	shard, any, err := o.run.sharedPart(e)
	if err != nil {
		return nil, err
	}
	p := e.progress()
	r := &openRun{shared: o.run.latents, Run: &distill.Run{
		Settings: o.settings, Out: o.run.out, Latents: o.run.latents, Shard: shard, Any: any, Report: p.Event,
		SeedEncodes: o.seedEncodes,
	}}
	if o.seedEncodes && o.run.latents != "" && o.data != nil {
		r.Latents = encode.SeedDir(o.run.latents, r.Settings.Encode.Seed, false)
	}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	if o.networks != nil {
		r.Batch = o.networks.batch
		if err := e.openModel(ctx, o, r); err != nil {
			return nil, err
		}
	}
	if o.data != nil {
		_, err := r.Autoencoder.LatentShape(r.Settings.Encode.Size)
		if err := errors.Join(r.Settings.Encode.Check(), err); err != nil {
			return nil, fail(exitUsage, "", err)
		}
		if r.Settings.Encode.FromSample && !r.Autoencoder.HasPosterior() {
			return nil, fail(exitUsage, "leave --posterior-sample out", latent.ErrNoPosterior)
		}
		if r.Data, err = o.data.open(ctx, e); err != nil {
			return nil, err
		}
		r.close = append(r.close, func() { _ = r.Data.Close() })
	}
	warnings := o.withoutEffect()
	if p, err := distill.FindPreset(o.preset); err == nil && o.networks != nil {
		warnings = append(warnings, o.networks.networks().Unfit(p, r.Denoiser)...)
	}
	for _, w := range warnings {
		r.Report(stage.Event{Stage: distill.StageEncode, Warning: w})
	}
	if !o.run.dryRun {
		lock := func() (func(), error) { return stage.Lock(o.run.out, shard) }
		if any != nil {
			lock = func() (func(), error) { return stage.LockAny(o.run.out) }
		}
		unlock, err := lock()
		if err != nil {
			return nil, fail(exitOutput, "", err)
		}
		r.close = append(r.close, unlock)
	}
	return r, nil
}

// openModel opens the backend and the networks.
func (e *env) openModel(ctx context.Context, o *options, r *openRun) error {
	n := o.networks.networks()
	if _, err := n.Find(model.Autoencoder); err != nil {
		return networkFailure(n, err)
	}
	var err error
	if n.Prompts, err = e.prompter(o, n); err != nil {
		return err
	}
	if r.Engine, err = e.backend.Open(engine.Precision(o.networks.precision), o.run.autotuneDir()); err != nil {
		return err
	}
	r.Engine.KeepHalf = o.networks.lowMemory
	r.close = append(r.close, r.Engine.Close)
	if r.Autoencoder, err = n.OpenAutoencoder(ctx, r.Engine); err != nil {
		return networkFailure(n, err)
	}
	e.sayAll(r.Autoencoder.Notes)
	if r.Settings.Encode.Size == 0 {
		if r.Settings.Encode.Size, err = n.Size(r.Autoencoder); err != nil {
			return networkFailure(n, err)
		}
	}
	if o.sampling == nil { // encode alone, at a given size, needs no denoiser
		return nil
	}
	denoiser, err := n.OpenDenoiser(ctx, r.Engine)
	if err != nil {
		return networkFailure(n, err)
	}
	r.Denoiser = denoiser.Denoiser
	e.sayAll(denoiser.Notes)
	if denoiser.Steps != nil {
		o.sampling.TakeSteps(&r.Settings.Sample.Settings, *denoiser.Steps)
	}
	if o.data != nil {
		e.warnOfSize(r.Settings.Encode.Size, denoiser.Side*r.Autoencoder.Downsampling())
	}
	if err := o.sampling.TakeSchedule(&r.Settings.Sample.Settings, r.Denoiser.Noise()); err != nil {
		return fail(exitUsage, "", err)
	}
	r.ClassNames, err = n.ClassNames()
	return networkFailure(n, err)
}
