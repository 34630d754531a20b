package main

import (
	"context"

	"mgd3/diffusion"
	"mgd3/engine"
	"mgd3/features"
	"mgd3/internal/opening"
)

// open resolves the flags, and opens the networks and the images that the command needs, and the output folder.
func (e *env) open(ctx context.Context, o *options) (*opening.Run, error) {
	// A U-Net was trained with a noise of its own, and its published rule is another one than DiT's. This is a default,
	// and so it comes before the settings are resolved, and only where neither a preset nor a flag says it.
	n := o.networks.named()
	if n != nil && o.sampling != nil && o.preset == "" && !o.given("rule") && n.IsUNet() {
		o.sampling.Rule = string(diffusion.DDPMSD)
	}
	if err := o.resolve(); err != nil {
		return nil, err
	}
	// The part of the work comes last: auto says what it found, and that is only worth a line if the rest is right.
	q := e.request(o)
	var err error
	if q.Shard, q.Any, err = o.run.shared(e); err != nil {
		return nil, err
	}
	return q.Open(ctx)
}

// openFeatures opens an engine and, on it, the network of a file that makes features.
func (e *env) openFeatures(ctx context.Context, file string) (*engine.Engine, *features.Net, error) {
	eng, err := e.openEngine()
	if err != nil {
		return nil, nil, err
	}
	net, err := features.Open(ctx, eng, file)
	if err != nil {
		// the caller gets the engine with the network, or neither
		eng.Close()
		return nil, nil, fail(exitModel, "", err)
	}
	e.sayAll(net.Notes)
	return eng, net, nil
}

// request is what the resolved flags say to open.
func (e *env) request(o *options) opening.Request {
	q := opening.Request{
		Settings: o.settings, SeedEncodes: o.seedEncodes, Preset: o.found, Networks: o.networks.named(),
		Out: o.run.out, Latents: o.run.latents, Autotune: o.run.autotuneDir(), DryRun: o.run.dryRun,
		Backend: e.backend, Sets: &e.sets, Warnings: o.withoutEffect(), Warn: e.warnText, Report: e.progress().Event,
		Say: e.sayText,
	}
	// a group of flags that the command has not asks for nothing: modes opens no networks, sample no images
	if o.data != nil {
		q.Data = &o.data.Spec
	}
	if o.modes != nil {
		q.Features = o.modes.features
	}
	if o.sampling != nil {
		q.Sampling, q.Teacher = &o.sampling.AskedSampling, o.sampling.teacher
	}
	return q
}
