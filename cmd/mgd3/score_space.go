package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/engine"
	"mgd3/features"
	"mgd3/latent"
	"mgd3/modes"
	"mgd3/scores"
)

// space is where the samples of sets and of the real images are compared.
type space struct {
	features string
	classes  []string
	sets     []*madeSet
	data     *dataset.Set // the real images, if they are read anew
	real     func(ctx context.Context, class string) (modes.Matrix, error)
	made     func(ctx context.Context, set *madeSet, class string) (modes.Matrix, error)
	close    []func()
}

func (s *space) Close() {
	for i := len(s.close) - 1; i >= 0; i-- {
		s.close[i]()
	}
}

// madeSet is one of the sets to score.
type madeSet struct {
	dir      string
	manifest *distill.Manifest // nil if distill has not made it
	images   *dataset.Set
}

// openSpace opens the sets, the real images and the networks that the flags name.
func (e *env) openSpace(ctx context.Context, o *scoreOptions) (_ *space, err error) {
	if o.pixels < features.MinSize || o.parts < 0 {
		return nil, fail(exitUsage, "", fmt.Errorf("--feature-size %d, --parts %d, want at least %d and 0", o.pixels, o.parts, features.MinSize))
	}
	if err := o.resolve(); err != nil {
		return nil, err
	}
	s := &space{}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	r := &openRun{Run: &distill.Run{Settings: o.settings}}
	s.close = append(s.close, r.Close)
	cache, dir, err := o.cache()
	if err != nil {
		return nil, err
	}
	if o.data.set != "" {
		if r.Data, err = o.data.open(ctx, e); err != nil {
			return nil, err
		}
		r.close = append(r.close, func() { _ = r.Data.Close() })
		s.data, s.classes = r.Data, r.Data.ClassNames()
	} else if s.classes, err = o.cachedClasses(cache); err != nil {
		return nil, err
	}
	names, err := dataset.ParseClasses(o.data.classNames)
	if err != nil {
		return nil, fail(exitInput, "", err)
	}
	for _, dir := range o.sets {
		set, err := openMade(ctx, e, dir, dataset.OpenOptions{Classes: s.classes, Names: names})
		if err != nil {
			return nil, fail(exitInput, "", err)
		}
		s.sets = append(s.sets, set)
		s.close = append(s.close, func() { _ = set.images.Close() })
	}
	m := &embedder{batch: cmp.Or(o.networks.batch, distill.UsualBatch), progress: newProgress(e.stdout, e.stderr, e.quiet, e.json)}
	if o.features != latentFeatures {
		return s, e.networkSpace(ctx, o, s, r, m)
	}
	return s, e.latentSpace(ctx, o, s, r, m, cache, dir)
}

// cache finds the real images' latents, unless the real images are given or the latents are not asked for.
func (o *scoreOptions) cache() (c *distill.Cache, dir string, err error) {
	if o.data.set != "" || o.features != latentFeatures {
		return nil, "", nil
	}
	dirs := []string{o.run.latents}
	if o.run.latents == "" {
		dirs = nil
		for _, set := range o.sets {
			if _, err := os.Stat(set); err != nil {
				return nil, "", fail(exitInput, "", err)
			}
			dirs = append(dirs, filepath.Join(set, "latents"))
		}
	}
	for _, dir := range dirs {
		found, err := distill.ReadCache(dir)
		if err == nil {
			return &found, dir, nil
		}
		if !errors.Is(err, distill.ErrStage) || o.run.latents != "" {
			return nil, "", fail(exitInput, "", err)
		}
	}
	return nil, "", fail(exitUsage, "--latents names the folder of the real images' latents; with --data and --model they are made", errors.New("no set has latents of real images"))
}

// cachedClasses are the classes to score where the real images are not given.
func (o *scoreOptions) cachedClasses(cache *distill.Cache) ([]string, error) {
	if cache == nil {
		return nil, fail(exitUsage, "", errors.New("missing --data: features of a network are made of images"))
	}
	classes, err := dataset.ParseClasses(o.data.classes)
	if err != nil {
		return nil, fail(exitInput, "", err)
	}
	if classes == nil {
		return cache.Classes, nil
	}
	for _, class := range classes {
		if !slices.Contains(cache.Classes, class) {
			return nil, fail(exitInput, "", fmt.Errorf("class %q has no latents, have %v", class, cache.Classes))
		}
	}
	return classes, nil
}

// openMade opens a run's images, or a folder of images.
func openMade(ctx context.Context, e *env, dir string, o dataset.OpenOptions) (*madeSet, error) {
	set := &madeSet{dir: dir}
	images := dir
	if isRun(dir) {
		images = distill.ImagesDir(dir)
		m, err := distill.ReadManifest(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		if err == nil && m.Denoiser != "" { // else it is a choice of real images
			set.manifest = m
		}
	}
	var err error
	set.images, err = e.openSet(ctx, images, o)
	return set, err
}

// distance is the mean distance of a class's latents to their modes.
func (m *madeSet) distance(class string) scores.Number {
	if m.manifest == nil {
		return none
	}
	for _, c := range m.manifest.Classes {
		if c.Name == class {
			sum := 0.0
			for _, im := range c.Images {
				sum += im.Distance.Own
			}
			return scores.Number(sum / float64(len(c.Images)))
		}
	}
	return none
}

// begin is the result of a set before anything is measured.
func (s *space) begin(set *madeSet) scored {
	r := scored{Set: set.dir, Features: s.features}
	r.Distance.Own, r.Distance.Others = none, none
	if set.manifest != nil {
		r.Distance.Own, r.Distance.Others = scores.Number(set.manifest.Distance.Own), scores.Number(set.manifest.Distance.Others)
	}
	return r
}

// networkSpace compares the features of a network.
func (e *env) networkSpace(ctx context.Context, o *scoreOptions, s *space, r *openRun, m *embedder) (err error) {
	if m.engine, err = e.openEngine(); err != nil {
		return err
	}
	s.close = append(s.close, m.engine.Close)
	net, err := features.Open(ctx, m.engine, o.features)
	if err != nil {
		return fail(exitModel, "", err)
	}
	e.sayAll(net.Notes)
	s.features = "network " + net.SHA256
	m.size, m.width, m.embed = o.pixels, features.Width, net.Features
	m.load = dataset.LoadOptions{IgnoreEXIF: o.settings.Encode.IgnoreEXIF, Then: func(im *dataset.RGB) *dataset.RGB {
		return dataset.Resize(im, o.pixels, o.pixels, dataset.Bilinear)
	}}
	s.images(r, m, o.settings.Encode.SkipBad)
	return nil
}

// images makes all features from images.
func (s *space) images(r *openRun, m *embedder, skipBad bool) {
	s.real = func(ctx context.Context, class string) (modes.Matrix, error) {
		return m.class(ctx, r.Data, class, skipBad)
	}
	s.made = func(ctx context.Context, set *madeSet, class string) (modes.Matrix, error) {
		return m.class(ctx, set.images, class, false)
	}
	m.count(r.Data)
	for _, set := range s.sets {
		m.count(set.images)
	}
}

// latentSpace compares latents: those that are there, or else those of the images.
func (e *env) latentSpace(ctx context.Context, o *scoreOptions, s *space, r *openRun, m *embedder, cache *distill.Cache, dir string) error {
	s.features = latentFeatures
	settings := o.settings.Encode
	if cache != nil {
		settings = cache.Settings
		r.Settings.Encode, o.settings.Encode = settings, settings // its size
		s.real = func(_ context.Context, class string) (modes.Matrix, error) { return cachedRows(dir, class) }
	}
	given := o.networks.model != "" || o.networks.vae != ""
	if !given {
		return s.withoutModel(o, cache)
	}
	if err := e.openModel(ctx, &o.options, r); err != nil {
		return err
	}
	settings = r.Settings.Encode
	shape, err := r.Autoencoder.LatentShape(settings.Size)
	if err := errors.Join(err, settings.Check()); err != nil {
		return fail(exitUsage, "", err)
	}
	if cache != nil && cache.Autoencoder != r.Autoencoder.SHA256 {
		return fail(exitModel, "", fmt.Errorf("%s: the latents are of the autoencoder with SHA-256 %s, --model has %s", dir, cache.Autoencoder, r.Autoencoder.SHA256))
	}
	m.engine, m.size, m.width = r.Engine, settings.Size, shape[0]*shape[1]*shape[2]
	m.embed, m.load = r.Autoencoder.EncodeMean, settings.LoadOptions()
	real := s.real
	s.images(r, m, settings.SkipBad)
	if cache != nil {
		s.real = real
	}
	return nil
}

// withoutModel takes the latents that the sets' images were decoded from.
func (s *space) withoutModel(o *scoreOptions, cache *distill.Cache) error {
	const hint = "with --model the images are encoded"
	if cache == nil {
		return fail(exitUsage, hint, errors.New("missing --model: --data are images, not latents"))
	}
	for _, set := range s.sets {
		if set.manifest == nil {
			return fail(exitUsage, hint, fmt.Errorf("%s: there are no latents of its images", set.dir))
		}
		if set.manifest.Autoencoder != cache.Autoencoder {
			return fail(exitModel, hint, fmt.Errorf("%s: was made with another autoencoder than the real images' latents", set.dir))
		}
	}
	s.made = func(_ context.Context, set *madeSet, class string) (modes.Matrix, error) {
		return distill.Samples(set.dir, class)
	}
	return nil
}

// cachedRows reads the real latents of a class.
func cachedRows(dir, class string) (modes.Matrix, error) {
	c, err := distill.OpenLatents(dir, class)
	if err != nil {
		return modes.Matrix{}, err
	}
	defer c.Close()
	return latentRows(c)
}

func latentRows(c *latent.Class) (modes.Matrix, error) {
	data, err := c.Rows()
	return modes.Matrix{Rows: len(c.Names), Cols: c.Shape[0] * c.Shape[1] * c.Shape[2], Data: data}, err
}

// embedder turns images into features.
type embedder struct {
	engine      *engine.Engine
	load        dataset.LoadOptions
	batch       int
	size, width int // pixels of a side, features of an image
	embed       func(features, images []float32, size int) error
	progress    *progress
	done, total int
}

// count adds a set's images to those that there are to embed.
func (m *embedder) count(set *dataset.Set) {
	if set == nil {
		return
	}
	for _, class := range set.Classes {
		m.total += len(class.Images)
	}
}

// class returns the features [N, width] of a class's images.
func (m *embedder) class(ctx context.Context, set *dataset.Set, class string, skipBad bool) (modes.Matrix, error) {
	at := slices.Index(set.ClassNames(), class)
	x := modes.Matrix{Cols: m.width}
	var pixels []float32
	one := 3 * m.size * m.size
	flush := func() error {
		n := len(pixels) / one
		rows := make([]float32, n*m.width)
		err := m.engine.Rows(ctx, rows, pixels, n, m.batch, func(features, images []float32) error { return m.embed(features, images, m.size) })
		x.Rows, x.Data, pixels = x.Rows+n, append(x.Data, rows...), pixels[:0]
		return err
	}
	for sample := range set.Load(ctx, set.Classes[at].Images, m.load) {
		m.done++
		if sample.Err != nil && skipBad && errors.Is(sample.Err, dataset.ErrImage) {
			m.progress.event(distill.Event{Stage: distill.StageEncode, Class: class, Warning: "skipped: " + sample.Err.Error()})
			continue
		}
		if sample.Err != nil {
			return x, sample.Err
		}
		pixels = slices.Grow(pixels, one)[:len(pixels)+one]
		dataset.ToTensor(pixels[len(pixels)-one:], sample.Image)
		if len(pixels) == m.batch*one {
			if err := flush(); err != nil {
				return x, err
			}
		}
		m.progress.event(distill.Event{Stage: distill.StageEncode, Done: m.done, Total: m.total, Class: class})
	}
	if err := ctx.Err(); err != nil {
		return x, err
	}
	return x, flush()
}
