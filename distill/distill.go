// Package distill makes a small synthetic data set out of a labelled image set (MGD3,
// arXiv:2505.18963): it encodes the images, finds the modes of each class, samples one image per
// mode, and decodes.
//
//	images ──Encode──▶ latents ──Discover──▶ modes ──Sample──▶ latents and images ──Finish──▶ manifest
//
// Every arrow is a method of [Run] and can be called alone, by another process, on another day: it
// reads files, writes files, and keeps what it finds there under the same key. A file is there when
// it is complete.
//
//	OUT/latents/settings.json, CLASS.safetensors      latents [N, c, h, w] of the real images, their names
//	OUT/modes/settings.json, CLASS.safetensors        centres [k, c·h·w], owner [N], mass [k], nearest [k]
//	OUT/samples/settings.json, CLASS/0000.safetensors latent [c, h, w] of one synthetic image
//	OUT/candidates/SEED/samples, images               of ChooseS3: the sets that are chosen from
//	OUT/images/CLASS/0000.png                         the synthetic image; OUT/images is the distilled set
//	OUT/manifest.json                                 what everything was made from, when all is there
//
// The bytes of an image depend on the weights, its class, its mode, the seed and the settings; not on batch, shard,
// order or interruptions. On the backend xla they depend on the batch too, which the settings files and the manifest
// hold there.
package distill

import (
	"context"
	"fmt"
	"path"
	"path/filepath"

	"mgd3/dataset"
	"mgd3/embedding"
	"mgd3/encode"
	"mgd3/engine"
	"mgd3/latent"
	"mgd3/modes"
	"mgd3/stage"
	"mgd3/stage/batch"
	"mgd3/stage/lease"
	"mgd3/stage/numbers"
)

// Run is one run over one output folder.
type Run struct {
	Settings Settings
	Choices  []Choice // of the settings those that were chosen automatically, for the manifest
	Out      string   // output folder
	Latents  string   // folder of the latent cache; "" means latents below Out
	Shard    stage.Shard
	Any      *lease.Any // takes pieces of the work as they are free, in the place of Shard; nil is none

	// SeedEncodes says that images should have been encoded with the seed of the noise, see [Preset]: Sample warns
	// where they were not.
	SeedEncodes bool

	// images on the device at once, or batch.Auto; where engine.Engine.FixedRows, the bytes depend on it, elsewhere not
	Batch int

	Engine      *engine.Engine
	Autoencoder *latent.Autoencoder
	Denoiser    Denoiser
	// the denoiser's classes in the order of its labels, nil if they have no names; of no use to a [Prompted]
	ClassNames []string

	// OpenTeacher opens the teacher of SampleSettings.Choose, for these classes and images of size pixels; nil is none
	OpenTeacher func(ctx context.Context, classes []string, size int) (Teacher, error)
	teacher     Teacher // that it opened

	Features *embedding.Table // that modes are found in, of ModeSettings.Features; nil is none

	Data   *dataset.Set      // needed by Encode
	Report func(stage.Event) // told of progress, from one goroutine at a time
}

// The stages of an Event.
const (
	StageEncode = encode.Stage // units: real images
	StageModes  = "modes"      // units: classes
	StageSample = "sample"     // units: synthetic images
)

// Stages are those of a run, in order.
var Stages = []string{StageEncode, StageModes, StageSample}

// Do runs all stages and returns the manifest, or nil where other shards have yet to finish.
func (r *Run) Do(ctx context.Context) (*Manifest, error) {
	if _, err := r.check(ctx); err != nil {
		return nil, err
	}
	if err := r.Encode(ctx); err != nil {
		return nil, err
	}
	r.Engine.Trim() // of what the encoder needed
	if err := r.Discover(ctx); err != nil {
		return nil, err
	}
	return r.SampleAll(ctx)
}

// check finds what would fail in a later stage, before the first one begins.
func (r *Run) check(ctx context.Context) (encode.Record, error) {
	m := r.Settings.Modes
	l, err := r.encoding().Record()
	if err != nil {
		return l, err
	}
	if err := m.Check(); err != nil {
		return l, err
	}
	if err := r.Settings.Sample.Check(); err != nil {
		return l, err
	}
	if err := r.checkModel(l); err != nil {
		return l, err
	}
	if _, _, err := r.label(ctx, l); err != nil {
		return l, err
	}
	if err := r.takeTeacher(ctx, l); err != nil {
		return l, err
	}
	for _, class := range r.Data.Classes {
		n, want := len(class.Images), m.modeCount()
		if n < want && m.Short == modes.ShortError && m.Method != OwnModes {
			return l, fmt.Errorf("class %q: %w: have %d, want %d", class.Name, modes.ErrTooFew, n, want)
		}
	}
	return l, nil
}

func (r *Run) latentsDir() string {
	if r.Latents != "" {
		return r.Latents
	}
	return LatentsDir(r.Out)
}

func modesDir(out string) string   { return filepath.Join(out, "modes") }
func samplesDir(out string) string { return filepath.Join(out, "samples") }

// ImagesDir is the folder of a run's images, one folder per class.
func ImagesDir(out string) string { return filepath.Join(out, "images") }

// ImageFile is the file of the j-th image of a class, below the output folder, with slashes.
func ImageFile(class string, j int) string {
	return path.Join("images", class, imageName(j)+".png")
}

// imageName is the file name of the j-th image of a class, without its extension.
func imageName(j int) string { return fmt.Sprintf("%04d", j) }

// encoding is the first stage.
func (r *Run) encoding() *encode.Run {
	return &encode.Run{Settings: r.Settings.Encode, Dir: r.latentsDir(), Shard: r.Shard, IPC: r.Settings.Modes.IPC,
		Any: r.Any, Batch: r.Batch, Engine: r.Engine, Autoencoder: r.Autoencoder, Data: r.Data, Report: r.Report}
}

// Encode writes the latents of every real image of the shard's classes.
func (r *Run) Encode(ctx context.Context) error { return r.encoding().Do(ctx) }

func (r *Run) batches() batch.Setting {
	return batch.Setting{Size: r.Batch, Engine: r.Engine, Report: r.Report}
}

func (r *Run) progress(name string, total int) *numbers.Progress {
	return numbers.NewProgress(r.Report, name, total)
}
