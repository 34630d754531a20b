package study

import (
	"context"
	"fmt"
	"path/filepath"

	"mgd3/distill"
)

// Make makes the set of a method with ipc images per class, in a folder of its own in sets below o.Out, and
// returns that folder; its images are in [distill.ImagesDir] of it, and distill.Verify can compare them with its manifest.
// A set that is there is kept, a half one is completed; one of other settings is a [distill.ErrOther].
func Make(ctx context.Context, o Options, m Method, ipc int, seed uint64) (dir string, err error) {
	set := setID{m, ipc, seed}
	dir = filepath.Join(o.Out, "sets", o.folder(set))
	return dir, MakeAt(ctx, o, m, ipc, seed, dir)
}

// MakeAt is Make into a given folder.
func MakeAt(ctx context.Context, o Options, m Method, ipc int, seed uint64, dir string) error {
	set := setID{m, ipc, seed}
	o = o.ofSeed(seed)
	o.Settings.Modes.IPC = ipc
	var err error
	switch m {
	case MGD3:
		err = o.sample(ctx, set, dir)
	case NoStop:
		o.Settings.Sample.Stop = 0
		err = o.sample(ctx, set, dir)
	case Unguided:
		o.Settings.Sample.Lambda = 0
		err = o.sample(ctx, set, dir)
	case Nearest, Herding, KCenter, Random:
		err = o.choose(ctx, set, dir)
	default:
		return fmt.Errorf("method %q makes no set, want one of %v", m, Makes)
	}
	if err != nil {
		return fmt.Errorf("%v: %w", set, err)
	}
	return nil
}

// sample makes a set with the diffusion model.
func (o *Options) sample(ctx context.Context, set setID, dir string) error {
	o.Settings.Sample.Seed = set.Seed
	_, err := o.run(set, dir).Do(ctx)
	return err
}

// run is the run of distill for one set.
func (o *Options) run(set setID, dir string) *distill.Run {
	return &distill.Run{
		Settings: o.Settings, Out: dir, Latents: o.latents(), Shard: distill.Whole, Batch: o.Batch,
		Engine: o.Engine, Autoencoder: o.Autoencoder, Denoiser: o.Denoiser, ClassNames: o.ClassNames, Data: o.Train,
		Report: func(e distill.Event) { o.report(Event{Set: set.String(), Making: &e}) },
	}
}
