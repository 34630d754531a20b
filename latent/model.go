package latent

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/weights"
)

// ErrNoPosterior says that an autoencoder with a codebook, or of the TAESD family, encodes to one latent, not to a
// distribution.
var ErrNoPosterior = errors.New("the autoencoder has no posterior to sample from")

// Autoencoder is an autoencoder with its weights on an engine: an AutoencoderKL, a VQModel, or one of the TAESD family.
type Autoencoder struct {
	Layout
	SHA256 string   // of the weights' files, hex
	Notes  []string // how the files were read, see weights.File.Notes

	encode, decode *engine.Program
	sample         *engine.Program // nil without a posterior
}

// network is an autoencoder as graphs, of images [B, 3, H, W], about [-1, 1], and scaled latents [B, c, h, w].
type network interface {
	layout() Layout
	encode(p engine.Params, image *Node) *Node
	decode(p engine.Params, latent *Node) *Node
}

// compile puts the tensors of set on the engine, as n asks for them. A set of another model is a [weights.ErrMismatch]
// that names the tensors.
func compile(ctx context.Context, e *engine.Engine, n network, set *weights.Set,
	file *weights.File) (*Autoencoder, error) {
	a := &Autoencoder{Layout: n.layout(), Notes: file.Notes()}
	side := a.Downsampling()
	specs, err := e.Declare(func(p engine.Params, in []*Node) []*Node {
		return []*Node{n.decode(p, n.encode(p, in[0]))}
	}, shapes.Make(DType, 1, imageChannels, side, side))
	if err != nil {
		return nil, err
	}
	w, sum, err := e.UploadHashed(ctx, file, set, specs)
	if err != nil {
		return nil, err
	}
	a.SHA256 = sum
	var errS error
	if kl, ok := n.(Config); ok {
		a.sample, errS = e.Compile("encode a sample", func(p engine.Params, in []*Node) []*Node {
			return []*Node{kl.Sample(p, in[0], in[1])}
		}, w)
	}
	var errE, errD error
	a.encode, errE = e.Compile("encode",
		func(p engine.Params, in []*Node) []*Node { return []*Node{n.encode(p, in[0])} }, w)
	a.decode, errD = e.Compile("decode",
		func(p engine.Params, in []*Node) []*Node { return []*Node{n.decode(p, in[0])} }, w)
	return a, errors.Join(errS, errE, errD)
}

// HasPosterior reports whether EncodeSample can be had.
func (a *Autoencoder) HasPosterior() bool { return a.sample != nil }

// EncodeMean writes the scaled latents of images [n, 3, size, size] in [-1, 1] to latents [n, c, h, w]: the means
// of their posteriors, where there are any.
func (a *Autoencoder) EncodeMean(latents, images []float32, size int) error {
	return a.encode.Take(latents, a.images(images, size))
}

// EncodeSample writes samples of the posterior, drawn with the standard normal numbers in z
// [n, c, h, w], to latents of the same shape. z and latents may be one slice. Without a posterior it is an
// [ErrNoPosterior].
func (a *Autoencoder) EncodeSample(latents, images, z []float32, size int) error {
	if a.sample == nil {
		return ErrNoPosterior
	}
	return a.sample.Take(latents, a.images(images, size), a.latents(z, size))
}

// DecodeTo writes the images [n, 3, size, size], about [-1, 1], of scaled latents [n, c, h, w].
func (a *Autoencoder) DecodeTo(images, latents []float32, size int) error {
	return a.decode.Take(images, a.latents(latents, size))
}

func (a *Autoencoder) images(data []float32, size int) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(data, len(data)/(imageChannels*size*size), imageChannels, size, size)
}

func (a *Autoencoder) latents(data []float32, size int) *tensors.Tensor {
	c, side := a.LatentChannels, size/a.Downsampling()
	return tensors.FromFlatDataAndDimensions(data, len(data)/(c*side*side), c, side, side)
}

// Layout says what the latents of an autoencoder look like.
type Layout struct {
	LatentChannels int // c
	factor         int
}

// Downsampling returns f: an image of S pixels has a latent of S/f.
func (l Layout) Downsampling() int { return l.factor }

// LatentShape returns [c, h, w] of an image of size pixels, or an error if size is not a multiple of
// the downsampling.
func (l Layout) LatentShape(size int) ([]int, error) {
	if size < l.factor || size%l.factor != 0 {
		return nil, fmt.Errorf("an image of %d pixels has no latent: want a multiple of %d", size, l.factor)
	}
	return []int{l.LatentChannels, size / l.factor, size / l.factor}, nil
}
