// Package opening opens what a run needs, as a command line names it: the backend, the networks with their prompts,
// the images, and the output folder, in the order in which mistakes are found soonest. Its errors have exit codes.
package opening

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"mgd3/baseline"
	"mgd3/distill"
	"mgd3/embedding"
	"mgd3/encode"
	"mgd3/engine"
	"mgd3/internal/backends"
	"mgd3/internal/exits"
	"mgd3/latent"
	"mgd3/model"
	"mgd3/sets"
	"mgd3/stage"
	"mgd3/stage/cost"
	"mgd3/stage/lease"
)

// Networks are the networks of a run, and how they are run.
type Networks struct {
	model.Networks
	Template   string // of prompts; "" takes the preset's, or the usual
	PromptFile string // in the place of a template
	Precision  string
	LowMemory  bool
	Batch      int // batch.Auto is auto
}

// Request says what is opened.
type Request struct {
	Settings    distill.Settings // as asked for; networks may complete them
	SeedEncodes bool             // as distill.Run has it
	Preset      *distill.Preset  // nil: none
	Networks    *Networks        // nil: none
	Sampling    *distill.AskedSampling
	Data        *sets.Spec // nil: none

	Teacher      Teacher
	Features     string // file of features that modes are found in; "" is none
	Out, Latents string // Latents is the folder that runs of all seeds share; "" is that below Out
	Autotune     string // a folder for XLA's choices among kernels; "" is none
	Shard        stage.Shard
	Any          *lease.Any
	DryRun       bool // the output folder is not taken

	Backend  backends.Choice
	Sets     *sets.Opener
	Warnings []string            // said once the networks are open
	Say      func(text string)   // told what was made of files
	Warn     func(text string)   // told what may be wrong with prompts and sizes
	Report   func(e stage.Event) // told of progress
}

// Run is a run that is ready to go. Close ends it.
type Run struct {
	*distill.Run
	shared  string // folder of the latents of all seeds
	samples bool
	close   []func()
}

// Close closes what was opened, last first.
func (r *Run) Close() {
	for i := len(r.close) - 1; i >= 0; i-- {
		r.close[i]()
	}
}

// Maker makes sets as the run would.
func (r *Run) Maker() baseline.Maker {
	return baseline.Maker{
		Settings: r.Settings, Train: r.Data, Out: r.Out, Latents: r.shared, Batch: r.Batch, SeedEncodes: r.SeedEncodes,
		Engine: r.Engine, Autoencoder: r.Autoencoder, Denoiser: r.Denoiser, ClassNames: r.ClassNames,
		Features: r.Features, OpenTeacher: r.OpenTeacher,
		Report: func(_ baseline.ID, e stage.Event) { r.Report(e) },
	}
}

// WarnOfSampling tells of settings of the sampling that are hardly meant, if something is sampled.
func (r *Run) WarnOfSampling() {
	if !r.samples {
		return
	}
	for _, w := range r.Settings.Sample.Warnings() {
		r.Report(stage.Event{Stage: distill.StageSample, Warning: w})
	}
}

// Open opens the networks and the images, and takes the output folder.
func (q Request) Open(ctx context.Context) (_ *Run, err error) {
	r := &Run{shared: q.Latents, samples: q.Sampling != nil, Run: &distill.Run{
		Settings: q.Settings, Out: q.Out, Latents: q.Latents, Shard: q.Shard, Any: q.Any, Report: q.Report,
		SeedEncodes: q.SeedEncodes,
	}}
	// A shared folder has a folder of latents for each seed of the encoding.
	if q.SeedEncodes && q.Latents != "" && q.Data != nil {
		r.Latents = encode.SeedDir(q.Latents, r.Settings.Encode.Seed, false)
	}
	// What was opened before an error is closed here: the caller gets a Run or nothing to close.
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	if q.Networks != nil {
		r.Batch = q.Networks.Batch
		if err := q.openNetworks(ctx, r); err != nil {
			return nil, err
		}
	}
	if err := q.Teacher.Check(r.Settings.Sample); err != nil {
		return nil, exits.Fail(exits.Usage, "", err)
	}
	if q.Teacher.File != "" {
		r.OpenTeacher = q.Teacher.opener(r)
	}
	// the hash in the settings, and so in the key of the modes: the same name may have other features next time
	if q.Features != "" {
		if r.Features, err = embedding.Open(ctx, q.Features); err != nil {
			return nil, exits.Fail(exits.Input, `"mgd3 embed" writes such a file`, err)
		}
		r.Settings.Modes.Features = r.Features.SHA256
	}
	if q.Data != nil {
		if err := q.openData(ctx, r); err != nil {
			return nil, err
		}
	}
	if q.Preset != nil && q.Networks != nil {
		q.Warnings = append(q.Warnings, q.Networks.Unfit(*q.Preset, r.Denoiser)...)
	}
	for _, w := range q.Warnings {
		r.Report(stage.Event{Stage: distill.StageEncode, Warning: w})
	}
	// Warnings before the lock: they are of what was asked for, and are worth reading while another process has the
	// folder.
	if q.DryRun {
		return r, nil
	}
	unlock, err := q.lock()
	if err != nil {
		return nil, exits.Fail(exits.Output, "", err)
	}
	r.close = append(r.close, unlock, r.measure(q.Report))
	return r, nil
}

// measure begins to measure what the run costs. done keeps it with the run, if anything was made: a run that was
// finished, perhaps on a disk that cannot be written, is left as it is.
func (r *Run) measure(report func(stage.Event)) (done func()) {
	began, meter := time.Now(), cost.Begin()
	var made atomic.Bool
	r.Report = func(e stage.Event) {
		if e.Done > e.Kept {
			made.Store(true)
		}
		meter.Look()
		report(e)
	}
	return func() {
		if made.Load() {
			_ = meter.Lap().Write(r.Out, began) // what was made is no worse for it
		}
	}
}

func (q Request) lock() (func(), error) {
	if q.Any != nil {
		return stage.LockAny(q.Out)
	}
	return stage.Lock(q.Out, q.Shard)
}

// openData opens the images, once the autoencoder can take them, if there is one.
func (q Request) openData(ctx context.Context, r *Run) (err error) {
	if r.Autoencoder != nil {
		_, err = r.Autoencoder.LatentShape(r.Settings.Encode.Size)
	}
	if err := errors.Join(r.Settings.Encode.Check(), err); err != nil {
		return exits.Fail(exits.Usage, "", err)
	}
	if r.Settings.Encode.FromSample && r.Autoencoder != nil && !r.Autoencoder.HasPosterior() {
		return exits.Fail(exits.Usage, "leave --posterior-sample out", latent.ErrNoPosterior)
	}
	// after the checks above, which cost nothing: to open a set may list a million files
	if r.Data, err = q.Sets.Open(ctx, *q.Data); err != nil {
		return exits.Fail(exits.Input, "", err)
	}
	r.close = append(r.close, func() { _ = r.Data.Close() })
	return nil
}

// OpenAutoencoder opens the backend and the autoencoder alone, for images that are encoded as settings say.
func (q Request) OpenAutoencoder(ctx context.Context) (*Run, error) {
	q.Sampling = nil
	r := &Run{Run: &distill.Run{Settings: q.Settings}}
	if err := q.openNetworks(ctx, r); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// openNetworks opens the backend and the networks.
func (q Request) openNetworks(ctx context.Context, r *Run) error {
	n := q.Networks.Networks
	// a missing network is known before a GPU is opened, which takes seconds
	if _, err := n.Find(model.Autoencoder); err != nil {
		return exits.OfNetworks(n, err)
	}
	var err error
	if n.Prompts, err = q.prompter(); err != nil {
		return err
	}
	if r.Engine, err = q.Backend.Open(engine.Precision(q.Networks.Precision), q.Autotune); err != nil {
		return err
	}
	r.Engine.KeepHalf = q.Networks.LowMemory
	keepSpare()
	r.close = append(r.close, r.Engine.Close)
	if r.Autoencoder, err = n.OpenAutoencoder(ctx, r.Engine); err != nil {
		return exits.OfNetworks(n, err)
	}
	q.sayAll(r.Autoencoder.Notes)
	if r.Settings.Encode.Size == 0 {
		if r.Settings.Encode.Size, err = n.Size(r.Autoencoder); err != nil {
			return exits.OfNetworks(n, err)
		}
	}
	if q.Sampling == nil { // encode alone, at a given size, needs no denoiser
		return nil
	}
	denoiser, err := n.OpenDenoiser(ctx, r.Engine)
	if err != nil {
		return exits.OfNetworks(n, err)
	}
	r.Denoiser = denoiser.Denoiser
	q.sayAll(denoiser.Notes)
	// what the model's own files say comes after the flags and before what is usual; TakeSteps knows which were given
	if denoiser.Steps != nil {
		q.Sampling.TakeSteps(&r.Settings.Sample.Settings, *denoiser.Steps)
	}
	if q.Data != nil {
		q.warnOfSize(r.Settings.Encode.Size, denoiser.Side*r.Autoencoder.Downsampling())
	}
	if err := q.Sampling.TakeSchedule(&r.Settings.Sample.Settings, r.Denoiser.Noise()); err != nil {
		return exits.Fail(exits.Usage, "", err)
	}
	r.ClassNames, err = n.ClassNames()
	return exits.OfNetworks(n, err)
}

func (q Request) sayAll(notes []string) {
	for _, n := range notes {
		q.Say(n)
	}
}
