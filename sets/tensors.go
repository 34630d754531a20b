package sets

import (
	"context"
	"fmt"

	"mgd3/dataset"
	"mgd3/tensorset"
)

// Tensors says how sets that were published as tensors are read.
type Tensors struct {
	Pixels  string // as tensorset.Pixels
	Collage int    // see tensorset.Options
	ZCA     Spec   // the training set by which whitened images were whitened; "" where there is none
}

// Errors of package tensorset.
var (
	ErrTensors = tensorset.ErrSet
	ErrPixels  = tensorset.ErrPixels
	ErrClasses = tensorset.ErrClasses
)

// IsTensors tells whether a set at a path is one of tensors; see [tensorset.Is].
func IsTensors(path, split string) (bool, error) { return tensorset.Is(path, split) }

// tensors opens a set of tensors, and says what it took.
func (o *Opener) tensors(ctx context.Context, path string, options dataset.OpenOptions) (*dataset.Set, error) {
	how := tensorset.Options{Pixels: tensorset.Pixels(o.Tensors.Pixels), Collage: o.Tensors.Collage,
		Names: options.Names, Classes: options.Classes, Limit: options.Limit, Split: options.Split,
		Labels: options.Labels, Strict: o.Strict}
	if o.Tensors.ZCA.Path != "" {
		how.Whitening = o.Whitening
	}
	s, err := tensorset.Open(ctx, path, how)
	if err != nil {
		return nil, err
	}
	for _, note := range s.Notes {
		o.tell(o.Note, "%s: %s", path, note)
	}
	if o.published == nil {
		o.published = map[*dataset.Set]*tensorset.Set{}
	}
	o.published[s.Images] = s
	return s.Images, nil
}

// Whitening learns the whitening of images of w × h pixels from the set for it, once for each size.
func (o *Opener) Whitening(ctx context.Context, w, h int) (*tensorset.Whitening, error) {
	if learned, ok := o.learned[[2]int{w, h}]; ok {
		return learned, nil
	}
	set, err := o.Open(ctx, o.Tensors.ZCA)
	if err != nil {
		return nil, err
	}
	defer set.Close()
	const long = 3 * 16 * 16
	if d := 3 * w * h; d > long {
		o.tell(o.Note, "%s: the whitening of %d numbers is learned from %d images, which takes a minute or more",
			o.Tensors.ZCA.Path, d, set.Len())
	}
	learned, err := learn(ctx, set, w, h)
	if err != nil {
		return nil, err
	}
	if o.learned == nil {
		o.learned = map[[2]int]*tensorset.Whitening{}
	}
	o.learned[[2]int{w, h}] = learned
	return learned, nil
}

// learn learns the whitening of all images of a set, cut to w × h pixels, which must be square.
func learn(ctx context.Context, set *dataset.Set, w, h int) (*tensorset.Whitening, error) {
	if w != h {
		return nil, fmt.Errorf("%w: a whitening of %d × %d pixels, want a square", tensorset.ErrPixels, w, h)
	}
	l, err := tensorset.NewLearner(w, h)
	if err != nil {
		return nil, err
	}
	v := make([]float32, 3*w*h)
	for _, class := range set.Classes {
		options := dataset.LoadOptions{Then: func(im *dataset.RGB) *dataset.RGB { return dataset.CropCenter(im, w) }}
		for sample := range set.Load(ctx, class.Images, options) {
			if sample.Err != nil {
				return nil, sample.Err
			}
			for i, b := range sample.Image.Pix {
				v[i%3*w*h+i/3] = float32(b) / 255
			}
			if err := l.Add(v); err != nil {
				return nil, err
			}
		}
	}
	return l.Learn()
}

// Published returns what is known of an open set that was published as tensors, nil of others.
func (o *Opener) Published(set *dataset.Set) *tensorset.Set { return o.published[set] }
