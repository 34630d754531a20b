package distill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/diffusion"
	"mgd3/encode"
	"mgd3/engine"
	"mgd3/latent"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/stage/batch"
	"mgd3/stage/numbers"
)

// ErrModel says that the networks do not fit together, or not the files at hand.
var ErrModel = errors.New("model does not fit")

// Sample writes the shard's synthetic images and their latents, from the modes.
func (r *Run) Sample(ctx context.Context) error {
	record := samplesRecord{Denoiser: r.Denoiser.Hash(), Backend: r.Engine.Name(), Choices: r.Choices}
	if err := stage.ReadLocked(modesDir(r.Out), &record.Modes); err != nil {
		return err
	}
	if err := record.Modes.Check(); err != nil {
		return fmt.Errorf("%s: %w", modesDir(r.Out), err)
	}
	if err := r.checkModel(record.Modes.Latents); err != nil {
		return err
	}
	err := r.takeTeacher(ctx, record.Modes.Latents)
	if err != nil {
		return err
	}
	record.Settings = r.Settings.Sample
	if record.Labels, record.Prompts, err = r.label(ctx, record.Modes.Latents); err != nil {
		return err
	}
	s, err := r.newSampling(record)
	if err != nil {
		return err
	}
	if s.counts, err = record.Modes.counts(r.Out); err != nil {
		return err
	}
	size, err := r.batches().Settle(ctx, StageSample, samplesDir(r.Out), len(s.images(stage.Whole)),
		func(size int) any { s.record.Batch = size; return s.record },
		func() (bool, error) { return s.record.samplesAre(r.Out) }, s.try)
	if err != nil {
		return err
	}
	p := r.progress(StageSample, len(s.images(r.part()))*record.Settings.groups())
	if e := record.Modes.Latents.Settings; r.SeedEncodes && e.Flip && e.Seed != record.Settings.Seed {
		p.Warn("", "the noise has seed %d, and the images were encoded with seed %d: the released program has "+
			"one seed for both", record.Settings.Seed, e.Seed)
	}
	piece := 16             // images in a piece, about
	if r.Engine.FixedRows { // no piece is filled up with rows for nothing
		piece = max(piece, size)
	}
	return r.Any.EachOr(ctx, r.part(), r.Out, len(s.images(stage.Whole)), piece, p.Progress,
		func(ctx context.Context, shard stage.Shard) error { return s.parts(ctx, shard, size, p) })
}

// part writes the images of a shard, so many at a time.
func (s *sampling) part(ctx context.Context, shard stage.Shard, size int, p *numbers.Progress) error {
	if err := s.checkLatents(shard, p); err != nil {
		return err
	}
	images := s.images(shard)
	todo, err := s.missing(ctx, images, p)
	if err != nil {
		return err
	}
	p.End()
	p.Add("", len(images)-len(todo), len(images)-len(todo))
	// One batch is written while the next is sampled, and what is finished is written whatever becomes of the next.
	writing, inner := errgroup.WithContext(ctx)
	writing.SetLimit(1)
	err = s.each(inner, todo, size, func(ctx context.Context, lo, hi, rows int) error {
		made, err := s.draw(ctx, todo[lo:hi], rows)
		if err != nil {
			return batch.TooMany(rows, err)
		}
		writing.Go(func() error { // waits until the batch before is written
			if err := s.write(ctx, made); err != nil {
				return err
			}
			p.Add(todo[hi-1].class, hi-lo, 0)
			return nil
		})
		return nil
	})
	return stage.EndOf(err, writing.Wait())
}

// whole reports whether the images of a class are drawn at once: they are coupled, or have settings of their own.
func (s *sampling) whole() bool {
	return s.record.Settings.Coupled() || s.record.Settings.byClass()
}

// each calls f for batches of the images, of one class each where classes are drawn whole.
func (s *sampling) each(ctx context.Context, todo []image, size int,
	f func(ctx context.Context, lo, hi, rows int) error) error {
	if !s.whole() {
		return s.run.Engine.EachFilled(ctx, len(todo), size, f)
	}
	for lo := 0; lo < len(todo); {
		hi := lo + 1
		for hi < len(todo) && todo[hi].class == todo[lo].class {
			hi++
		}
		if err := f(ctx, lo, hi, s.run.Engine.GraphRows(hi-lo, size)); err != nil {
			return err
		}
		lo = hi
	}
	return ctx.Err()
}

// checkModel tests that both networks and the latents at hand belong together.
func (r *Run) checkModel(l encode.Record) error {
	if err := r.takeSchedule(); err != nil {
		return err
	}
	if l.Autoencoder != r.Autoencoder.SHA256 {
		return fmt.Errorf("%w: the latents were made with another autoencoder, SHA-256 %.12s, not %.12s", ErrModel,
			l.Autoencoder, r.Autoencoder.SHA256)
	}
	if _, ok := r.Denoiser.(RowDenoiser); r.Settings.Sample.MixLabels && !ok {
		return fmt.Errorf("%w: to mix labels a network must have a row of numbers for each: want a DiT", ErrModel)
	}
	if err := r.Denoiser.CheckLatent(l.Shape); err != nil {
		return fmt.Errorf("%w: latents of images of %d pixels are %v, %w", ErrModel, l.Settings.Size, l.Shape, err)
	}
	return nil
}

// takeSchedule samples with the noise that the denoiser was trained with. Settings of another one are an [ErrModel];
// settings of none stay so where the rule was published with the denoiser's, since keys of images are made of them.
func (r *Run) takeSchedule() error {
	s, own := &r.Settings.Sample, r.Denoiser.Noise()
	published, err := diffusion.Published(s.Rule)
	if err != nil {
		return err
	}
	switch {
	case s.Schedule == own, s.Schedule == diffusion.Schedule{} && published.Schedule == own:
	case s.Schedule == diffusion.Schedule{}:
		s.Schedule = own
	default:
		return fmt.Errorf("%w: the settings have %v, the denoiser was trained with %v", ErrModel, s.Schedule, own)
	}
	return nil
}

// image is one synthetic image: the index-th of its class.
type image struct {
	class  string
	index  int
	label  int32
	prompt string // "" of a denoiser that knows none
}

func (im image) String() string {
	return fmt.Sprintf("class %q, image %s", im.class, imageName(im.index))
}

func (im image) png(out string) string {
	return filepath.Join(ImagesDir(out), im.class, imageName(im.index)+".png")
}

func (im image) latent(out string) string {
	return filepath.Join(samplesDir(out), im.class, imageName(im.index)+".safetensors")
}

// sampling is what all images of a run share.
type sampling struct {
	run     *Run
	dir     string // below which images are written
	record  samplesRecord
	sampler *diffusion.Sampler
	step    *engine.Program
	loss    [2]*engine.Program // of ChooseLoss: with the class, and without
	plain   *engine.Program    // of diffusion.Sampler.Plain; nil where that is nil

	lossSampler *diffusion.Sampler
	rows        diffusion.LabelRows // of MixLabels
	watch       *diffusion.Watch    // nil: nobody looks at the images on their way
	counts      []int               // images of each class

	toldOfNone bool // that there are no latents to hold the modes against
}

func (r *Run) newSampling(record samplesRecord) (*sampling, error) {
	sampler, err := diffusion.New(record.Settings.Settings)
	if err != nil {
		return nil, err
	}
	m := r.Denoiser
	step, err := r.Engine.Compile("step", m.Step(sampler), m.Tensors())
	if err != nil {
		return nil, err
	}
	s := &sampling{run: r, dir: r.Out, record: record, sampler: sampler, step: step}
	if plain := sampler.Plain(); plain != nil {
		if s.plain, err = r.Engine.Compile("plain step", m.Step(plain), m.Tensors()); err != nil {
			return nil, err
		}
	}
	if d, ok := m.(RowDenoiser); ok && record.Settings.MixLabels {
		if s.rows, err = d.LabelRows(r.Engine); err != nil {
			return nil, err
		}
	}
	if record.Settings.Choose == ChooseLoss {
		err = s.newLoss()
	}
	return s, err
}

// images lists the shard's images in order.
func (s *sampling) images(shard stage.Shard) []image {
	l := s.record.Modes.Latents
	var images []image
	for _, sp := range shard.Spans(len(l.Classes), s.record.Modes.Settings.IPC) {
		if s.whole() { // the shard with a class's first image has all of them
			if sp.Hi = s.record.Modes.Settings.IPC; sp.Lo > 0 {
				continue
			}
		}
		for j := sp.Lo; j < min(sp.Hi, s.counts[sp.Class]); j++ {
			images = append(images, s.record.image(sp.Class, j))
		}
	}
	return images
}

// missing lists the images that are not there yet under their key.
func (s *sampling) missing(ctx context.Context, images []image, p *numbers.Progress) ([]image, error) {
	var todo []image
	others := 0
	var modes *classModes
	for i, im := range images {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if i == 0 || im.class != images[i-1].class {
			var err error
			if modes, err = s.record.Modes.read(s.run.Out, im.class); err != nil {
				return nil, err
			}
		}
		done, err := s.done(im, s.record.key(im, modes.Key), p, &others)
		if err != nil {
			return nil, err
		}
		if !done {
			todo = append(todo, im)
		}
	}
	if s.whole() { // what is missing of a class takes all of it
		some := map[string]bool{}
		for _, im := range todo {
			some[im.class] = true
		}
		todo = slices.DeleteFunc(slices.Clone(images), func(im image) bool { return !some[im.class] })
	}
	if others > 0 {
		p.Warn("", "%d images are of other modes than those that are there now: made again", others)
	}
	return todo, nil
}

// done reports whether the image and its latent are there, made under key, and belong together. It counts those that
// were made of other modes, and warns of what is damaged.
func (s *sampling) done(im image, key string, p *numbers.Progress, others *int) (bool, error) {
	path := im.latent(s.dir)
	is, old, fault, err := numbers.Look(path, key)
	switch {
	case err != nil:
		return false, err
	case is == stage.Damaged:
		p.Warn(im.class, "%v: made again", fault)
	case is == stage.Other:
		*others++
	}
	if is != stage.Ours {
		return false, nil
	}
	if old {
		p.Old++
	}
	data, err := atomicfile.Read(im.png(s.dir), mostPNG)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, atomicfile.Failed(im.png(s.dir), err)
	}
	_, about, errSample := readSample(path, key, -1)
	switch {
	case errSample != nil:
		return false, errSample
	case err != nil:
		p.Warn(im.class, "%q is not there, and its latent is: made again", im.png(s.dir))
	case about["image"] != digest(data):
		p.Warn(im.class, "%q is not as it was written: made again", im.png(s.dir))
	default:
		return true, nil
	}
	return false, nil
}

// mostPNG is more bytes than an image of the run can have.
const mostPNG = 1 << 30

// checkLatents makes sure that the modes of the shard's classes are those of the latents at hand: images that were
// encoded anew have other modes. Where there are no latents, it says that it could not.
func (s *sampling) checkLatents(shard stage.Shard, p *numbers.Progress) error {
	classes, dir := s.record.Modes.Latents.Classes, s.run.latentsDir()
	if there, err := atomicfile.Exists(dir); err == nil && !there {
		if s.toldOfNone {
			return nil
		}
		s.toldOfNone = true
		p.Warn("", "there are no latents in %q: the modes were not held against them", dir)
		return nil
	}
	for _, sp := range shard.Spans(len(classes), s.record.Modes.Settings.IPC) {
		class := classes[sp.Class]
		modes, err := s.record.Modes.read(s.run.Out, class)
		if err != nil {
			return err
		}
		cached, err := latent.OpenClass(encode.File(dir, class))
		if err != nil {
			p.Warn(class, "its modes were not held against its latents: %v", err)
			continue
		}
		want := s.record.Modes.keyOf(cached)
		fault := error(nil)
		if modes.Key != want {
			_, fault = cached.Check() // the key may be what is damaged
		}
		if err := cached.Close(); err != nil {
			return err
		}
		if fault != nil {
			p.Warn(class, "its modes were not held against its latents: %v", fault)
			continue
		}
		if modes.Key != want {
			return fmt.Errorf("class %q: %w: its modes were made of other latents than those in %q now", class,
				stage.ErrStage, dir)
		}
	}
	return nil
}

// try takes one step with so many latents and decodes them.
func (s *sampling) try(batch int) error {
	l := s.record.Modes.Latents
	n, states := l.Shape[0]*l.Shape[1]*l.Shape[2], s.sampler.States()
	latents := make([]float32, batch*n)
	x := make([]float32, states*batch*n)
	dims := []int{batch, l.Shape[0], l.Shape[1], l.Shape[2]}
	state := tensors.FromFlatDataAndDimensions(x, batch, states*dims[1], dims[2], dims[3])
	zero := func() *tensors.Tensor { return tensors.FromFlatDataAndDimensions(latents, dims...) }
	labels := tensors.FromFlatDataAndDimensions(make([]int32, batch), batch)
	if err := s.step.Take(x, state, labels, zero(), zero(),
		tensors.FromValue(s.sampler.Steps()[0].Coef)); err != nil {
		return err
	}
	return s.run.Autoencoder.DecodeTo(make([]float32, batch*3*l.Settings.Size*l.Settings.Size),
		make([]float32, len(latents)), l.Settings.Size)
}
