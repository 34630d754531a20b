package baseline

import (
	"context"
	"fmt"
	"path/filepath"

	"mgd3/distill"
	"mgd3/internal/words"
	"mgd3/stage"
)

// Make makes a set in a folder of its own in sets below Out, and returns that folder; its images are in
// [distill.ImagesDir] of it, and distill.Verify can compare them with its manifest. A set that is there is kept, a
// half one is completed; one of other settings is a [stage.ErrOther].
func (o *Maker) Make(ctx context.Context, set ID) (dir string, err error) {
	dir = o.Dir(set)
	return dir, o.MakeAt(ctx, set, dir)
}

// Dir is the folder that Make makes a set in.
func (o *Maker) Dir(set ID) string { return filepath.Join(o.Out, "sets", o.folder(set)) }

// MakeAt is Make into a given folder.
func (o *Maker) MakeAt(ctx context.Context, set ID, dir string) error {
	of := o.OfSeed(set.Seed)
	of.Settings.Modes.IPC = set.IPC
	var err error
	switch set.Method {
	case MGD3:
		err = of.sample(ctx, set, dir)
	case NoStop:
		of.Settings.Sample.Stop = 0
		err = of.sample(ctx, set, dir)
	case Unguided:
		of.Settings.Sample.Lambda = 0
		err = of.sample(ctx, set, dir)
	case Nearest, Herding, KCenter, Random:
		err = of.choose(ctx, set, dir)
	default:
		if option := options[set.Method]; option != nil {
			if err = option(&of); err == nil {
				err = of.sample(ctx, set, dir)
			}
			break
		}
		return fmt.Errorf("method %q makes no set, want %s", set.Method, words.Or(Makes))
	}
	if err != nil {
		return fmt.Errorf("%v: %w", set, err)
	}
	return nil
}

// sample makes a set with the diffusion model.
func (o *Maker) sample(ctx context.Context, set ID, dir string) error {
	o.Settings.Sample.Seed = set.Seed
	_, err := o.Run(set, dir).Do(ctx)
	return err
}

// Run is the run of distill for one set.
func (o *Maker) Run(set ID, dir string) *distill.Run {
	features := o.Features
	if o.Settings.Modes.Features == "" { // they are of another method
		features = nil
	}
	return &distill.Run{
		Settings: o.Settings, Out: dir, Latents: o.LatentsDir(), Shard: stage.Whole, Batch: o.Batch,
		Engine: o.Engine, Autoencoder: o.Autoencoder, Denoiser: o.Denoiser, ClassNames: o.ClassNames,
		Features: features, OpenTeacher: o.OpenTeacher,
		Data:   o.Train,
		Report: func(e stage.Event) { o.report(set, e) },
	}
}
