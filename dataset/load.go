package dataset

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync"
)

// Sample is one image on its way to the consumer.
type Sample struct {
	Ref   Ref
	Image *RGB  // nil where there is an error
	Err   error // an [ErrImage], [ErrUnread], [ErrPassedOver], of the store, or the context's
}

// LoadOptions says how images are loaded.
type LoadOptions struct {
	IgnoreEXIF bool            // leave photographs turned as they are stored, as PIL does
	Then       func(*RGB) *RGB // applied to each image, a crop say, from several goroutines; nil keeps them
	Workers    int             // images in work or waiting at a time; 0 is one per processor
}

// Load decodes the images in parallel and yields them in the order of refs, the unreadable ones
// with their error. When the context ends, a sample with its error is the last. No goroutine
// outlives the loop.
func (s *Set) Load(ctx context.Context, refs []Ref, o LoadOptions) iter.Seq[Sample] {
	return func(yield func(Sample) bool) {
		workers := o.Workers
		if workers <= 0 {
			workers = runtime.GOMAXPROCS(0)
		}
		places := make([]chan Sample, min(workers, len(refs))) // of the images i, i + len(places), …
		var running sync.WaitGroup
		defer running.Wait()
		start := func(i int) {
			place := places[i%len(places)]
			running.Go(func() { place <- s.load(refs[i], o) })
		}
		for i := range places {
			places[i] = make(chan Sample, 1)
			start(i)
		}
		for i := range refs {
			if err := ctx.Err(); err != nil {
				yield(Sample{Ref: refs[i], Err: err})
				return
			}
			sample := <-places[i%len(places)]
			if next := i + len(places); next < len(refs) {
				start(next)
			}
			if !yield(sample) {
				return
			}
		}
	}
}

// load reads and decodes one image.
func (s *Set) load(ref Ref, o LoadOptions) Sample {
	if v, ok := s.src.(view); ok {
		sample := v.image(ref)
		switch {
		case sample.Err != nil:
			sample.Err = s.badImage(ref, sample.Err)
		case o.Then != nil:
			sample.Image = o.Then(sample.Image)
		}
		return sample
	}
	if v, ok := s.src.(values); ok {
		im, err := v.image(ref)
		if err != nil {
			return Sample{Ref: ref, Err: s.badImage(ref, err)}
		}
		if o.Then != nil {
			im = o.Then(im)
		}
		return Sample{Ref: ref, Image: im}
	}
	data, err := s.Read(ref)
	if err != nil {
		return Sample{Ref: ref, Err: err}
	}
	im, err := Decode(data)
	if err != nil {
		return Sample{Ref: ref, Err: s.badImage(ref, err)}
	}
	note := im.Note
	if s.strict && note != "" {
		return Sample{Ref: ref, Err: fmt.Errorf("%s: image %s: %w: %s", s.path, ref, ErrPassedOver, note)}
	}
	s.notes.Add(ref.String(), note)
	if !o.IgnoreEXIF {
		im = Orient(im, Orientation(data))
	}
	if o.Then != nil {
		im = o.Then(im)
	}
	return Sample{Ref: ref, Image: im}
}
