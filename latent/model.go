package latent

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/weights"
)

// Autoencoder is an AutoencoderKL with its weights on an engine.
type Autoencoder struct {
	Config
	SHA256 string // of the weights' files, hex

	encode, sample, decode *engine.Program
}

// Open loads the autoencoder in folder dir: diffusers' config.json and weights, attention names old
// or new. A weights file of another model is a [weights.ErrMismatch] that names the tensors.
func Open(ctx context.Context, e *engine.Engine, dir string) (*Autoencoder, error) {
	config, err := ReadConfig(filepath.Join(dir, "config.json"))
	if err != nil {
		return nil, err
	}
	file, err := weights.Open(dir)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return load(ctx, e, config, file)
}

// OpenFS is [Open] of a folder in a file system, such as that of the model that travels in the program.
func OpenFS(ctx context.Context, e *engine.Engine, fsys fs.FS, dir string) (*Autoencoder, error) {
	config, err := ReadConfigFS(fsys, path.Join(dir, "config.json"))
	if err != nil {
		return nil, err
	}
	file, err := weights.OpenFS(fsys, dir)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return load(ctx, e, config, file)
}

// load is Open of a file that is open already.
func load(ctx context.Context, e *engine.Engine, c Config, file *weights.File) (*Autoencoder, error) {
	set, err := weights.Autoencoder(file)
	if err != nil {
		return nil, err
	}
	side := c.Downsampling()
	specs, err := e.Declare(c.Reconstruct, shapes.Make(DType, 1, imageChannels, side, side))
	if err != nil {
		return nil, err
	}
	w, err := e.Upload(set, specs)
	if err != nil {
		return nil, err
	}
	a := &Autoencoder{Config: c}
	for _, part := range []struct {
		program **engine.Program
		name    string
		f       engine.Func
	}{
		{&a.encode, "encode", func(p engine.Params, in []*Node) []*Node { return []*Node{c.Encode(p, in[0])} }},
		{&a.sample, "encode a sample", func(p engine.Params, in []*Node) []*Node { return []*Node{c.Sample(p, in[0], in[1])} }},
		{&a.decode, "decode", func(p engine.Params, in []*Node) []*Node { return []*Node{c.Decode(p, in[0])} }},
	} {
		if *part.program, err = e.Compile(part.name, part.f, w); err != nil {
			return nil, err
		}
	}
	a.SHA256, err = file.SHA256(ctx)
	return a, err
}

// LatentShape returns [c, h, w] of an image of size pixels, or an error if size is not a multiple of
// the downsampling.
func (c Config) LatentShape(size int) ([]int, error) {
	f := c.Downsampling()
	if size < f || size%f != 0 {
		return nil, fmt.Errorf("an image of %d pixels has no latent: want a multiple of %d", size, f)
	}
	return []int{c.LatentChannels, size / f, size / f}, nil
}

// EncodeMean writes the scaled posterior means of images [n, 3, size, size] in [-1, 1] to latents
// [n, c, h, w].
func (a *Autoencoder) EncodeMean(latents, images []float32, size int) error {
	return a.encode.Into(latents, a.images(images, size))
}

// EncodeSample writes samples of the posterior, drawn with the standard normal numbers in z
// [n, c, h, w], to latents of the same shape. z and latents may be one slice.
func (a *Autoencoder) EncodeSample(latents, images, z []float32, size int) error {
	return a.sample.Into(latents, a.images(images, size), a.latents(z, size))
}

// DecodeTo writes the images [n, 3, size, size], about [-1, 1], of scaled latents [n, c, h, w].
func (a *Autoencoder) DecodeTo(images, latents []float32, size int) error {
	return a.decode.Into(images, a.latents(latents, size))
}

func (a *Autoencoder) images(data []float32, size int) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(data, len(data)/(imageChannels*size*size), imageChannels, size, size)
}

func (a *Autoencoder) latents(data []float32, size int) *tensors.Tensor {
	c, side := a.LatentChannels, size/a.Downsampling()
	return tensors.FromFlatDataAndDimensions(data, len(data)/(c*side*side), c, side, side)
}
