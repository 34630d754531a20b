// Package encode encodes a set of images to a folder of latents, the first stage of a distillation and of the training
// of a denoiser.
//
//	images [N, 3, S, S] in [-1, 1]  ──autoencoder──▶  latents [N, c, S/f, S/f]     one file a class, see package
//	                                                                               latent
//
//	DIR/settings.json       what the latents were made with, see [Record]
//	DIR/CLASS.safetensors   the latents of a class, in the order of its images, with their names
//
// The bytes depend on the weights, the images and the settings; chance, of flips and samples of the posterior, comes
// from a stream of its own for every image. What is found under its key is kept; a class that was begun goes on behind
// its last whole row.
package encode

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"mgd3/dataset"
	"mgd3/engine"
	"mgd3/latent"
	"mgd3/rng"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/stage/batch"
	"mgd3/stage/lease"
	"mgd3/stage/numbers"
)

// Stage is the name of this stage in an event; its units are real images.
const Stage = "encode"

// Run encodes a set to a folder of latents.
type Run struct {
	Settings Settings
	Dir      string // of the latents
	Shard    stage.Shard
	IPC      int // synthetic images that are wanted of each class, by which a shard's classes are cut; 0 counts as 1
	Batch    int // images on the device at once, or [batch.Auto]
	// takes classes as they are free, in the place of Shard; nil is none
	Any *lease.Any

	Engine      *engine.Engine
	Autoencoder *latent.Autoencoder
	Data        *dataset.Set
	Report      func(stage.Event) // told of progress, from one goroutine at a time
}

// Record returns the settings file of the latents that the run makes.
func (r *Run) Record() (Record, error) {
	s := r.Settings
	if err := s.Check(); err != nil {
		return Record{}, err
	}
	shape, err := r.Autoencoder.LatentShape(s.Size)
	return Record{Settings: s, Classes: r.Data.ClassNames(), Autoencoder: r.Autoencoder.SHA256, Shape: shape,
		Backend: r.Engine.Name()}, err
}

// Do writes the latents of every image of the shard's classes.
func (r *Run) Do(ctx context.Context) error {
	record, err := r.Record()
	if err != nil {
		return err
	}
	shard := r.Shard
	if r.Any != nil {
		shard = stage.Whole
	}
	total := 0
	for _, sp := range shard.Spans(len(r.Data.Classes), max(1, r.IPC)) {
		total += len(r.Data.Classes[sp.Class].Images)
	}
	largest := 0 // of all classes, so that all shards settle on one batch
	for _, class := range r.Data.Classes {
		largest = max(largest, len(class.Images))
	}
	_, begun := ReadRecord(r.Dir)
	size, err := batch.Setting{Size: r.Batch, Engine: r.Engine, Report: r.Report}.Settle(ctx, Stage, r.Dir, largest,
		func(size int) any { record.Batch = size; return record },
		func() (bool, error) { return r.latentsAre(record) },
		func(size int) error { return r.try(size, record.Shape) })
	if err != nil {
		return err
	}
	p := numbers.NewProgress(r.Report, Stage, total)
	if begun != nil { // else it was said then
		if err := r.warnOfDuplicates(ctx, p); err != nil {
			return err
		}
	}
	key := stage.KeyAfter(record)
	err = r.Any.EachOr(ctx, shard, r.Dir, len(r.Data.Classes), 1, p.Progress,
		func(ctx context.Context, shard stage.Shard) error {
			for _, sp := range shard.Spans(len(r.Data.Classes), max(1, r.IPC)) {
				class := r.Data.Classes[sp.Class]
				if err := r.encodeClass(ctx, class, key(class.Images), record.Shape, size, p); err != nil {
					return fmt.Errorf("class %q: %w", class.Name, err)
				}
			}
			return nil
		})
	if err == nil {
		p.End()
	}
	return err
}

// Kept are the shard's classes whose latents are there. A class that was begun is none of them.
func (r *Run) Kept() (map[string]bool, error) {
	kept := map[string]bool{}
	record, err := r.Record()
	if err != nil {
		return nil, err
	}
	begun, err := ReadRecord(r.Dir)
	if errors.Is(err, stage.ErrStage) || errors.Is(err, stage.ErrDamaged) {
		return kept, nil
	}
	if err != nil {
		return nil, err
	}
	record.Batch = begun.Batch
	key := stage.KeyAfter(record)
	for _, sp := range r.Shard.Spans(len(r.Data.Classes), max(1, r.IPC)) {
		class := r.Data.Classes[sp.Class]
		cached, err := Open(r.Dir, class.Name)
		if errors.Is(err, stage.ErrStage) || errors.Is(err, stage.ErrDamaged) {
			continue
		}
		if err != nil {
			return nil, err
		}
		kept[class.Name] = cached.Key == key(class.Images)
		if err := cached.Close(); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// latentsAre reports whether the latents that are there are of these settings and images, or there are none.
func (r *Run) latentsAre(c Record) (bool, error) {
	var m numbers.Tally
	key := stage.KeyAfter(c)
	for _, class := range r.Data.Classes {
		if err := m.Add(File(r.Dir, class.Name), key(class.Images)); err != nil {
			return false, err
		}
	}
	return m.Ours(), nil
}

// warnOfDuplicates says which images stand in several classes.
func (r *Run) warnOfDuplicates(ctx context.Context, p *numbers.Progress) error {
	groups, err := dataset.Duplicates(ctx, r.Data)
	if err != nil {
		return err
	}
	if s := dataset.AcrossClasses(groups, 0); s.Images > 0 {
		p.Warn("", "%v", s)
	}
	return nil
}

// encodeClass writes one class's latents, from where an earlier call was stopped.
func (r *Run) encodeClass(ctx context.Context, class dataset.Class, key string, shape []int, size int,
	p *numbers.Progress) error {
	path := File(r.Dir, class.Name)
	if r.Any != nil { // a lock may be a stopped worker's; the lease is what counts
		if err := latent.TakeJournal(path); err != nil {
			return err
		}
	} else {
		unlock, err := atomicfile.Wait(ctx, path)
		if err != nil {
			return err
		}
		defer unlock()
	}
	if kept, err := p.Kept(class.Name, path, key); err != nil {
		return err
	} else if kept {
		p.Add(class.Name, len(class.Images), len(class.Images))
		return latent.RemoveJournal(path)
	}
	names := make([]string, len(class.Images))
	for i, image := range class.Images {
		names[i] = image.Name
	}
	w, err := latent.NewWriter(path, key, names, shape)
	if err != nil {
		return err
	}
	p.Add(class.Name, w.Done(), w.Done())
	if err := r.encodeImages(ctx, class, w, size, p); err != nil {
		return errors.Join(err, w.Close())
	}
	return w.Finish()
}

// encodeImages adds the latents of the images that w has not yet, a batch of the given size at a time. One batch is
// encoded while the next is read.
func (r *Run) encodeImages(ctx context.Context, class dataset.Class, w *latent.Writer, size int,
	p *numbers.Progress) error {
	s := r.Settings
	encoding, inner := errgroup.WithContext(ctx)
	encoding.SetLimit(1)
	var samples []dataset.Sample
	flush := func() {
		full := samples
		samples = nil
		encoding.Go(func() error { // waits until the batch before is encoded
			if err := inner.Err(); err != nil {
				return err // rows of the batch before may be missing
			}
			return r.encodeBatch(inner, class.Name, w, full, size, p)
		})
	}
	read := func() error {
		for sample := range r.Data.Load(inner, class.Images[w.Done():], s.LoadOptions()) {
			if sample.Err != nil && !(s.SkipBad && errors.Is(sample.Err, dataset.ErrImage)) {
				return sample.Err
			}
			if samples = append(samples, sample); len(samples) == size {
				flush()
			}
		}
		if err := inner.Err(); err != nil {
			return err
		}
		flush()
		return nil
	}
	err := read()
	return stage.EndOf(err, encoding.Wait())
}

// encodeBatch encodes the images that could be read and records all samples in order; there are at most size.
func (r *Run) encodeBatch(ctx context.Context, class string, w *latent.Writer, samples []dataset.Sample, size int,
	p *numbers.Progress) error {
	var good []dataset.Sample
	for _, sample := range samples {
		if sample.Err == nil {
			good = append(good, sample)
		}
	}
	n := w.RowSize()
	latents := make([]float32, len(good)*n)
	err := r.Engine.EachFilled(ctx, len(good), size, func(_ context.Context, lo, hi, rows int) error {
		out := make([]float32, rows*n)
		err := r.encodeRows(out, class, engine.Fill(good[lo:hi], rows))
		copy(latents[lo*n:hi*n], out)
		return batch.TooMany(rows, err)
	})
	if err != nil {
		return err
	}
	for i, v := range latents {
		if v-v != 0 {
			return fmt.Errorf("image %q: its latent has %v, want finite numbers", good[i/n].Ref.Name, v)
		}
	}
	for _, sample := range samples {
		if sample.Err != nil {
			p.Warn(class, "skipped: %v", sample.Err)
			err = w.Skip(sample.Err.Error())
		} else {
			err = w.Add(latents[:n])
			latents = latents[n:]
		}
		if err != nil {
			return err
		}
		p.Add(class, 1, 0)
	}
	return nil
}

// encodeRows writes the latents of images to out [n, c, h, w].
func (r *Run) encodeRows(out []float32, class string, images []dataset.Sample) error {
	s := r.Settings
	pixels := make([]float32, len(images)*3*s.Size*s.Size)
	for i, sample := range images {
		stream := rng.Stream(s.Seed, "encode", rng.Hash(class), rng.Hash(sample.Ref.Name))
		im := sample.Image
		if s.Flip && stream.IntN(2) == 1 {
			im = dataset.Flip(im)
		}
		dataset.ToTensor(pixels[i*len(pixels)/len(images):(i+1)*len(pixels)/len(images)], im)
		if s.FromSample {
			rng.Normals(stream, out[i*len(out)/len(images):(i+1)*len(out)/len(images)])
		}
	}
	if s.FromSample {
		return r.Autoencoder.EncodeSample(out, pixels, out, s.Size)
	}
	return r.Autoencoder.EncodeMean(out, pixels, s.Size)
}

// try encodes so many grey images, to see whether they fit.
func (r *Run) try(batch int, shape []int) error {
	s := r.Settings
	pixels := make([]float32, batch*3*s.Size*s.Size)
	latents := make([]float32, batch*shape[0]*shape[1]*shape[2])
	if s.FromSample {
		return r.Autoencoder.EncodeSample(latents, pixels, latents, s.Size)
	}
	return r.Autoencoder.EncodeMean(latents, pixels, s.Size)
}
