package distill

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
)

// recordOfLatents returns the settings file of the latents that the run makes.
func (r *Run) recordOfLatents() (latentsRecord, error) {
	s := r.Settings.Encode
	if err := s.Check(); err != nil {
		return latentsRecord{}, err
	}
	shape, err := r.Autoencoder.LatentShape(s.Size)
	return latentsRecord{Settings: s, Classes: r.Data.ClassNames(), Autoencoder: r.Autoencoder.SHA256, Shape: shape,
		Backend: r.Engine.Name()}, err
}

// Encode writes the latents of every real image of the shard's classes.
func (r *Run) Encode(ctx context.Context) error {
	record, err := r.recordOfLatents()
	if err != nil {
		return err
	}
	spans := r.Shard.Spans(len(r.Data.Classes), max(1, r.Settings.Modes.IPC))
	total := 0
	for _, sp := range spans {
		total += len(r.Data.Classes[sp.Class].Images)
	}
	largest := 0 // of all classes, so that all shards settle on one batch
	for _, class := range r.Data.Classes {
		largest = max(largest, len(class.Images))
	}
	_, begun := ReadCache(r.latentsDir())
	batch, err := r.settle(ctx, StageEncode, r.latentsDir(), largest,
		func(batch int) any { record.Batch = batch; return record },
		func() (bool, error) { return r.latentsAre(record) },
		func(batch int) error { return r.tryEncode(batch, record.Shape) })
	if err != nil {
		return err
	}
	p := r.progress(StageEncode, total)
	if begun != nil { // else it was said then
		if err := r.warnOfDuplicates(ctx, p); err != nil {
			return err
		}
	}
	key := stage.KeyAfter(record)
	for _, sp := range spans {
		class := r.Data.Classes[sp.Class]
		if err := r.encodeClass(ctx, class, key(class.Images), record.Shape, batch, p); err != nil {
			return fmt.Errorf("class %q: %w", class.Name, err)
		}
	}
	p.end()
	return nil
}

// latentsAre reports whether the latents that are there are of these settings and images, or there are none.
func (r *Run) latentsAre(c latentsRecord) (bool, error) {
	var m made
	key := stage.KeyAfter(c)
	for _, class := range r.Data.Classes {
		if err := m.add(classFile(r.latentsDir(), class.Name), key(class.Images)); err != nil {
			return false, err
		}
	}
	return m.are(), nil
}

// warnOfDuplicates says which images stand in several classes.
func (r *Run) warnOfDuplicates(ctx context.Context, p *progress) error {
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
	p *progress) error {
	path := classFile(r.latentsDir(), class.Name)
	unlock, err := atomicfile.Wait(ctx, path)
	if err != nil {
		return err
	}
	defer unlock()
	if kept, err := p.kept(class.Name, path, key); err != nil {
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
func (r *Run) encodeImages(ctx context.Context, class dataset.Class, w *latent.Writer, size int, p *progress) error {
	s := r.Settings.Encode
	encoding, inner := errgroup.WithContext(ctx)
	encoding.SetLimit(1)
	var batch []dataset.Sample
	flush := func() {
		full := batch
		batch = nil
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
			if batch = append(batch, sample); len(batch) == size {
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
	return endOf(err, encoding.Wait())
}

// encodeBatch encodes the images that could be read and records all samples in order; there are at most size.
func (r *Run) encodeBatch(ctx context.Context, class string, w *latent.Writer, batch []dataset.Sample, size int,
	p *progress) error {
	var good []dataset.Sample
	for _, sample := range batch {
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
		return tooMany(rows, err)
	})
	if err != nil {
		return err
	}
	for i, v := range latents {
		if v-v != 0 {
			return fmt.Errorf("image %q: its latent has %v, want finite numbers", good[i/n].Ref.Name, v)
		}
	}
	for _, sample := range batch {
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
	s := r.Settings.Encode
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

// LoadOptions is how images are read: turned upright and cropped.
func (s EncodeSettings) LoadOptions() dataset.LoadOptions {
	crop := dataset.CropCenter
	if s.Crop == CropADM {
		crop = dataset.CropADM
	}
	return dataset.LoadOptions{IgnoreEXIF: s.IgnoreEXIF,
		Then: func(im *dataset.RGB) *dataset.RGB { return crop(im, s.Size) }}
}
