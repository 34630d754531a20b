package scoring

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"mgd3/dataset"
	"mgd3/encode"
	"mgd3/engine"
	"mgd3/evaluate"
	"mgd3/features"
	"mgd3/internal/words"
	"mgd3/latent"
	"mgd3/matrix"
	"mgd3/stage"
	"mgd3/stage/batch"
)

// Embedder turns images into features. It is for one goroutine.
type Embedder struct {
	Batch  int               // images on the device at once; 0 is the usual
	Report func(stage.Event) // told of each image of all sources, as of the stage encode; may be nil

	engine      *engine.Engine
	load        dataset.LoadOptions // images of size × size
	size, width int                 // pixels of a side, features of an image
	embed       func(features, images []float32, size int) error
	done, total int // images
}

// OfNetwork makes the features of a network, of images squeezed to size pixels.
func OfNetwork(e *engine.Engine, net *features.Net, size int, ignoreEXIF bool) *Embedder {
	squeeze := func(im *dataset.RGB) *dataset.RGB { return dataset.Resize(im, size, size, dataset.Bilinear) }
	return &Embedder{
		engine: e, size: size, width: features.Width, embed: net.Features,
		load: dataset.LoadOptions{IgnoreEXIF: ignoreEXIF, Then: squeeze},
	}
}

// OfBackbone makes the features of a trained classifier, of the central size × size pixels.
func OfBackbone(e *engine.Engine, b *evaluate.Backbone, size int, ignoreEXIF bool) *Embedder {
	crop := func(im *dataset.RGB) *dataset.RGB { return b.Crop(im, size) }
	return &Embedder{engine: e, size: size, width: b.Width, embed: b.Features,
		load: dataset.LoadOptions{IgnoreEXIF: ignoreEXIF, Then: crop}}
}

// OfFile makes the features of the network whose weights a file has: SqueezeNet 1.1, or a ResNet of torchvision. notes
// say how the file was read.
func OfFile(ctx context.Context, e *engine.Engine, path string, size int, ignoreEXIF bool) (m *Embedder, notes []string,
	err error) {
	switch is, err := evaluate.IsBackbone(path); {
	case err != nil:
		return nil, nil, err
	case is:
		b, err := evaluate.OpenBackbone(ctx, e, path)
		if err != nil {
			return nil, nil, err
		}
		return OfBackbone(e, b, size, ignoreEXIF), b.Notes, nil
	}
	net, err := features.Open(ctx, e, path)
	if err != nil {
		return nil, nil, err
	}
	return OfNetwork(e, net, size, ignoreEXIF), net.Notes, nil
}

// OfLatents makes the latents of images, cropped as the settings say.
func OfLatents(e *engine.Engine, a *latent.Autoencoder, s encode.Settings) (*Embedder, error) {
	shape, err := a.LatentShape(s.Size)
	if err := errors.Join(err, s.Check()); err != nil {
		return nil, err
	}
	return &Embedder{engine: e, size: s.Size, width: shape[0] * shape[1] * shape[2], embed: a.EncodeMean,
		load: s.LoadOptions()}, nil
}

// Source is the features of a set's images. With skipBad images that cannot be read are passed over, and reported.
func (m *Embedder) Source(set *dataset.Set, skipBad bool) Source {
	m.total += set.Len()
	return func(ctx context.Context, class string) (matrix.Matrix, error) {
		return m.class(ctx, set, class, skipBad)
	}
}

// class returns the features [N, width] of a class's images.
func (m *Embedder) class(ctx context.Context, set *dataset.Set, class string, skipBad bool) (matrix.Matrix, error) {
	x := matrix.Matrix{Cols: m.width}
	at := slices.Index(set.ClassNames(), class)
	if at < 0 {
		return x, fmt.Errorf("the set has no such class, want one of %s", words.Quoted(set.ClassNames()))
	}
	batch := cmp.Or(m.Batch, batch.Usual)
	var pixels []float32
	one := 3 * m.size * m.size
	flush := func() error {
		n := len(pixels) / one
		rows := make([]float32, n*m.width)
		err := m.engine.Rows(ctx, rows, pixels, n, batch,
			func(features, images []float32) error { return m.embed(features, images, m.size) })
		x.Rows, x.Data, pixels = x.Rows+n, append(x.Data, rows...), pixels[:0]
		return err
	}
	for sample := range set.Load(ctx, set.Classes[at].Images, m.load) {
		m.done++
		if sample.Err != nil && skipBad && errors.Is(sample.Err, dataset.ErrImage) {
			m.report(stage.Event{Class: class, Warning: "skipped: " + sample.Err.Error()})
			continue
		}
		if sample.Err != nil {
			return x, sample.Err
		}
		pixels = slices.Grow(pixels, one)[:len(pixels)+one]
		dataset.ToTensor(pixels[len(pixels)-one:], sample.Image)
		if len(pixels) == batch*one {
			if err := flush(); err != nil {
				return x, err
			}
		}
		m.report(stage.Event{Done: m.done, Total: m.total, Class: class})
	}
	if err := ctx.Err(); err != nil {
		return x, err
	}
	return x, flush()
}

func (m *Embedder) report(e stage.Event) {
	if m.Report != nil {
		e.Stage = encode.Stage
		m.Report(e)
	}
}
