package scoring

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"mgd3/dataset"
	"mgd3/encode"
	"mgd3/engine"
	"mgd3/features"
	"mgd3/internal/fault"
	"mgd3/latent"
	"mgd3/sets"
	"mgd3/stage"
	"mgd3/store"
	"mgd3/tensorset"
)

var (
	// ErrNoCache says that the latents of the real images are not to be found.
	ErrNoCache = errors.New("no set has latents of real images")
	// ErrNoData says that features are to be made of real images, which are not given.
	ErrNoData = errors.New("features of a network are made of images, and the real ones are missing")
	// ErrNoLatents says that features of images are wanted which only an autoencoder can make.
	ErrNoLatents = errors.New("an autoencoder is missing")
)

// marked is an error with its own text that is of a kind.
type marked struct {
	error
	kind error
}

func (m marked) Is(target error) bool { return target == m.kind }

// Sources says which sets are scored, and what they are compared with.
type Sources struct {
	Sets    []string  // each a path as sets.Opener.Made opens it
	Data    sets.Spec // the real images; without a path, their latents of an earlier stage are taken
	Latents string    // folder of these; "" takes those of the first set that has some
	Images  bool      // features are made of the images of all sets, by a network: only with Data
}

// Opened is a [Space] whose sets are open; their features are still to be chosen by FromNetwork,
// FromAutoencoder or FromSamples.
type Opened struct {
	Space
	Data  *dataset.Set   // the real images; nil where Cache is taken
	Cache *encode.Record // of the real images' latents; nil where Data is taken
	Dir   string         // of the cache
}

// Open opens the sets and the real images, or their latents.
func Open(ctx context.Context, o *sets.Opener, from Sources) (*Opened, error) {
	s := &Opened{}
	err := s.open(ctx, o, from)
	if err == nil {
		return s, nil
	}
	s.Close()
	if !errors.Is(err, ErrNoCache) && !errors.Is(err, ErrNoData) {
		err = fault.Of(fault.Input, err)
	}
	return nil, err
}

func (s *Opened) open(ctx context.Context, o *sets.Opener, from Sources) error {
	options, err := from.Data.Options()
	if err != nil {
		return err
	}
	switch {
	case from.Data.Path != "":
		if s.Data, err = o.OpenPath(ctx, from.Data.Path, options); err != nil {
			return err
		}
		s.Classes = s.Data.ClassNames()
	case from.Images:
		return ErrNoData
	default:
		if err := s.findCache(from); err != nil {
			return err
		}
		if s.Classes, err = cachedClasses(s.Cache, options.Classes); err != nil {
			return err
		}
	}
	for _, dir := range from.Sets {
		names := options.Names
		if tensors, err := tensorset.Is(dir, ""); err != nil {
			return err
		} else if names == nil && tensors {
			names = s.Classes
		}
		made, err := o.Made(ctx, dir, dataset.OpenOptions{Classes: s.Classes, Names: names})
		if err != nil {
			return err
		}
		set := &Set{Name: dir, Images: made.Images}
		if m := made.Manifest; m != nil && m.Denoiser != "" { // else it is a choice of real images
			set.Manifest = m
		}
		s.Sets = append(s.Sets, set)
	}
	return nil
}

// Close closes the sets.
func (s *Opened) Close() {
	for _, set := range s.Sets {
		_ = set.Images.Close()
	}
	if s.Data != nil {
		_ = s.Data.Close()
	}
}

// findCache finds the real images' latents.
func (s *Opened) findCache(from Sources) error {
	dirs := []string{from.Latents}
	if from.Latents == "" {
		dirs = nil
		for _, set := range from.Sets {
			if _, err := store.Stat(set); err != nil {
				return err
			}
			dirs = append(dirs, filepath.Join(set, "latents"))
		}
	}
	for _, dir := range dirs {
		found, err := encode.ReadRecord(dir)
		if err == nil {
			s.Cache, s.Dir = &found, dir
			s.Real = Cached(dir)
			return nil
		}
		if !errors.Is(err, stage.ErrStage) || from.Latents != "" {
			return err
		}
	}
	return ErrNoCache
}

// cachedClasses are the classes to score of those in a cache; nil wanted takes all.
func cachedClasses(cache *encode.Record, wanted []string) ([]string, error) {
	if wanted == nil {
		return cache.Classes, nil
	}
	for _, class := range wanted {
		if !slices.Contains(cache.Classes, class) {
			return nil, fmt.Errorf("class %q has no latents, have %v", class, cache.Classes)
		}
	}
	return wanted, nil
}

// DuplicateNotes says which images of the sets are in several classes, or real ones, a line each.
func (s *Opened) DuplicateNotes(ctx context.Context) ([]string, error) {
	var all []dataset.Labelled
	for _, set := range s.Sets {
		all = append(all, dataset.Labelled{Name: set.Name, Set: set.Images})
	}
	var real *dataset.Labelled
	if s.Data != nil {
		real = &dataset.Labelled{Name: "--data", Set: s.Data}
	}
	return dataset.DuplicateNotes(ctx, all, real, "real ones of --data")
}

// embed makes the features of all images, those of the real ones where they are given.
func (s *Opened) embed(m *Embedder, batch int, report func(stage.Event), skipBad bool) {
	m.Batch, m.Report = batch, report
	if s.Data != nil {
		s.Real = m.Source(s.Data, skipBad)
	}
	for _, set := range s.Sets {
		set.Features = m.Source(set.Images, false)
	}
}

// FromNetwork takes the features of a network, for which images are squeezed to this many pixels.
func (s *Opened) FromNetwork(e *engine.Engine, net *features.Net, pixels, batch int, how encode.Settings,
	report func(stage.Event)) {
	s.Features = "network " + net.SHA256
	s.embed(OfNetwork(e, net, pixels, how.IgnoreEXIF), batch, report, how.SkipBad)
}

// FromAutoencoder takes the latents that images have when they are encoded. Those of a cache must be of the same
// autoencoder.
func (s *Opened) FromAutoencoder(e *engine.Engine, a *latent.Autoencoder, batch int, how encode.Settings,
	report func(stage.Event)) error {
	m, err := OfLatents(e, a, how)
	if err != nil {
		return fault.Of(fault.Usage, err)
	}
	if s.Cache != nil && s.Cache.Autoencoder != a.SHA256 {
		return fault.Of(fault.Model, fmt.Errorf("%s: the latents are of the autoencoder with SHA-256 %s, --model has "+
			"%s", s.Dir, s.Cache.Autoencoder, a.SHA256))
	}
	s.Features = "latent"
	s.embed(m, batch, report, how.SkipBad)
	return nil
}

// FromSamples takes the latents that the sets' images were decoded from. It is an [ErrNoLatents] if there are none of a
// set, or of the real images, or if they are of another autoencoder than the latter.
func (s *Opened) FromSamples() error {
	if s.Cache == nil {
		return marked{errors.New("missing --model: --data are images, not latents"), ErrNoLatents}
	}
	for _, set := range s.Sets {
		if set.Manifest == nil {
			return marked{fmt.Errorf("%s: there are no latents of its images", set.Name), ErrNoLatents}
		}
		if set.Manifest.Autoencoder != s.Cache.Autoencoder {
			return fault.Of(fault.Model, marked{
				fmt.Errorf("%s: was made with another autoencoder than the real images' latents", set.Name),
				ErrNoLatents})
		}
		set.Features = Samples(set.Name)
	}
	s.Features = "latent"
	return nil
}
