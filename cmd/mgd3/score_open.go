package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/encode"
	"mgd3/features"
	"mgd3/scoring"
	"mgd3/stage"
)

// space is a [scoring.Space] with what stands behind it.
type space struct {
	scoring.Space
	data *dataset.Set // the real images, if they are read anew
	run  *openRun
}

func (s *space) close() {
	for _, set := range s.Sets {
		_ = set.Images.Close()
	}
	s.run.Close()
}

// openSpace opens the sets, the real images and the networks that the flags name.
func (e *env) openSpace(ctx context.Context, o *scoreOptions) (_ *space, err error) {
	if o.pixels < features.MinSize || o.parts < 0 {
		return nil, fail(exitUsage, "", fmt.Errorf("--feature-size %d, --parts %d, want at least %d and 0", o.pixels, o.parts, features.MinSize))
	}
	if err := o.resolve(); err != nil {
		return nil, err
	}
	s := &space{run: &openRun{Run: &distill.Run{Settings: o.settings}}}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	cache, dir, err := o.cache()
	if err != nil {
		return nil, err
	}
	if o.data.set != "" {
		if s.data, err = o.data.open(ctx, e); err != nil {
			return nil, err
		}
		s.run.close = append(s.run.close, func() { _ = s.data.Close() })
		s.run.Data, s.Classes = s.data, s.data.ClassNames()
	} else if s.Classes, err = o.cachedClasses(cache); err != nil {
		return nil, err
	}
	names, err := dataset.ParseClasses(o.data.classNames)
	if err != nil {
		return nil, fail(exitInput, "", err)
	}
	for _, dir := range o.sets {
		set, err := openMade(ctx, e, dir, dataset.OpenOptions{Classes: s.Classes, Names: names})
		if err != nil {
			return nil, fail(exitInput, "", err)
		}
		s.Sets = append(s.Sets, set)
	}
	if o.features != latentFeatures {
		return s, e.networkSpace(ctx, o, s)
	}
	return s, e.latentSpace(ctx, o, s, cache, dir)
}

// cache finds the real images' latents, unless the real images are given or the latents are not asked for.
func (o *scoreOptions) cache() (c *encode.Record, dir string, err error) {
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
		found, err := encode.ReadRecord(dir)
		if err == nil {
			return &found, dir, nil
		}
		if !errors.Is(err, stage.ErrStage) || o.run.latents != "" {
			return nil, "", fail(exitInput, "", err)
		}
	}
	return nil, "", fail(exitUsage, "--latents names the folder of the real images' latents; with --data and --model they are made", errors.New("no set has latents of real images"))
}

// cachedClasses are the classes to score where the real images are not given.
func (o *scoreOptions) cachedClasses(cache *encode.Record) ([]string, error) {
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
func openMade(ctx context.Context, e *env, dir string, o dataset.OpenOptions) (*scoring.Set, error) {
	set := &scoring.Set{Name: dir}
	images := dir
	if isRun(dir) {
		images = distill.ImagesDir(dir)
		m, err := distill.ReadManifest(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		if err == nil && m.Denoiser != "" { // else it is a choice of real images
			set.Manifest = m
		}
		if err := e.checkImages(ctx, dir); err != nil {
			return nil, err
		}
	}
	var err error
	set.Images, err = e.openSet(ctx, images, o)
	return set, err
}

// networkSpace compares the features of a network.
func (e *env) networkSpace(ctx context.Context, o *scoreOptions, s *space) error {
	eng, err := e.openEngine()
	if err != nil {
		return err
	}
	s.run.close = append(s.run.close, eng.Close)
	net, err := features.Open(ctx, eng, o.features)
	if err != nil {
		return fail(exitModel, "", err)
	}
	e.sayAll(net.Notes)
	s.Features = "network " + net.SHA256
	e.embed(o, s, scoring.OfNetwork(eng, net, o.pixels, o.settings.Encode.IgnoreEXIF), o.settings.Encode.SkipBad)
	return nil
}

// embed makes the features of images: those of the sets, and of the real ones that are given.
func (e *env) embed(o *scoreOptions, s *space, m *scoring.Embedder, skipBad bool) {
	m.Batch, m.Report = o.networks.batch, e.progress().Event
	if s.data != nil {
		s.Real = m.Source(s.data, skipBad)
	}
	for _, set := range s.Sets {
		set.Features = m.Source(set.Images, false)
	}
}

// latentSpace compares latents: those that are there, or else those of the images.
func (e *env) latentSpace(ctx context.Context, o *scoreOptions, s *space, cache *encode.Record, dir string) error {
	s.Features = latentFeatures
	if cache != nil {
		s.run.Settings.Encode, o.settings.Encode = cache.Settings, cache.Settings // its size
		s.Real = scoring.Cached(dir)
	}
	if o.networks.model == "" && o.networks.vae == "" {
		return s.withoutModel(cache)
	}
	if err := e.openModel(ctx, &o.options, s.run); err != nil {
		return err
	}
	settings := s.run.Settings.Encode
	m, err := scoring.OfLatents(s.run.Engine, s.run.Autoencoder, settings)
	if err != nil {
		return fail(exitUsage, "", err)
	}
	if cache != nil && cache.Autoencoder != s.run.Autoencoder.SHA256 {
		return fail(exitModel, "", fmt.Errorf("%s: the latents are of the autoencoder with SHA-256 %s, --model has %s", dir, cache.Autoencoder, s.run.Autoencoder.SHA256))
	}
	e.embed(o, s, m, settings.SkipBad)
	return nil
}

// withoutModel takes the latents that the sets' images were decoded from.
func (s *space) withoutModel(cache *encode.Record) error {
	const hint = "with --model the images are encoded"
	if cache == nil {
		return fail(exitUsage, hint, errors.New("missing --model: --data are images, not latents"))
	}
	for _, set := range s.Sets {
		if set.Manifest == nil {
			return fail(exitUsage, hint, fmt.Errorf("%s: there are no latents of its images", set.Name))
		}
		if set.Manifest.Autoencoder != cache.Autoencoder {
			return fail(exitModel, hint, fmt.Errorf("%s: was made with another autoencoder than the real images' latents", set.Name))
		}
		set.Features = scoring.Samples(set.Name)
	}
	return nil
}
