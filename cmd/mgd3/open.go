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
	n := o.networks.named()
	if n != nil && o.sampling != nil && o.preset == "" && !o.given("rule") && n.IsUNet() {
		o.sampling.Rule = string(diffusion.DDPMSD)
	}
	if err := o.resolve(); err != nil {
		return nil, err
	}
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
	if o.data != nil {
		q.Data = &o.data.Spec
	}
	if o.modes != nil {
		q.Features = o.modes.features
	}
	if o.sampling != nil {
		q.Sampling = &o.sampling.AskedSampling
	}
	return q
}
